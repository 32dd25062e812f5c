/** What a model looks like, read from GGUF metadata. */
import { UserError } from '../protocol/errors.ts';

export interface ModelConfig {
  architecture: 'llama';
  layers: number;
  /** Residual stream. */
  width: number;
  /** Inside the MLP. */
  hiddenWidth: number;
  heads: number;
  kvHeads: number;
  headSize: number;
  vocabularySize: number;
  contextLength: number;
  normEpsilon: number;
  ropeTheta: number;
  /** Which components RoPE turns together: (2i, 2i+1), as in GGUF's llama, or (i, i + headSize/2). */
  ropePairing: 'neighbours' | 'halves';
  /** The head is the embedding. */
  tiedHead: boolean;
}

/** The part of a GGUF file that the model reads. */
export interface WeightSource {
  metadata: Record<string, unknown>;
  tensors: ReadonlyMap<string, { shape: readonly number[] }>;
  /** Row-major values. */
  readF32(name: string): Promise<Float32Array>;
}

/** Reads the configuration. Throws `base-unsupported-architecture` or, where a figure is missing, `base-truncated`. */
export function readConfig({ metadata, tensors }: Pick<WeightSource, 'metadata' | 'tensors'>): ModelConfig {
  const architecture = metadata['general.architecture'];
  if (architecture !== 'llama')
    throw unsupported(`The architecture "${String(architecture)}" is not supported.`);
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
  refuseVariants(metadata, architecture, tensors);
  const embedding = tensors.get('token_embd.weight');
  if (!embedding)
    throw new UserError('base-truncated', 'The base has no token embedding.', 'Fetch the file again.');
  const heads = number('attention.head_count');
  const width = number('embedding_length');
  const headSize = optional('attention.key_length') ?? width / heads;
  if ((optional('rope.dimension_count') ?? headSize) !== headSize)
    throw unsupported('This base turns a part of each head only (partial RoPE), which is not supported.');
  return {
    architecture,
    layers: number('block_count'),
    width,
    hiddenWidth: number('feed_forward_length'),
    heads,
    kvHeads: optional('attention.head_count_kv') ?? heads,
    headSize,
    vocabularySize: embedding.shape[0]!,
    contextLength: number('context_length'),
    normEpsilon: number('attention.layer_norm_rms_epsilon'),
    ropeTheta: optional('rope.freq_base') ?? 10_000,
    ropePairing: 'neighbours',
    tiedHead: !tensors.has('output.weight'),
  };
}

/** Variants of llama that would train without an error and be wrong. */
function refuseVariants(
  metadata: Record<string, unknown>,
  architecture: string,
  tensors: WeightSource['tensors'],
): void {
  const scaling = metadata[`${architecture}.rope.scaling.type`];
  if ((scaling !== undefined && scaling !== 'none') || tensors.has('rope_freqs.weight'))
    throw unsupported('This base scales its RoPE, which is not supported.');
  if ([...tensors.keys()].some((name) => name.endsWith('.bias')))
    throw unsupported('This base has biases in its layers, which are not supported.');
  if (tensors.has('blk.0.ffn_gate_inp.weight'))
    throw unsupported('This base is a mixture of experts, which is not supported.');
}

const unsupported = (what: string) =>
  new UserError(
    'base-unsupported-architecture',
    what,
    'Choose a base of the plain Llama architecture, such as smollm2-135m.',
  );
