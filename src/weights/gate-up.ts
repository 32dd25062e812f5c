/**
 * Converts adapters of gate and up to one adapter of a joined linear with gate's rows first, as in transformers'
 * Granite 4, and back. Both directions are exact.
 */
import type { AdapterLayer } from './adapter.ts';
import { GATE_UP } from './transformers.ts';

/** A layer with its own alpha; its scale is alpha / rank. */
export interface ScaledLayer extends AdapterLayer {
  alpha: number;
}

/** `blk.3.ffn_gate` -> block 3, gate. */
const parseName = (name: string) => /^(blk\.\d+)\.ffn_(gate|up)$/.exec(name) ?? undefined;

/** Joins each block's gate and up, with zeros for one that is not adapted. Other layers stay unchanged. */
export function joinGateUp(layers: readonly AdapterLayer[], alpha: number): ScaledLayer[] {
  const blocks = new Map<string, { gate?: AdapterLayer; up?: AdapterLayer }>();
  for (const layer of layers) {
    const [, block, module] = parseName(layer.name) ?? [];
    if (block) blocks.set(block, { ...blocks.get(block), [module!]: layer });
  }
  const rest = layers.filter(({ name }) => !parseName(name)).map((layer) => ({ ...layer, alpha }));
  return [...rest, ...[...blocks].map(([block, parts]) => join(`${block}.${GATE_UP}`, parts, alpha))];
}

/** Stacks A, makes B block-diagonal, and adds the ranks. */
function join(
  name: string,
  { gate, up }: { gate?: AdapterLayer; up?: AdapterLayer },
  alpha: number,
): ScaledLayer {
  const first = (gate ?? up)!;
  const rank = (gate?.rank ?? 0) + (up?.rank ?? 0);
  const b = new Float32Array(2 * first.out * rank);
  const fill = (layer: AdapterLayer, row: number, column: number) => {
    // The joined layer has the first part's scale.
    const factor = first.rank / layer.rank;
    for (let i = 0; i < layer.out; i++)
      for (let r = 0; r < layer.rank; r++)
        b[(row + i) * rank + column + r] = factor * layer.b[i * layer.rank + r]!;
  };
  if (gate) fill(gate, 0, 0);
  if (up) fill(up, first.out, gate?.rank ?? 0);
  const a = new Float32Array(rank * first.in);
  if (gate) a.set(gate.a);
  if (up) a.set(up.a, (gate?.rank ?? 0) * first.in);
  return { name, a, b, rank, in: first.in, out: 2 * first.out, alpha: (alpha * rank) / first.rank };
}

/**
 * Splits a joined layer into gate and up, with the same scale. Components without effect on one of them are dropped
 * there, so that this inverts joinGateUp; if one of them is not changed at all, only the other is returned.
 */
export function splitGateUp(layer: AdapterLayer): AdapterLayer[] {
  const half = layer.out / 2;
  const parts = (['gate', 'up'] as const).map((module, i): AdapterLayer => {
    const b = layer.b.subarray(i * half * layer.rank, (i + 1) * half * layer.rank);
    return { ...layer, name: layer.name.replace(GATE_UP, `ffn_${module}`), b, out: half };
  });
  const nonZero = parts.map(withoutZeros).filter(({ rank }) => rank > 0);
  return nonZero.length ? nonZero : parts;
}

function withoutZeros({ a, b, rank, ...layer }: AdapterLayer): AdapterLayer {
  const isUsed = (r: number) => b.some((value, i) => i % rank === r && value !== 0);
  const nonZero = Array.from({ length: rank }, (_, r) => r).filter(isUsed);
  return {
    ...layer,
    a: Float32Array.from({ length: nonZero.length * layer.in }, (_, i) => {
      const r = nonZero[Math.floor(i / layer.in)]!;
      return a[r * layer.in + (i % layer.in)]!;
    }),
    b: Float32Array.from({ length: layer.out * nonZero.length }, (_, i) => {
      const row = Math.floor(i / nonZero.length);
      return b[row * rank + nonZero[i % nonZero.length]!]!;
    }),
    rank: nonZero.length,
  };
}
