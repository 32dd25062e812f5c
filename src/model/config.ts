/** A model's configuration, read from GGUF metadata. */
import { checkFigures, checkTensors } from '../base-models/check-model.ts';
import type { BaseShape } from '../base-models/registry.ts';
import type { TensorType } from '../gguf/types.ts';
import { UserError } from '../protocol/errors.ts';
import { linearNames } from './targets.ts';

export interface ModelConfig extends BaseShape {
  architecture: 'llama' | 'qwen2';
  contextLength: number;
  normEpsilon: number;
  ropeTheta: number;
  /** Which pairs of components RoPE rotates: (2i, 2i + 1), as in GGUF's llama, or (i, i + headSize / 2). */
  ropePairing: 'neighbours' | 'halves';
  /** Linear RoPE scaling: positions are divided by this; 1: none. */
  ropeFactor: number;
  /** Llama 3's scaling: the frequency of pair i is divided by ropeDivisors[i]. `loadModel` reads them from the file. */
  ropeDivisors?: Float32Array;
}

/** The part of a GGUF file that the model reads. */
export interface WeightSource {
  path?: string;
  metadata: Record<string, unknown>;
  tensors: ReadonlyMap<string, { shape: readonly number[]; type?: TensorType }>;
  /** Row-major values. */
  readF32(name: string): Promise<Float32Array>;
  /** The bytes as stored in the tensor's `type`; without it, all matrices are read as numbers. */
  readBytes?(name: string): Promise<Uint8Array>;
}

/** In GGUF's llama, the rows of q and k are permuted so that pairs are neighbours; qwen2 keeps the original halves. */
const pairings = { llama: 'neighbours', qwen2: 'halves' } as const;

/** Tensor of the pairs' divisors, which the converter computes from Llama 3's factor, frequency factors and context. */
export const ROPE_DIVISORS = 'rope_freqs.weight';

/** Reads the configuration. Throws UserError `base-unsupported-architecture`, and like the checks in check-model.ts. */
export function readConfig(source: Pick<WeightSource, 'path' | 'metadata' | 'tensors'>): ModelConfig {
  const { metadata, tensors } = source;
  const architecture = metadata['general.architecture'];
  if (architecture !== 'llama' && architecture !== 'qwen2')
    throw unsupported(`The architecture "${String(architecture)}" is not supported.`);
  checkFigures(source);
  const optional = (key: string) => {
    const value = metadata[`${architecture}.${key}`];
    return value === undefined || value === null ? undefined : Number(value);
  };
  const number = (key: string) => {
    const value = optional(key);
    if (value === undefined || !(value > 0) || !Number.isFinite(value))
      throw new UserError(
        'base-truncated',
        `The base has no usable "${architecture}.${key}".`,
        'Fetch the file again.',
      );
    return value;
  };
  const heads = number('attention.head_count');
  const width = number('embedding_length');
  const headSize = optional('attention.key_length') ?? width / heads;
  if ((optional('rope.dimension_count') ?? headSize) !== headSize)
    throw unsupported('This base rotates only a part of each head (partial RoPE), which is not supported.');
  if ((optional('attention.value_length') ?? headSize) !== headSize)
    throw unsupported('In this base, values and keys differ in size, which is not supported.');
  const layers = number('block_count');
  refuseVariants(tensors, architecture, layers);
  checkTensors(source);
  return {
    architecture,
    layers,
    width,
    hiddenWidth: number('feed_forward_length'),
    heads,
    kvHeads: optional('attention.head_count_kv') ?? heads,
    headSize,
    vocabularySize: tensors.get('token_embd.weight')!.shape[0]!,
    contextLength: number('context_length'),
    normEpsilon: number('attention.layer_norm_rms_epsilon'),
    ropeTheta: optional('rope.freq_base') ?? 10_000,
    ropePairing: pairings[architecture],
    ropeFactor: readRopeFactor(metadata, architecture),
    qkvBias: tensors.has('blk.0.attn_q.bias'),
    tiedHead: !tensors.has('output.weight'),
  };
}

/** The same rules as in llama.cpp: a factor without a type is linear; `rope.scale_linear` is its old name. */
function readRopeFactor(metadata: Record<string, unknown>, architecture: string): number {
  const get = (key: string) => metadata[`${architecture}.rope.${key}`];
  const type = get('scaling.type') ?? 'linear';
  if (type !== 'none' && type !== 'linear')
    throw unsupported(`This base scales its RoPE by the rule "${String(type)}", which is not supported.`);
  if (Number(get('scaling.attn_factor') ?? 1) !== 1)
    throw unsupported('This base scales its attention with its RoPE, which is not supported.');
  const factor = type === 'none' ? 1 : Number(get('scaling.factor') ?? get('scale_linear') ?? 1);
  // llama.cpp writes 0 for "none".
  return factor > 0 ? factor : 1;
}

/** Refuses variants that would train without an error but wrongly: all that have tensors which are not read here. */
function refuseVariants(
  tensors: WeightSource['tensors'],
  architecture: ModelConfig['architecture'],
  layers: number,
): void {
  if (tensors.has('blk.0.ffn_gate_inp.weight'))
    throw unsupported('This base is a mixture of experts, which is not supported.');
  const known = new Set(['token_embd.weight', 'output_norm.weight', 'output.weight']);
  // llama.cpp applies the divisors to llama only.
  if (architecture === 'llama') known.add(ROPE_DIVISORS);
  const biases: string[] = [];
  for (let block = 0; block < layers; block += 1) {
    for (const module of ['attn_q', 'attn_k', 'attn_v']) biases.push(`blk.${block}.${module}.bias`);
    for (const norm of ['attn_norm', 'ffn_norm']) known.add(`blk.${block}.${norm}.weight`);
  }
  for (const name of linearNames({ layers })) known.add(`${name}.weight`);
  // All biases or none: with some of them it would be an unknown variant.
  if (biases.every((name) => tensors.has(name))) for (const name of biases) known.add(name);
  const strange = [...tensors.keys()].find((name) => !known.has(name));
  if (strange?.endsWith('.bias'))
    throw unsupported(
      `This base has a bias "${strange}": biases are supported only on q, k and v, and on all three of them.`,
    );
  if (strange) throw unsupported(`This base has a tensor "${strange}", which is not supported.`);
}

const unsupported = (what: string) =>
  new UserError(
    'base-unsupported-architecture',
    what,
    'Choose a base of the Llama or Qwen2 architecture, such as smollm2-135m.',
  );
