/**
 * The architectures that can be trained, by GGUF's `general.architecture`. All are decoders like Llama: each row lists
 * the differences, which the model code looks up.
 */
import { moduleNames, type ModuleName } from '../protocol/run.ts';

/** Looks up a number in the file's metadata, by its key without the architecture; undefined if it is missing. */
export type Hyperparameters = (name: string) => number | undefined;

/** Scale factors in a model; 1 in most. */
export interface Scales {
  /** Factor of the embedding's output. */
  embedding: number;
  /** Factor of what attention and the MLP add to the residual stream. */
  residual: number;
  /** Factor of the attention scores q k; undefined: 1 / sqrt(headSize). */
  attention: number | undefined;
  logits: number;
}

/** How attention encodes positions. */
export interface Positions {
  /** RoPE's base; undefined: no positional encoding (NoPE). */
  ropeTheta: number | undefined;
  /** Linear RoPE scaling: positions are divided by this. */
  ropeFactor: number;
  /** Sliding window: number of keys a query attends to, including its own; undefined: all before it. */
  window?: number;
}

/**
 * Differing names of a block's linears in transformers: gate and up are one linear of a "shared" MLP, or the blocks
 * belong to the language model inside a vision-language model.
 */
export type NamedInTransformers = 'shared-mlp' | 'language-model';

export interface Architecture {
  /** Model families of this architecture, for display. */
  families: string;
  /**
   * Which pairs of components RoPE rotates: (2i, 2i + 1), or (i, i + headSize / 2), as transformers always does. For
   * `neighbours`, llama.cpp's converter has permuted the rows of q and k.
   */
  ropePairing: 'neighbours' | 'halves';
  /** Whether llama.cpp divides RoPE's frequencies by the tensor ROPE_DIVISORS, if a file has it. */
  ropeDivisors?: true;
  /** The linears of a block. Default: all seven. */
  modules?: readonly ModuleName[];
  /** Which linears have biases: none; q, k and v if the file has all three; or all. */
  biases: 'none' | 'optional' | 'all';
  /** RMSNorm, or LayerNorm, which also subtracts the mean and has a bias. Default: rms. */
  norm?: 'rms' | 'layer';
  /** Each head of q and k has a norm before RoPE. */
  headNorms?: true;
  /** There are also norms after attention and after the MLP, before their output is added to the residual stream. */
  normsAfter?: true;
  /** Activation of the MLP: silu(gate) up (the default), gelu(gate) up, or gelu(up). */
  activation?: 'swiglu' | 'geglu' | 'gelu';
  /** Architecture-specific metadata keys that llama.cpp requires. */
  required?: readonly string[];
  /** Default: 1, and 1 / sqrt(headSize). */
  scales?(get: Hyperparameters): Partial<Scales>;
  /** Positions per layer, where they differ from what the metadata say for all layers. */
  positions?(all: Positions, get: Hyperparameters): (layer: number) => Positions;
  /** For PEFT files. `tags`: those of the model card, from the file's metadata. */
  inTransformers?(get: Hyperparameters, tags: readonly string[]): NamedInTransformers | undefined;
}

/** Number of blocks of the smallest Gemma 3 with vision. */
export const GEMMA_WITH_PICTURES = 34;
/** Judges by Hugging Face's task tags. */
const areTextOnly = (tags: readonly string[]) =>
  tags.includes('text-generation') && !tags.includes('image-text-to-text');

const withoutPositions = (all: Positions): Positions => ({ ...all, ropeTheta: undefined });

const rows = {
  llama: {
    families: 'Llama to 3.2, SmolLM2, CodeLlama, DeepSeek-Coder 1.3B',
    ropePairing: 'neighbours',
    ropeDivisors: true,
    biases: 'optional',
  },
  qwen2: { families: 'Qwen2, Qwen2.5 and Qwen2.5-Coder', ropePairing: 'halves', biases: 'optional' },
  qwen3: { families: 'Qwen3', ropePairing: 'halves', biases: 'none', headNorms: true },
  granite: {
    families: 'Granite 3 and 4 without experts and Mamba layers',
    ropePairing: 'neighbours',
    ropeDivisors: true,
    biases: 'optional',
    required: ['logit_scale'],
    // llama.cpp takes 0 for "none".
    scales: (get) => ({
      embedding: get('embedding_scale') || 1,
      residual: get('residual_scale') || 1,
      attention: get('attention.scale') || undefined,
      logits: 1 / (get('logit_scale') || 1),
    }),
    // llama.cpp's switch for RoPE, which its converter sets to false only for models with Mamba layers.
    positions: (all, get) => () => (get('rope.scaling.finetuned') === 0 ? withoutPositions(all) : all),
    // Granite 4.0 is transformers' GraniteMoeHybrid, whose width llama.cpp's converter notes; 3 and 4.1 are its
    // Granite.
    inTransformers: (get) =>
      get('expert_shared_feed_forward_length') === undefined ? undefined : 'shared-mlp',
  },
  smollm3: {
    families: 'SmolLM3',
    ropePairing: 'neighbours',
    biases: 'none',
    positions: (all) => (layer) => (layer % 4 === 3 ? withoutPositions(all) : all),
  },
  gemma3: {
    families: 'Gemma 3, its language model',
    ropePairing: 'halves',
    biases: 'none',
    headNorms: true,
    normsAfter: true,
    activation: 'geglu',
    scales: (get) => {
      const width = get('embedding_length')!;
      // Only the 27B, recognised by its number of layers as in llama.cpp, scales scores by width / heads.
      const attention = get('block_count') === 62 && {
        attention: (width / get('attention.head_count')!) ** -0.5,
      };
      return { embedding: Math.sqrt(width), ...attention };
    },
    positions(all, get) {
      const window = get('attention.sliding_window');
      if (!window) return () => all;
      const period = get('attention.sliding_window_pattern') ?? 6;
      const local: Positions = { ropeTheta: get('rope.freq_base_swa') ?? 10_000, ropeFactor: 1, window };
      return (layer) => (period === 0 || layer % period < period - 1 ? local : all);
    },
    // From 4B up they have vision. Text-only ones, such as MedGemma 27B, differ in the GGUF file only by the model
    // card's tags, if it has them.
    inTransformers: (get, tags) =>
      get('block_count')! >= GEMMA_WITH_PICTURES && !areTextOnly(tags) ? 'language-model' : undefined,
  },
  starcoder2: {
    families: 'StarCoder2',
    ropePairing: 'halves',
    modules: ['q', 'k', 'v', 'o', 'up', 'down'],
    biases: 'all',
    norm: 'layer',
    activation: 'gelu',
  },
} as const satisfies Record<string, Architecture>;

export type ArchitectureName = keyof typeof rows;
export const architectures: Readonly<Record<ArchitectureName, Architecture>> = rows;
export const isArchitecture = (name: unknown): name is ArchitectureName =>
  typeof name === 'string' && Object.hasOwn(rows, name);

/** List of all architectures, for display. */
export const ARCHITECTURES = Object.entries(rows)
  .map(([name, { families }]) => `${name} (${families})`)
  .join(', ');

/** Advice for a base of an unsupported architecture. */
export const CHOOSE_ANOTHER = `Choose a base of one of these architectures: ${ARCHITECTURES}; such as smollm2-135m.`;

/** Collapses a per-block list, as some converters write it, into one value if all are equal. */
export const sameForAll = (value: unknown): unknown =>
  Array.isArray(value) && value.length > 0 && value.every((item) => item === value[0])
    ? (value[0] as unknown)
    : value;

/** Tensor with divisors of RoPE's frequencies, which the converter computes from Llama 3's scaling parameters. */
export const ROPE_DIVISORS = 'rope_freqs.weight';

/** GGUF's name of each linear, within `blk.N.`. */
export const moduleTensors: Readonly<Record<ModuleName, string>> = {
  q: 'attn_q',
  k: 'attn_k',
  v: 'attn_v',
  o: 'attn_output',
  gate: 'ffn_gate',
  up: 'ffn_up',
  down: 'ffn_down',
};

export interface BlockSizes {
  /** Default: llama. */
  architecture?: ArchitectureName | undefined;
  width: number;
  hiddenWidth: number;
  heads: number;
  kvHeads: number;
  headSize: number;
  /** Size of a head's values. Default: headSize. */
  valueSize?: number | undefined;
  /** q, k and v have biases. */
  qkvBias?: boolean | undefined;
}

/** The linears of a block. */
export const blockModules = ({
  architecture = 'llama',
}: Pick<BlockSizes, 'architecture'>): readonly ModuleName[] =>
  architectures[architecture].modules ?? moduleNames;

/** [out, in] of a linear. */
export function moduleShape(
  module: ModuleName,
  { width, hiddenWidth, heads, kvHeads, headSize, valueSize = headSize }: BlockSizes,
): [rows: number, columns: number] {
  const shapes: Record<ModuleName, [number, number]> = {
    q: [heads * headSize, width],
    k: [kvHeads * headSize, width],
    v: [kvHeads * valueSize, width],
    o: [width, heads * valueSize],
    gate: [hiddenWidth, width],
    up: [hiddenWidth, width],
    down: [width, hiddenWidth],
  };
  return shapes[module];
}

/** The linears of a block that have biases. */
export function biasedModules({
  architecture = 'llama',
  qkvBias,
}: Pick<BlockSizes, 'architecture' | 'qkvBias'>): readonly ModuleName[] {
  if (architectures[architecture].biases === 'all') return blockModules({ architecture });
  return qkvBias ? ['q', 'k', 'v'] : [];
}

/** Metadata key of the norms' epsilon. */
export const epsilonKey = (architecture: ArchitectureName): string =>
  architectures[architecture].norm === 'layer'
    ? 'attention.layer_norm_epsilon'
    : 'attention.layer_norm_rms_epsilon';

/** Names and row-major shapes of all tensors of a block, within `blk.N.`. */
export function blockTensors(sizes: BlockSizes): Map<string, number[]> {
  const { headNorms, normsAfter, norm: kind } = architectures[sizes.architecture ?? 'llama'];
  const norm = (name: string, size = sizes.width) => normTensors(name, size, kind);
  const biased = biasedModules(sizes);
  const linear = (module: ModuleName): [string, number[]][] => {
    const shape = moduleShape(module, sizes);
    const name = moduleTensors[module];
    return [[`${name}.weight`, shape], ...(biased.includes(module) ? [bias(name, shape[0])] : [])];
  };
  const [attention, mlp] = [blockModules(sizes).filter(isAttention), blockModules(sizes).filter(isMlp)];
  return new Map([
    ...norm('attn_norm'),
    ...attention.flatMap(linear),
    ...(headNorms ? ['attn_q_norm', 'attn_k_norm'].flatMap((name) => norm(name, sizes.headSize)) : []),
    ...(normsAfter ? norm('post_attention_norm') : []),
    ...norm('ffn_norm'),
    ...mlp.flatMap(linear),
    ...(normsAfter ? norm('post_ffw_norm') : []),
  ]);
}

const isMlp = (module: ModuleName) => moduleTensors[module].startsWith('ffn_');
const isAttention = (module: ModuleName) => !isMlp(module);
const bias = (name: string, size: number): [string, number[]] => [`${name}.bias`, [size]];
const normTensors = (name: string, size: number, kind: Architecture['norm']): [string, number[]][] => [
  [`${name}.weight`, [size]],
  ...(kind === 'layer' ? [bias(name, size)] : []),
];

/** Names and shapes of the last norm's tensors. */
export const lastNormTensors = ({ architecture = 'llama', width }: BlockSizes): Map<string, number[]> =>
  new Map(normTensors('output_norm', width, architectures[architecture].norm));
