/** The model configuration, read from GGUF metadata. */
import {
  architectures,
  blockTensors,
  CHOOSE_ANOTHER,
  epsilonKey,
  isArchitecture,
  type Architecture,
  lastNormTensors,
  ROPE_DIVISORS,
  type ArchitectureName,
  type NamedInTransformers,
  type Positions,
  type Scales,
  sameForAll,
} from '../base-models/architectures.ts';
import { checkHyperparameters, checkTensors } from '../base-models/check-model.ts';
import type { BaseShape } from '../base-models/registry.ts';
import type { TensorType } from '../gguf/types.ts';
import { UserError } from '../text/errors.ts';
import { msg, type Text } from '../text/message.ts';

export interface ModelConfig extends BaseShape {
  architecture: ArchitectureName;
  contextLength: number;
  normEpsilon: number;
  ropeTheta: number;
  /** Which pairs of components RoPE rotates: (2i, 2i + 1), as in GGUF's llama, or (i, i + headSize / 2). */
  ropePairing: 'neighbours' | 'halves';
  /** Linear RoPE scaling: positions are divided by this; 1 means none. */
  ropeFactor: number;
  /** Llama 3's scaling: the frequency of pair i is divided by ropeDivisors[i]. `loadModel` reads them from the file. */
  ropeDivisors?: Float32Array;
  /** One entry per layer; layers with equal settings share an object. */
  positions: readonly Positions[];
  scales: Scales;
  /** Only if it differs from the architecture's default. */
  inTransformers?: NamedInTransformers;
}

/** The part of a GGUF file that the model reads. */
export interface WeightSource {
  path?: string;
  metadata: Record<string, unknown>;
  tensors: ReadonlyMap<string, { shape: readonly number[]; type?: TensorType }>;
  /** Row-major values. */
  readF32(name: string): Promise<Float32Array>;
  /** The bytes as stored, in the tensor's `type`; if absent, all matrices are read as floats. */
  readBytes?(name: string): Promise<Uint8Array>;
}

/** Reads the configuration. Throws UserError `base-unsupported-architecture`, and the errors of check-model.ts. */
export function readConfig(source: Pick<WeightSource, 'path' | 'metadata' | 'tensors'>): ModelConfig {
  const { metadata, tensors } = source;
  const architecture = metadata['general.architecture'];
  if (!isArchitecture(architecture))
    throw unsupported(msg`The architecture "${String(architecture)}" is not supported.`);
  checkHyperparameters(source);
  const optional = (key: string) => {
    const value = sameForAll(metadata[`${architecture}.${key}`]);
    if (Array.isArray(value))
      throw unsupported(msg`In this base, "${key}" differs from block to block, which is not supported.`);
    return value === undefined || value === null ? undefined : Number(value);
  };
  const number = (key: string) => {
    const value = optional(key);
    if (value === undefined || !(value > 0) || !Number.isFinite(value))
      throw new UserError(
        'base-truncated',
        msg`The base has no usable "${architecture}.${key}".`,
        msg`Download the file again.`,
      );
    return value;
  };
  const heads = number('attention.head_count');
  const width = number('embedding_length');
  const headSize = optional('attention.key_length') ?? width / heads;
  if ((optional('rope.dimension_count') ?? headSize) !== headSize)
    throw unsupported(
      msg`This base rotates only a part of each head (partial RoPE), which is not supported.`,
    );
  if ((optional('attention.value_length') ?? headSize) !== headSize)
    throw unsupported(msg`In this base, values and keys differ in size, which is not supported.`);
  for (const [key, what] of unsupportedHyperparameters)
    if (optional(key)) throw unsupported(msg`This base ${what}, which is not supported.`);
  if (Array.isArray(metadata[`${architecture}.attention.sliding_window_pattern`]))
    throw unsupported(msg`This base lists the layers that have a sliding window, which is not supported.`);
  const layers = number('block_count');
  const ropeTheta = optional('rope.freq_base') ?? 10_000;
  const ropeFactor = readRopeFactor(metadata, architecture);
  const row: Architecture = architectures[architecture];
  const all: Positions = { ropeTheta, ropeFactor };
  const positionsOf = row.positions?.(all, optional) ?? (() => all);
  const tags: unknown = metadata['general.tags'];
  const inTransformers = row.inTransformers?.(optional, Array.isArray(tags) ? tags.map(String) : []);
  const config: ModelConfig = {
    architecture,
    layers,
    width,
    hiddenWidth: number('feed_forward_length'),
    heads,
    kvHeads: optional('attention.head_count_kv') ?? heads,
    headSize,
    vocabularySize: tensors.get('token_embd.weight')?.shape[0] ?? 0,
    contextLength: number('context_length'),
    normEpsilon: number(epsilonKey(architecture)),
    ropeTheta,
    ropePairing: row.ropePairing,
    ropeFactor,
    positions: shared(Array.from({ length: layers }, (_, layer) => positionsOf(layer))),
    scales: { embedding: 1, residual: 1, attention: undefined, logits: 1, ...row.scales?.(optional) },
    qkvBias: tensors.has('blk.0.attn_q.bias'),
    tiedHead: !tensors.has('output.weight'),
    ...(inTransformers && { inTransformers }),
  };
  rejectVariants(tensors, config);
  checkTensors(source);
  return config;
}

/** Metadata that changes what a model computes, and what it does. */
const unsupportedHyperparameters = [
  ['attn_logit_softcapping', 'caps its scores'],
  ['final_logit_softcapping', 'caps its logits'],
] as const;

/** Lets layers with equal settings share one object. */
function shared(all: readonly Positions[]): Positions[] {
  const first = new Map<string, Positions>();
  return all.map((value) => {
    const key = JSON.stringify(value);
    return first.get(key) ?? first.set(key, value).get(key)!;
  });
}

/** As in llama.cpp: a factor without a type is linear; `rope.scale_linear` is the old name. */
function readRopeFactor(metadata: Record<string, unknown>, architecture: string): number {
  const get = (key: string) => metadata[`${architecture}.rope.${key}`];
  const type = get('scaling.type') ?? 'linear';
  if (type !== 'none' && type !== 'linear')
    throw unsupported(msg`This base scales its RoPE by the rule "${String(type)}", which is not supported.`);
  if (Number(get('scaling.attn_factor') ?? 1) !== 1)
    throw unsupported(msg`This base scales its attention with its RoPE, which is not supported.`);
  const factor = type === 'none' ? 1 : Number(get('scaling.factor') ?? get('scale_linear') ?? 1);
  // llama.cpp writes 0 for "none".
  return factor > 0 ? factor : 1;
}

/** Rejects variants that would silently train incorrectly: those with tensors that are not read here. */
function rejectVariants(tensors: WeightSource['tensors'], config: ModelConfig): void {
  if (tensors.has('blk.0.ffn_gate_inp.weight'))
    throw unsupported(msg`This base is a mixture of experts, which is not supported.`);
  const { biases, ropeDivisors } = architectures[config.architecture];
  const known = new Set(['token_embd.weight', 'output.weight', ...lastNormTensors(config).keys()]);
  if (ropeDivisors) known.add(ROPE_DIVISORS);
  // All biases or none: a model with only some of them is an unknown variant.
  const layers = Array.from({ length: config.layers }, (_, block) => block);
  const complete = layers.every((block) =>
    ['q', 'k', 'v'].every((module) => tensors.has(`blk.${block}.attn_${module}.bias`)),
  );
  const qkvBias = complete && biases === 'optional';
  for (const name of blockTensors({ ...config, qkvBias }).keys())
    for (const block of layers) known.add(`blk.${block}.${name}`);
  const unexpected = [...tensors.keys()].find((name) => !known.has(name));
  if (unexpected?.endsWith('.bias'))
    throw unsupported(
      biases === 'optional'
        ? msg`This base has a bias "${unexpected}": biases are supported only on q, k and v, and on all three of them.`
        : msg`This base has a bias "${unexpected}", which ${config.architecture} models do not have.`,
    );
  if (unexpected) throw unsupported(msg`This base has a tensor "${unexpected}", which is not supported.`);
}

const unsupported = (what: Text) => new UserError('base-unsupported-architecture', what, CHOOSE_ANOTHER);
