/** Names of GGUF's linears in transformers, and the order of their rows there. */
import { moduleTensors } from '../base-models/architectures.ts';
import type { ModelConfig } from '../model/index.ts';
import type { ModuleName } from '../protocol/run.ts';

/** Names within `model.layers.N.`; the same in Llama and Qwen2. */
export const moduleNamesInTransformers: Record<ModuleName, string> = {
  q: 'self_attn.q_proj',
  k: 'self_attn.k_proj',
  v: 'self_attn.v_proj',
  o: 'self_attn.o_proj',
  gate: 'mlp.gate_proj',
  up: 'mlp.up_proj',
  down: 'mlp.down_proj',
};

const pairs = (Object.keys(moduleTensors) as ModuleName[]).map(
  (module) => [moduleTensors[module], moduleNamesInTransformers[module]] as const,
);
const toTransformers = new Map(pairs);
const toGguf = new Map(pairs.map(([gguf, name]) => [name, gguf]));

/** `blk.3.attn_q` -> `model.layers.3.self_attn.q_proj`. Throws RangeError if the name is not a linear. */
export function transformersName(name: string): string {
  const [, block, tensor] = /^blk\.(\d+)\.(\w+)$/.exec(name) ?? [];
  const module = toTransformers.get(tensor ?? '');
  if (!module) throw new RangeError(`"${name}" is not a linear`);
  return `model.layers.${block}.${module}`;
}

/** `model.layers.3.self_attn.q_proj`, with or without `model.`, -> `blk.3.attn_q`; undefined if it is not a linear. */
export function ggufName(name: string): string | undefined {
  const [, block, module] = /^(?:model\.)?layers\.(\d+)\.(\w+\.\w+)$/.exec(name) ?? [];
  const tensor = toGguf.get(module ?? '');
  return tensor && `blk.${Number(block)}.${tensor}`;
}

type Heads = Pick<ModelConfig, 'ropePairing' | 'headSize'>;

/** Whether GGUF has the rows of a linear in another order: q and k, if RoPE pairs neighbours. */
const isPermuted = (name: string, { ropePairing }: Heads) =>
  ropePairing === 'neighbours' && /\.attn_[qk]$/.test(name);

/**
 * Changes the rows of `name` (its weights, or LoRA's B), [rows, columns], from GGUF's order to transformers'. In
 * transformers, RoPE rotates component i of a head with i + headSize / 2. For architectures
 * whose pairs are neighbours, llama.cpp's converter interleaves the two halves (`permute` in convert_hf_to_gguf.py).
 */
export function rowsToTransformers(
  name: string,
  values: Float32Array,
  columns: number,
  heads: Heads,
): Float32Array {
  return isPermuted(name, heads) ? moveRows(values, columns, heads.headSize, 'apart') : values;
}

/** The reverse of rowsToTransformers. */
export function rowsToGguf(name: string, values: Float32Array, columns: number, heads: Heads): Float32Array {
  return isPermuted(name, heads) ? moveRows(values, columns, heads.headSize, 'together') : values;
}

function moveRows(
  values: Float32Array,
  columns: number,
  headSize: number,
  pairs: 'apart' | 'together',
): Float32Array {
  const moved = new Float32Array(values.length);
  const half = headSize / 2;
  for (let row = 0; row < values.length / columns; row++) {
    const within = row % headSize;
    const neighbours = 2 * (within % half) + Math.floor(within / half);
    const [from, to] = [row - within + neighbours, row];
    const [source, target] = pairs === 'apart' ? [from, to] : [to, from];
    moved.set(values.subarray(source * columns, (source + 1) * columns), target * columns);
  }
  return moved;
}
