/**
 * Writes the output of test/reference/peft_adapters.py to disk: folders as the PEFT library saved them, and their bases
 * as GGUF files, with the rows of q and k in the order of llama.cpp's converter.
 */
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeGguf, type MetadataEntry, type TensorSource } from '../../src/gguf/index.ts';
import { tinyVocabulary } from './tiny-vocabulary.ts';

type Architecture = 'llama' | 'qwen2';
interface PeftCase {
  architecture: Architecture;
  config: Record<string, unknown>;
  /** The whole file, base64. */
  weights: string;
  /** f32 [tokens, vocabulary], base64. */
  logits: string;
}
interface BaseShape {
  hidden_size: number;
  intermediate_size: number;
  num_hidden_layers: number;
  num_attention_heads: number;
  num_key_value_heads: number;
  vocab_size: number;
  max_position_embeddings: number;
  rms_norm_eps: number;
  rope_theta: number;
  tie_word_embeddings: boolean;
}

const golden = JSON.parse(readFileSync('test/reference/peft-adapters.json', 'utf8')) as {
  bases: Record<Architecture, BaseShape>;
  tokens: number[];
  cases: Record<string, PeftCase>;
};

export const peftTokens = Int32Array.from(golden.tokens);
export const peftCases = Object.entries(golden.cases);

/** Log-probabilities after each token, [tokens][vocabulary], computed from the library's logits. */
export function peftLogProbabilities({ logits, architecture }: PeftCase): Float64Array[] {
  const bytes = new Uint8Array(Buffer.from(logits, 'base64'));
  const values = new Float32Array(bytes.buffer);
  const size = golden.bases[architecture].vocab_size;
  return golden.tokens.map((_, position) => {
    const row = Float64Array.from(values.subarray(position * size, (position + 1) * size));
    const most = Math.max(...row);
    const log = most + Math.log(row.reduce((sum, value) => sum + Math.exp(value - most), 0));
    return row.map((value) => value - log);
  });
}

/** The largest difference of log-probabilities, over tokens whose probability in the reference is above 1e-6. */
export function furthest(
  reference: readonly Float64Array[],
  probabilities: readonly ArrayLike<number>[],
): number {
  let most = 0;
  for (const [position, row] of reference.entries())
    row.forEach((value, token) => {
      if (value > Math.log(1e-6))
        most = Math.max(most, Math.abs(value - Math.log(probabilities[position]![token]!)));
    });
  return most;
}

export async function writePeftFolder(folder: string, { config, weights }: PeftCase): Promise<string> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'adapter_config.json'), JSON.stringify(config));
  await writeFile(join(folder, 'adapter_model.safetensors'), Buffer.from(weights, 'base64'));
  return folder;
}

/** Numbers that depend only on the name, as in the script. */
function made(name: string, count: number, spread: number, centre: number): Float32Array {
  let state = 2166136261;
  for (const byte of Buffer.from(name)) state = Math.imul(state ^ byte, 16777619) >>> 0;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return centre + spread * (state / 2 ** 31 - 1);
  });
}

/** Row `row` of a head goes to 2 (row mod half) + (row div half): the two halves interleaved. */
function interleaved(values: Float32Array, columns: number, headSize: number): Float32Array {
  const moved = new Float32Array(values.length);
  for (let row = 0; row < values.length / columns; row += 1) {
    const within = row % headSize;
    const to = row - within + 2 * (within % (headSize / 2)) + Math.floor((2 * within) / headSize);
    moved.set(values.subarray(row * columns, (row + 1) * columns), to * columns);
  }
  return moved;
}

/** A base tensor as in transformers, by its name there: the numbers, in the script's order of rows. */
export function transformersTensor(theirs: string, size: readonly number[]): Float32Array {
  const gain = theirs.endsWith('norm.weight');
  const small = gain || theirs.endsWith('bias');
  const spread = small ? 0.3 : theirs.includes('embed') ? 1 : Math.sqrt(3 / size[1]!);
  const count = size.reduce((product, one) => product * one, 1);
  return made(theirs, count, spread, gain ? 1 : 0);
}

/** Writes the base of an architecture's adapters, in F32. */
export async function writePeftBase(path: string, architecture: Architecture): Promise<void> {
  const shape = golden.bases[architecture];
  const [width, heads] = [shape.hidden_size, shape.num_attention_heads];
  const headSize = width / heads;
  const kvWidth = shape.num_key_value_heads * headSize;
  const tensors: TensorSource[] = [];
  const put = (name: string, theirs: string, size: number[]) => {
    const values = transformersTensor(theirs, size);
    const turned = architecture === 'llama' && /attn_[qk]\.weight$/.test(name);
    tensors.push({
      name,
      shape: size,
      type: 'F32',
      data: turned ? interleaved(values, width, headSize) : values,
    });
  };
  put('token_embd.weight', 'model.embed_tokens.weight', [shape.vocab_size, width]);
  for (let layer = 0; layer < shape.num_hidden_layers; layer += 1) {
    const [ours, theirs] = [`blk.${layer}`, `model.layers.${layer}`];
    const outs = { q: width, k: kvWidth, v: kvWidth };
    put(`${ours}.attn_norm.weight`, `${theirs}.input_layernorm.weight`, [width]);
    for (const [module, out] of Object.entries(outs)) {
      put(`${ours}.attn_${module}.weight`, `${theirs}.self_attn.${module}_proj.weight`, [out, width]);
      if (architecture === 'qwen2')
        put(`${ours}.attn_${module}.bias`, `${theirs}.self_attn.${module}_proj.bias`, [out]);
    }
    put(`${ours}.attn_output.weight`, `${theirs}.self_attn.o_proj.weight`, [width, width]);
    put(`${ours}.ffn_norm.weight`, `${theirs}.post_attention_layernorm.weight`, [width]);
    put(`${ours}.ffn_gate.weight`, `${theirs}.mlp.gate_proj.weight`, [shape.intermediate_size, width]);
    put(`${ours}.ffn_up.weight`, `${theirs}.mlp.up_proj.weight`, [shape.intermediate_size, width]);
    put(`${ours}.ffn_down.weight`, `${theirs}.mlp.down_proj.weight`, [width, shape.intermediate_size]);
  }
  put('output_norm.weight', 'model.norm.weight', [width]);
  if (!shape.tie_word_embeddings) put('output.weight', 'lm_head.weight', [shape.vocab_size, width]);
  await writeGguf(path, { metadata: metadataOf(architecture, shape), tensors });
}

function metadataOf(architecture: Architecture, shape: BaseShape): [string, MetadataEntry][] {
  const vocabulary = tinyVocabulary();
  const padded = tinyVocabulary({ padding: shape.vocab_size - vocabulary.tokens.length });
  const uint = (value: number): MetadataEntry => ({ type: 'uint32', value });
  const float = (value: number): MetadataEntry => ({ type: 'float32', value });
  return [
    ['general.architecture', { type: 'string', value: architecture }],
    ['general.type', { type: 'string', value: 'model' }],
    ['general.name', { type: 'string', value: `tiny ${architecture}` }],
    ['general.file_type', uint(0)],
    [`${architecture}.block_count`, uint(shape.num_hidden_layers)],
    [`${architecture}.context_length`, uint(shape.max_position_embeddings)],
    [`${architecture}.embedding_length`, uint(shape.hidden_size)],
    [`${architecture}.feed_forward_length`, uint(shape.intermediate_size)],
    [`${architecture}.attention.head_count`, uint(shape.num_attention_heads)],
    [`${architecture}.attention.head_count_kv`, uint(shape.num_key_value_heads)],
    [`${architecture}.attention.layer_norm_rms_epsilon`, float(shape.rms_norm_eps)],
    [`${architecture}.rope.freq_base`, float(shape.rope_theta)],
    [`${architecture}.vocab_size`, uint(shape.vocab_size)],
    ...padded.metadata,
  ];
}
