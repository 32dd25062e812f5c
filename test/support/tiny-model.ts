/**
 * A model that tests generate: llama or qwen2, byte-level BPE with fill-in-the-middle tokens, random weights from a
 * seed. llama.cpp can load it, tokenise and generate with it; its output is noise.
 */
import {
  blockTensors,
  epsilonKey,
  lastNormTensors,
  isArchitecture,
} from '../../src/base-models/architectures.ts';
import { exportAdapterGguf, type AdapterLayer } from '../../src/weights/index.ts';
import {
  openGguf,
  writeGguf,
  type MetadataEntry,
  type TensorSource,
  type TensorType,
} from '../../src/gguf/index.ts';
import { tinyHyperparameters } from './tiny-hyperparameters.ts';
import { quantise } from './quantise.ts';
import { Random } from './random.ts';
import { tinyVocabulary } from './tiny-vocabulary.ts';

export interface TinyModelOptions {
  layers?: number;
  embedding?: number;
  heads?: number;
  /** Default: embedding / heads. */
  headSize?: number;
  kvHeads?: number;
  ffn?: number;
  context?: number;
  seed?: number;
  /** Type of the matrices; norms are always F32. Default F32. */
  type?: TensorType;
  /** Whether the output head is the embedding. Default true, as in SmolLM2. */
  tied?: boolean;
  /** `general.architecture`. Values other than llama and qwen2 are for tests that they are rejected. Default llama. */
  architecture?: string;
  /** Further hyperparameters of the architecture. Default: those of tiny-hyperparameters.ts. */
  hyperparameters?: Record<string, number | boolean>;
  /** Biases on q, k and v. Default: only if the architecture is qwen2. */
  qkvBias?: boolean;
  /** Number of unused rows of the embedding, as converters pad a vocabulary. */
  padding?: number;
  normEpsilon?: number;
  /** Factor of linear RoPE scaling. */
  ropeFactor?: number;
  /** Llama 3's RoPE scaling, as the converter stores it. */
  llama3?: Llama3Scaling;
  /** Whether the vocabulary has fill-in-the-middle tokens (random weights cannot use them). Default true. */
  fillInTheMiddle?: boolean;
  /** How the names of special tokens are written: <|fim_prefix|> as in Qwen, or <fim_prefix> as in StarCoder. */
  marks?: 'qwen' | 'starcoder';
  /** Whether every text begins with the token <|im_start|>, according to the vocabulary. Default false. */
  start?: boolean;
  /** More merges of the vocabulary, from learnMerges. Default: none, which makes most characters of prose a token. */
  merges?: readonly string[];
  /** `tokenizer.chat_template`, in Jinja. Default: none. */
  chatTemplate?: string;
  /** The licence stated in its file. Default: apache-2.0. */
  licence?: string;
}

const ROPE_THETA = 10_000;

export interface Llama3Scaling {
  factor: number;
  lowFactor: number;
  highFactor: number;
  originalContext: number;
}

/** Each pair's divisor: 1 for short wavelengths, `factor` for long ones, a blend in between. Transformers' formula. */
export function llama3Divisors(headSize: number, theta: number, scaling: Llama3Scaling): Float32Array {
  const { factor, lowFactor, highFactor, originalContext } = scaling;
  return Float32Array.from({ length: headSize / 2 }, (_, i) => {
    const wavelength = 2 * Math.PI * theta ** ((2 * i) / headSize);
    if (wavelength < originalContext / highFactor) return 1;
    if (wavelength > originalContext / lowFactor) return factor;
    const smooth = (originalContext / wavelength - lowFactor) / (highFactor - lowFactor);
    return 1 / ((1 - smooth) / factor + smooth);
  });
}

/** Writes the model. The same options give the same bytes. */
export async function writeTinyModel(path: string, options: TinyModelOptions = {}): Promise<void> {
  const {
    layers = 2,
    embedding = 64,
    heads = 4,
    kvHeads = 2,
    ffn = 128,
    context = 1024,
    seed = 0,
    type = 'F32',
    tied = true,
  } = options;
  const { architecture = 'llama', normEpsilon = 1e-5, ropeFactor, llama3 } = options;
  const { hyperparameters = (isArchitecture(architecture) && tinyHyperparameters[architecture]) || {} } =
    options;
  const { qkvBias = architecture === 'qwen2' } = options;
  const vocabulary = tinyVocabulary(options);
  const { headSize = embedding / heads } = options;
  const sizes = {
    architecture: isArchitecture(architecture) ? architecture : 'llama',
    ...{ width: embedding, hiddenWidth: ffn, heads, kvHeads, headSize, qkvBias },
  };
  const random = new Random(seed);
  const tensors: TensorSource[] = [];
  const matrix = (name: string, rows: number, columns: number) => {
    const values = random.normals(rows * columns, 1 / Math.sqrt(columns));
    tensors.push({ name, shape: [rows, columns], type, data: quantise(type, values) });
  };
  // Norms are not all ones, so that tests notice if one is not used.
  const vector = (name: string, size: number) => {
    const data = name.endsWith('norm.weight')
      ? random.normals(size, 0.1).map((value) => 1 + value)
      : random.normals(size, 0.5);
    tensors.push({ name, shape: [size], type: 'F32', data });
  };

  matrix('token_embd.weight', vocabulary.tokens.length, embedding);
  for (let layer = 0; layer < layers; layer++) {
    for (const [name, [rows, columns]] of blockTensors(sizes))
      if (columns) matrix(`blk.${layer}.${name}`, rows!, columns);
      else vector(`blk.${layer}.${name}`, rows!);
  }
  for (const name of lastNormTensors(sizes).keys()) vector(name, embedding);
  if (!tied) matrix('output.weight', vocabulary.tokens.length, embedding);
  if (llama3) {
    const data = llama3Divisors(headSize, ROPE_THETA, llama3);
    tensors.push({ name: 'rope_freqs.weight', shape: [headSize / 2], type: 'F32', data });
  }

  const uint = (value: number): MetadataEntry => ({ type: 'uint32', value });
  const fileTypes = {
    F32: 0,
    F16: 1,
    Q4_0: 2,
    Q4_1: 3,
    Q8_0: 7,
    Q5_0: 8,
    Q5_1: 9,
    Q4_K: 15,
    Q5_K: 17,
    Q6_K: 18,
    BF16: 32,
  };
  const metadata: [string, MetadataEntry][] = [
    ['general.architecture', { type: 'string', value: architecture }],
    ['general.type', { type: 'string', value: 'model' }],
    ['general.name', { type: 'string', value: `tiny ${seed}` }],
    ['general.license', { type: 'string', value: options.licence ?? 'apache-2.0' }],
    [`${architecture}.block_count`, uint(layers)],
    [`${architecture}.context_length`, uint(context)],
    [`${architecture}.embedding_length`, uint(embedding)],
    [`${architecture}.feed_forward_length`, uint(ffn)],
    [`${architecture}.attention.head_count`, uint(heads)],
    [`${architecture}.attention.head_count_kv`, uint(kvHeads)],
    [`${architecture}.${epsilonKey(sizes.architecture)}`, { type: 'float32', value: normEpsilon }],
    [`${architecture}.rope.freq_base`, { type: 'float32', value: ROPE_THETA }],
    [`${architecture}.rope.dimension_count`, uint(headSize)],
    [`${architecture}.vocab_size`, uint(vocabulary.tokens.length)],
    ['general.file_type', uint(fileTypes[type])],
    ...Object.entries(hyperparameters).map(([name, value]): [string, MetadataEntry] => [
      `${architecture}.${name}`,
      entryOf(name, value),
    ]),
    ...(options.headSize === undefined
      ? []
      : ['key_length', 'value_length'].map((key): [string, MetadataEntry] => [
          `${architecture}.attention.${key}`,
          uint(headSize),
        ])),
    ...(ropeFactor === undefined
      ? []
      : ([
          [`${architecture}.rope.scaling.type`, { type: 'string', value: 'linear' }],
          [`${architecture}.rope.scaling.factor`, { type: 'float32', value: ropeFactor }],
        ] as [string, MetadataEntry][])),
    ...vocabulary.metadata,
  ];
  // Values given by the caller come last and take precedence.
  await writeGguf(path, { metadata: [...new Map(metadata)], tensors });
}

/** Of the type that llama.cpp requires for it. */
function entryOf(name: string, value: number | boolean): MetadataEntry {
  if (typeof value === 'boolean') return { type: 'bool', value };
  return { type: /scale|freq_base|softcapping/.test(name) ? 'float32' : 'uint32', value };
}

export interface TinyAdapterOptions {
  rank?: number;
  alpha?: number;
  seed?: number;
  /** GGUF's module names. Default: all seven. */
  targets?: readonly string[];
  /** Standard deviation of B; 0 makes an adapter that changes nothing. Default 0.1. */
  scale?: number;
}

const modules = ['attn_q', 'attn_k', 'attn_v', 'attn_output', 'ffn_gate', 'ffn_up', 'ffn_down'];

/** Writes a random LoRA adapter for the model at `base`. Returns its layers. */
export async function writeTinyAdapter(
  path: string,
  base: string,
  options: TinyAdapterOptions = {},
): Promise<AdapterLayer[]> {
  const { rank = 4, alpha = 8, seed = 1, targets = modules, scale = 0.1 } = options;
  const random = new Random(seed);
  const gguf = await openGguf(base);
  await gguf.close();
  const layers: AdapterLayer[] = [];
  for (const [name, { shape }] of gguf.tensors) {
    const module = /^blk\.\d+\.(.*)\.weight$/.exec(name)?.[1];
    if (!module || !targets.includes(module)) continue;
    const [out, width] = shape as [number, number];
    const a = random.normals(rank * width, 1 / Math.sqrt(width));
    const b = random.normals(out * rank, scale);
    layers.push({ name: name.slice(0, -'.weight'.length), rank, in: width, out, a, b });
  }
  const architecture = String(gguf.metadata['general.architecture']);
  await exportAdapterGguf(path, { architecture, alpha, layers });
  return layers;
}
