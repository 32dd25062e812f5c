/**
 * What a run will take, in bytes, before it starts: a walk over what the model holds, saves for the backward pass
 * and makes on the way. The constants that no shape gives are measured ones (docs/science.md, "Memory").
 */
import type { ModelConfig } from '../model/config.ts';
import { chooseTargets, linearShape } from '../model/targets.ts';
import type { BackendName, Hyper } from '../protocol/run.ts';

export interface MemoryPlan {
  /** Frozen, and copies of weights in the products' type. */
  weights: number;
  /** Trained ones, f32. */
  parameters: number;
  /** Beyond the room that activations leave. */
  gradients: number;
  optimiser: number;
  /** Kept from the forward pass for the backward pass. */
  activations: number;
  /** The most that is made on the way at any time, loading included. */
  workspace: number;
  /** The program itself. */
  runtime: number;
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
/** Node, the backend's library and its threads, by an empty run. */
const RUNTIME: Record<BackendName, number> = { tensorflow: 370 * MB, wasm: 150 * MB };
/** What allocators keep beyond what was asked for: share of what comes and goes in a step. */
const ALLOCATOR_SLACK = { f32: 0.25, bf16: 0.15 };
/** Copies of the largest matrix while it is read: the file's bytes, f32 in JavaScript, f32 in the backend. */
const LOADING_COPIES = 3;
/** Rows of logits at a time, and f32 copies of them (logits, gradient, what the softmax needs). */
const HEAD_ROWS = 128;
const LOGITS_COPIES = 3;
/** Queries at a time, and copies of their scores. */
const QUERY_ROWS = 128;
const SCORES_COPIES = 5;
/** f32 rows as wide as the MLP that its backward pass holds at once. */
const MLP_COPIES = 10;
/** f32 pieces of 2^20 numbers that an update holds at once. */
const UPDATE_BYTES = 8 * 4 * 2 ** 20;
const F32 = 4;

/** `backend` is what will compute. Throws `bad-argument` where targets match nothing. */
export function planMemory(config: ModelConfig, hyper: PlannedHyper, backend: BackendName): MemoryPlan {
  const walk = new Walk(config, hyper);
  const parameters = F32 * walk.trained;
  const activations = walk.activations();
  // In a step of one pass, the gradients of a block come as its activations go; those of the head come first.
  const exchanged = hyper.accumulate > 1 ? 0 : Math.min(activations, parameters - F32 * walk.trainedHead);
  const parts = {
    weights: walk.weights(backend),
    parameters,
    gradients: parameters - exchanged,
    optimiser: parameters * (hyper.optimizer === 'adamw' ? 2 : 1),
    activations,
    runtime: RUNTIME[backend],
  };
  const step = parts.gradients + parts.optimiser + parts.activations;
  const working = walk.workspace() + ALLOCATOR_SLACK[hyper.precision] * (activations + walk.workspace());
  // While it loads, a model has neither gradients nor activations.
  const workspace = Math.max(working, walk.loading() - step);
  const whole = { ...parts, workspace };
  return { ...whole, total: Object.values(whole).reduce((sum, bytes) => sum + bytes, 0) };
}

/** What a working evaluator holds besides models, by an evaluation of SmolLM2. */
const EVALUATOR_WORKSPACE = 400 * MB;

/** What evaluating a checkpoint takes, in a process of its own: models to score with, f32, and the base as it is served. */
export const evaluatorMemory = (
  baseParameters: number,
  baseFileBytes: number,
  method: Hyper['method'],
  backend: BackendName,
): number =>
  RUNTIME[backend] + EVALUATOR_WORKSPACE + F32 * baseParameters * (method === 'full' ? 2 : 1) + baseFileBytes;

/** Numbers that train. */
export function countParameters(
  config: ModelConfig,
  { method, rank, targets }: Pick<Hyper, 'method' | 'rank' | 'targets'>,
): number {
  const shapesOf = (names: Iterable<string>) => [...names].map((name) => linearShape(config, name));
  if (method === 'lora')
    return rank * sum(shapesOf(chooseTargets(config, targets)), ([rows, columns]) => rows + columns);
  const { layers, width, vocabularySize, tiedHead, heads, kvHeads, headSize, qkvBias } = config;
  const embedding = vocabularySize * width * (tiedHead ? 1 : 2);
  const norms = (2 * layers + 1) * width;
  const biases = qkvBias ? layers * (heads + 2 * kvHeads) * headSize : 0;
  const linears = sum(shapesOf(chooseTargets(config, ['all'])), ([rows, columns]) => rows * columns);
  return embedding + linears + norms + biases;
}

class Walk {
  /** Bytes of a number in products. */
  private readonly compute: number;
  private readonly rows: number;
  private readonly linears: [rows: number, columns: number][];
  private readonly adapted: [rows: number, columns: number][];
  private readonly embedding: number;
  private readonly norms: number;

  constructor(
    private readonly config: ModelConfig,
    private readonly hyper: PlannedHyper,
  ) {
    const { layers, width, vocabularySize, tiedHead } = config;
    this.compute = hyper.precision === 'bf16' ? 2 : F32;
    this.rows = hyper.batch * hyper.sequenceLength;
    const shapesOf = (names: Iterable<string>) => [...names].map((name) => linearShape(config, name));
    this.linears = shapesOf(chooseTargets(config, ['all']));
    this.adapted = hyper.method === 'lora' ? shapesOf(chooseTargets(config, hyper.targets)) : [];
    this.embedding = vocabularySize * width * (tiedHead ? 1 : 2);
    this.norms = (2 * layers + 1) * width;
  }

  private get frozen(): number {
    return this.embedding + sum(this.linears, ([rows, columns]) => rows * columns);
  }

  /** Numbers that train. */
  get trained(): number {
    return countParameters(this.config, this.hyper);
  }

  /** Of those, in the matrix that gives the logits. */
  get trainedHead(): number {
    return this.hyper.method === 'full' ? this.config.vocabularySize * this.config.width : 0;
  }

  weights(backend: BackendName): number {
    const { compute, hyper } = this;
    // Its kernel keeps what it has multiplied with in an order of its own as well.
    if (backend === 'wasm')
      return F32 * (hyper.method === 'full' ? this.frozen : 2 * this.frozen + this.norms);
    const copies = compute === F32 ? 0 : compute;
    if (hyper.method === 'full') return copies * this.frozen;
    return compute * this.frozen + F32 * this.norms + copies * this.trained;
  }

  /** Saved of every block, or of one where the others keep their input only. */
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
    // The residual stream before attention and before the MLP, both norms' scales, and what the norms give.
    return F32 * (2 * width + 2) + this.compute * (2 * width + qkvo + 2 * hiddenWidth + inner);
  }

  workspace(): number {
    const { width, hiddenWidth, vocabularySize } = this.config;
    const { rows } = this;
    const head =
      Math.min(HEAD_ROWS, rows) * vocabularySize * F32 * LOGITS_COPIES +
      (this.hyper.method === 'full' ? 2 * F32 * vocabularySize * width : 0);
    const mlp = MLP_COPIES * F32 * rows * hiddenWidth;
    const stream = 3 * F32 * rows * width;
    return stream + Math.max(head, mlp, this.attention(), UPDATE_BYTES);
  }

  private attention(): number {
    const { heads } = this.config;
    const { batch, sequenceLength } = this.hyper;
    const scores = batch * heads * Math.min(QUERY_ROWS, sequenceLength) * sequenceLength;
    return SCORES_COPIES * F32 * scores;
  }

  loading(): number {
    const largest = Math.max(
      this.config.vocabularySize * this.config.width,
      ...this.linears.map(([rows, columns]) => rows * columns),
    );
    return LOADING_COPIES * F32 * largest;
  }
}

const sum = <T>(items: readonly T[], of: (item: T) => number) =>
  items.reduce((total, item) => total + of(item), 0);
