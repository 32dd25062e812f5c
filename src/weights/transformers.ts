/** What transformers calls GGUF's linears, and how their rows lie there. */
import { moduleTensors, type ModelConfig } from '../model/index.ts';
import type { ModuleName } from '../protocol/run.ts';

/** Within `model.layers.N.`; the same in Llama and Qwen2. */
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

/** `blk.3.attn_q` as `model.layers.3.self_attn.q_proj`. Throws RangeError for what is no linear. */
export function transformersName(name: string): string {
  const [, block, tensor] = /^blk\.(\d+)\.(\w+)$/.exec(name) ?? [];
  const module = toTransformers.get(tensor ?? '');
  if (!module) throw new RangeError(`"${name}" is none of the linears`);
  return `model.layers.${block}.${module}`;
}

/** `model.layers.3.self_attn.q_proj`, or without `model.`, as `blk.3.attn_q`; undefined for what is no linear. */
export function ggufName(name: string): string | undefined {
  const [, block, module] = /^(?:model\.)?layers\.(\d+)\.(\w+\.\w+)$/.exec(name) ?? [];
  const tensor = toGguf.get(module ?? '');
  return tensor && `blk.${Number(block)}.${tensor}`;
}

type Heads = Pick<ModelConfig, 'ropePairing' | 'headSize'>;

/** Whether GGUF has the rows of a linear in another order: where it pairs neighbours, those that RoPE turns. */
const isPermuted = (name: string, { ropePairing }: Heads) =>
  ropePairing === 'neighbours' && /\.attn_[qk]$/.test(name);

/**
 * Rows of `name` (its weights, or LoRA's B), [rows, columns], from GGUF's order to transformers'. transformers turns
 * component i of a head with i + headSize / 2; llama.cpp's converter interleaves the two halves for the architecture
 * `llama`, so that pairs are neighbours, and leaves `qwen2` as it is (`permute` in convert_hf_to_gguf.py).
 */
export function rowsToTransformers(
  name: string,
  values: Float32Array,
  columns: number,
  heads: Heads,
): Float32Array {
  return isPermuted(name, heads) ? moveRows(values, columns, heads.headSize, 'apart') : values;
}

/** The way back. */
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
