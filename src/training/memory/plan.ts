/**
 * Plans the memory of a run in bytes before it starts: weights, activations saved for the backward pass, and temporary
 * tensors. Constants that do not follow from shapes are measured (docs/science.md, "Memory").
 */
import { availableParallelism } from 'node:os';
import {
  architectures,
  blockTensors,
  lastNormTensors,
  blockModules,
} from '../../base-models/architectures.ts';
import type { BaseShape } from '../../base-models/registry.ts';
import { F32_ROWS, HEAD_ROWS, VOCABULARY_PIECE } from '../../model/head.ts';
import { chooseTargets, linearNames, linearShape, linearWeights } from '../../model/targets.ts';
import type { BackendName, Hyper } from '../../protocol/run.ts';

export interface MemoryPlan {
  /** Frozen weights, and copies of weights in the type used for matrix products. */
  weights: number;
  /** Trained weights, in f32. */
  parameters: number;
  /** Gradients, except those that reuse memory freed by activations. */
  gradients: number;
  optimiser: number;
  /** Saved in the forward pass for the backward pass. */
  activations: number;
  /** The most memory of temporary tensors at any time, including loading. */
  workspace: number;
  /** The program itself, and the process that owns the run. */
  runtime: number;
  /**
   * Additional memory for measuring: all of it if it runs during training, else only what exceeds the training's
   * memory.
   */
  evaluation: number;
  total: number;
}

export type PlannedHyper = Pick<
  Hyper,
  | 'method'
  | 'rank'
  | 'targets'
  | 'dropout'
  | 'attentionDropout'
  | 'optimizer'
  | 'sequenceLength'
  | 'batch'
  | 'accumulate'
  | 'precision'
  | 'recompute'
>;

const MB = 1e6;
/**
 * Node, the backend's library and its threads, measured with an empty run; for WebGPU without a GPU driver, which takes
 * some hundred MB more.
 */
const RUNTIME: Record<BackendName, number> = { tensorflow: 370 * MB, webgpu: 600 * MB, wasm: 150 * MB };
/**
 * Bytes of the tokenizer per token of the vocabulary, since training windows are cut as text; measured with
 * Qwen2.5-Coder's 151,936.
 */
const TOKENIZER = 550;
/** The process that owns a run, which computes nothing. */
const OWNER = 60 * MB;
/** Memory that allocators keep in addition, as a share of what is allocated and freed in a step. */
const ALLOCATOR_SLACK = { f32: 0.5, f16: 0.5, bf16: 0.15 };
/** Copies of the largest matrix while it is loaded: the file's bytes, f32 in JavaScript, f32 in the backend. */
const LOADING_COPIES = 3;
/** Copies of the logits (gradient, temporaries of the softmax) on wasm, where their loss has no kernel. */
const LOGITS_COPIES = 7;
/** Copies in f32 of the logits that a KL is computed from at a time. */
const DIVERGENCE_COPIES = 5;
/** Queries computed at a time, and copies of their scores. */
const QUERY_ROWS = 128;
const SCORES_COPIES = 5;
/** f32 rows as wide as the MLP that its backward pass holds at once; counted if there is no kernel for it. */
const MLP_COPIES = { swiglu: 10, geglu: 16, gelu: 12 };
/** Bytes of the f32 pieces (2^20 numbers each) that an update holds at once. */
const UPDATE_BYTES = 8 * 4 * 2 ** 20;
const F32 = 4;

export interface Place {
  /** The backend that will train. */
  backend: BackendName;
  /** Bytes of the frozen weights, if they stay quantised (`storedBytesOf`); otherwise they are kept as floats. */
  storedBytes?: number | undefined;
  /** The computation uses a GPU's own memory (device.ts), so only what remains in main memory is planned. */
  onDevice?: boolean | undefined;
}

/** Throws `bad-argument` if targets match nothing. */
export function planMemory(config: BaseShape, hyper: PlannedHyper, place: Place): MemoryPlan {
  const { backend } = place;
  const sizes = new StepSizes(config, hyper, place);
  const runtime = RUNTIME[backend] + OWNER + TOKENIZER * config.vocabularySize;
  if (place.onDevice) return hostOnly(runtime, sizes.loading(0));
  const parameters = F32 * sizes.trained;
  const activations = sizes.activations();
  // In a step of one pass, a block's gradients reuse the memory of its activations; those of the head come before any
  // are freed.
  const exchanged = hyper.accumulate > 1 ? 0 : Math.min(activations, parameters - F32 * sizes.trainedHead);
  const parts = {
    weights: sizes.weights(),
    parameters,
    gradients: parameters - exchanged,
    optimiser: parameters * (hyper.optimizer === 'adamw' ? 2 : 1),
    activations,
    runtime,
    evaluation: 0,
  };
  const step = parts.gradients + parts.optimiser + parts.activations;
  const working = sizes.workspace() + ALLOCATOR_SLACK[hyper.precision] * (activations + sizes.workspace());
  // During loading, there are neither gradients nor activations.
  const workspace = Math.max(working, sizes.loading(parts.weights) - step);
  const withWorkspace = { ...parts, workspace };
  return { ...withWorkspace, total: Object.values(withWorkspace).reduce((sum, bytes) => sum + bytes, 0) };
}

/** The program, and the matrix being uploaded to the GPU. */
function hostOnly(runtime: number, workspace: number): MemoryPlan {
  const none = { weights: 0, parameters: 0, gradients: 0, optimiser: 0, activations: 0, evaluation: 0 };
  return { ...none, runtime, workspace, total: runtime + workspace };
}

/**
 * Sandbox, tokenizer, llama.cpp's buffers and allocator slack, measured with evaluations of SmolLM2 and Qwen2.5-Coder.
 */
const EVALUATOR_WORKSPACE = 400 * MB;
/** Bytes of llama.cpp's contexts per token of the vocabulary; measured with Qwen2.5-Coder-1.5B. */
const CONTEXT_BUFFERS = 4000;
/** Memory of a served file per byte: llama.cpp's layout of a matrix may be larger than the file's. */
const SERVED_COPIES = 1.25;
/** Sequences per context, tokens per sequence and contexts for sampling (serving/host/batch-sampler.ts). */
const SAMPLED = { sequences: 8, tokens: 1024, lanes: 4 };
const F16 = 2;
/** The most tokens that are scored in one pass. */
const SCORED_TOKENS = 2048;
/** Number of tokens in the served check. */
const CHECKED_TOKENS = 96;

/** The sizes of a base that a plan needs. */
export interface BaseSizes extends Pick<Place, 'storedBytes' | 'onDevice'> {
  /** Size of its file. */
  baseBytes: number;
}

export interface Measuring extends Place, BaseSizes {
  /** True if it measures during training, which waits but keeps its memory; false if only after training. */
  atCheckpoints?: boolean;
  cores?: number;
}

/**
 * Memory for measuring in separate processes: the model to score with, in the run's precision, or the served models and
 * the sampling cache of base or result. The two take turns.
 */
export function planEvaluation(
  config: BaseShape,
  hyper: PlannedHyper,
  { backend, baseBytes, storedBytes, onDevice, cores = availableParallelism() }: Measuring,
): number {
  const { layers, kvHeads, headSize } = config;
  const full = hyper.method === 'full';
  const scorer = RUNTIME[backend] + (onDevice ? 0 : planScoring(config, hyper, { backend, storedBytes }));
  const lanes = Math.min(SAMPLED.lanes, cores);
  const cache = 2 * F16 * layers * kvHeads * headSize * lanes * SAMPLED.sequences * SAMPLED.tokens;
  const result = full ? F16 * countParameters(config, hyper) : 0;
  const served = SERVED_COPIES * (baseBytes + result) + cache;
  return EVALUATOR_WORKSPACE + CONTEXT_BUFFERS * config.vocabularySize + Math.max(scorer, served);
}

/** Memory of the model that the evaluator scores with, and of what was trained. */
export function planScoring(config: BaseShape, hyper: PlannedHyper, asked: Place): number {
  const full = hyper.method === 'full';
  // While scoring, the weights of both methods are frozen; for a whole model, the base's head is needed as well.
  const scored = { ...hyper, method: 'lora' as const, batch: 1, sequenceLength: SCORED_TOKENS };
  // The result of full fine-tuning is in half precision.
  const place = { ...asked, storedBytes: full ? undefined : asked.storedBytes };
  const sizes = new StepSizes(config, scored, place);
  // The served check computes an adapter in f32, on few tokens.
  const checked = new StepSizes(
    config,
    { ...scored, precision: 'f32', sequenceLength: CHECKED_TOKENS },
    place,
  );
  const bytes = hyper.precision === 'bf16' ? 2 : F32;
  const { vocabularySize, width } = config;
  return (
    Math.max(
      sizes.weights() + sizes.workspace() + sizes.divergence(),
      full ? 0 : checked.weights() + checked.workspace(),
    ) + (full ? bytes * vocabularySize * width : F32 * sizes.trained)
  );
}

/** Training plus measuring, if that needs more memory or runs at the same time. */
export function planRun(config: BaseShape, hyper: PlannedHyper, measuring: Measuring): MemoryPlan {
  const plan = planMemory(config, hyper, measuring);
  const measured = planEvaluation(config, hyper, measuring);
  const evaluation = measuring.atCheckpoints ? measured : Math.max(0, measured + OWNER - plan.total);
  return { ...plan, evaluation, total: plan.total + evaluation };
}

/** Number of trained parameters. */
export function countParameters(
  config: BaseShape,
  { method, rank, targets }: Pick<Hyper, 'method' | 'rank' | 'targets'>,
): number {
  const shapesOf = (names: Iterable<string>) => [...names].map((name) => linearShape(config, name));
  if (method === 'lora')
    return rank * sum(shapesOf(chooseTargets(config, targets)), ([rows, columns]) => rows + columns);
  const { width, vocabularySize, tiedHead } = config;
  const embedding = vocabularySize * width * (tiedHead ? 1 : 2);
  return embedding + linearWeights(config) + vectorNumbers(config);
}

/** Numbers in norms and biases. */
function vectorNumbers(config: BaseShape): number {
  const numbers = (tensors: Map<string, number[]>) =>
    sum([...tensors.values()], (shape) => (shape.length === 1 ? shape[0]! : 0));
  return config.layers * numbers(blockTensors(config)) + numbers(lastNormTensors(config));
}

/** The sizes of the tensors in a step. */
export class StepSizes {
  /** Bytes per number in matrix products. */
  private readonly compute: number;
  private readonly rows: number;
  private readonly linears: [rows: number, columns: number][];
  private readonly adapted: [rows: number, columns: number][];
  private readonly embedding: number;
  private readonly vectors: number;
  /** Bytes of the frozen weights, if they stay quantised. */
  private readonly stored: number | undefined;

  constructor(
    private readonly config: BaseShape,
    private readonly hyper: PlannedHyper,
    private readonly place: Place,
  ) {
    const { width, vocabularySize, tiedHead } = config;
    this.compute = hyper.precision === 'bf16' ? 2 : F32;
    this.rows = hyper.batch * hyper.sequenceLength;
    const shapesOf = (names: Iterable<string>) => [...names].map((name) => linearShape(config, name));
    this.linears = shapesOf(linearNames(config));
    this.adapted = hyper.method === 'lora' ? shapesOf(chooseTargets(config, hyper.targets)) : [];
    this.embedding = vocabularySize * width * (tiedHead ? 1 : 2);
    this.vectors = vectorNumbers(config);
    this.stored = hyper.method === 'lora' ? place.storedBytes : undefined;
  }

  /** How many linears read the MLP's input: gate and up, or up alone. */
  private get inputCopies(): number {
    return blockModules(this.config).includes('gate') ? 2 : 1;
  }

  private get frozen(): number {
    return this.embedding + sum(this.linears, ([rows, columns]) => rows * columns);
  }

  /** Number of trained parameters. */
  get trained(): number {
    return countParameters(this.config, this.hyper);
  }

  /** Trained parameters in the matrix that computes the logits. */
  get trainedHead(): number {
    return this.hyper.method === 'full' ? this.config.vocabularySize * this.config.width : 0;
  }

  weights(): number {
    const { compute, hyper, stored } = this;
    const { backend } = this.place;
    if (stored !== undefined) return stored + F32 * this.vectors + this.copies();
    // The wasm kernel keeps another copy of the matrices in its own layout.
    if (backend === 'wasm')
      return F32 * (hyper.method === 'full' ? this.frozen : 2 * this.frozen + this.vectors);
    if (hyper.method === 'full') return this.copies();
    return compute * this.frozen + F32 * this.vectors + this.copies();
  }

  /** Copies of trained weights in the products' type; with recomputation, those of one block at a time. */
  private copies(): number {
    const { method, recompute } = this.hyper;
    if (this.compute === F32) return 0;
    const outside = method === 'full' ? this.embedding : 0;
    const inBlocks = method === 'full' ? this.frozen - this.embedding : this.trained;
    return this.compute * (outside + inBlocks / (recompute ? this.config.layers : 1));
  }

  /** Memory while the values of a quantised matrix [rows, columns] are in use. */
  private numbers([rows, columns]: readonly [number, number]): number {
    if (this.stored === undefined) return 0;
    // On wasm: in JavaScript, as a tensor, and in the layout of its kernel.
    return rows * columns * (this.place.backend === 'wasm' ? 3 * F32 : this.compute);
  }

  /** Activations saved of every block; with recomputation, only each block's input and the activations of one block. */
  activations(): number {
    const { layers, width } = this.config;
    const input = F32 * width;
    const block = this.savedPerRow();
    const perRow = this.hyper.recompute ? layers * input + block : layers * block;
    return this.rows * perRow;
  }

  private savedPerRow(): number {
    const { layers, width, hiddenWidth, heads, kvHeads, headSize } = this.config;
    const qkvo = (2 * heads + 2 * kvHeads) * headSize;
    const inner = (this.hyper.rank * this.adapted.length) / layers;
    const { headNorms, normsAfter } = architectures[this.config.architecture ?? 'llama'];
    // q and k before their norms, and the norms' scales.
    const normed = headNorms ? (heads + kvHeads) * (headSize * this.compute + F32) : 0;
    // The outputs of attention and MLP before their norms, and the norms' scales.
    const landed = normsAfter ? 2 * (width * this.compute + F32) : 0;
    // The residual stream before attention and before the MLP, both norms' scales, and the norms' outputs.
    return (
      normed +
      landed +
      F32 * (2 * width + 2) +
      this.compute * (2 * width + qkvo + this.inputCopies * hiddenWidth + inner)
    );
  }

  /** Bytes of the largest tensor: a matrix as stored, or a layer's output for a batch. */
  largestTensor(): number {
    const { width, hiddenWidth, vocabularySize } = this.config;
    const numbers = Math.max(
      vocabularySize * width,
      ...this.linears.map(([rows, columns]) => rows * columns),
    );
    // As floats, a quantised head exists only in pieces.
    const share = this.stored === undefined ? F32 : this.stored / this.frozen;
    const linear = F32 * this.inputCopies * hiddenWidth * width;
    return Math.max(share * numbers, linear, F32 * this.rows * this.inputCopies * hiddenWidth, this.logits());
  }

  workspace(): number {
    const { width, hiddenWidth, vocabularySize, architecture = 'llama' } = this.config;
    const { activation = 'swiglu' } = architectures[architecture];
    const { rows } = this;
    const head =
      this.numbers([Math.min(VOCABULARY_PIECE, vocabularySize), width]) +
      this.logits() * (this.place.backend === 'wasm' ? LOGITS_COPIES : 1) +
      Math.min(HEAD_ROWS, rows) * VOCABULARY_PIECE * (F32 + this.compute) +
      (this.hyper.method === 'full' ? 2 * F32 * vocabularySize * width : 0);
    const mlp =
      this.numbers([this.inputCopies * hiddenWidth, width]) +
      MLP_COPIES[activation] * F32 * rows * hiddenWidth;
    const stream = 3 * F32 * rows * width;
    return stream + Math.max(head, mlp, this.attention(), UPDATE_BYTES);
  }

  /** Logits that are in memory at a time, in the products' type. */
  private logits(): number {
    return Math.min(HEAD_ROWS, this.rows) * this.config.vocabularySize * this.compute;
  }

  /** Additional memory of a KL: the other model's logits, and a few rows of both in f32. */
  divergence(): number {
    return this.logits() + DIVERGENCE_COPIES * F32_ROWS * this.config.vocabularySize * F32;
  }

  private attention(): number {
    const { heads } = this.config;
    const { batch, sequenceLength } = this.hyper;
    const scores = batch * heads * Math.min(QUERY_ROWS, sequenceLength) * sequenceLength;
    return SCORES_COPIES * F32 * scores;
  }

  /** Additional memory while loading: the embedding is loaded first, when no other weights are there yet. */
  loading(weights: number): number {
    const { vocabularySize, width, tiedHead } = this.config;
    const copies = (count: number) => LOADING_COPIES * (this.stored ? 1 : F32) * count;
    const later = Math.max(...this.linears.map(([rows, columns]) => rows * columns));
    const head = vocabularySize * width;
    return Math.max(copies(tiedHead ? later : Math.max(later, head)), copies(head) - weights);
  }
}

const sum = <T>(items: readonly T[], of: (item: T) => number) =>
  items.reduce((total, item) => total + of(item), 0);
