/** The job that both sides run, and their answers. pytorch.py reads and prints the same JSON. */

export type Precision = 'f32' | 'bf16';

/** A model's shape. In all of them the output head is tied to the embedding. */
export interface Shape {
  architecture: 'llama' | 'qwen2';
  layers: number;
  hiddenSize: number;
  feedForwardSize: number;
  heads: number;
  kvHeads: number;
  vocabularySize: number;
  contextLength: number;
  ropeTheta: number;
  normEpsilon: number;
}

/** From the models' config.json. */
export const shapes = {
  'smollm2-135m': {
    architecture: 'llama',
    layers: 30,
    hiddenSize: 576,
    feedForwardSize: 1536,
    heads: 9,
    kvHeads: 3,
    vocabularySize: 49_152,
    contextLength: 8192,
    ropeTheta: 100_000,
    normEpsilon: 1e-5,
  },
  'smollm2-360m': {
    architecture: 'llama',
    layers: 32,
    hiddenSize: 960,
    feedForwardSize: 2560,
    heads: 15,
    kvHeads: 5,
    vocabularySize: 49_152,
    contextLength: 8192,
    ropeTheta: 100_000,
    normEpsilon: 1e-5,
  },
  'qwen2.5-1.5b': {
    architecture: 'qwen2',
    layers: 28,
    hiddenSize: 1536,
    feedForwardSize: 8960,
    heads: 12,
    kvHeads: 2,
    vocabularySize: 151_936,
    contextLength: 32_768,
    ropeTheta: 1_000_000,
    normEpsilon: 1e-6,
  },
} as const satisfies Record<string, Shape>;
export type ModelName = keyof typeof shapes;

export interface Job {
  shape: Shape;
  precision: Precision;
  /** Number of predictions per sequence. */
  sequence: number;
  batch: number;
  /** Steps that are run first and not measured. */
  warmupSteps: number;
  steps: number;
  threads: number;
  seed: number;
  learningRate: number;
  clipNorm: number;
  lora: { rank: number; alpha: number; dropout: number };
  /** Path of a GGUF file with this shape; only our side uses it. */
  base: string;
  /** Whether its weights are random like PyTorch's; if not, its loss on random tokens differs. */
  randomBase: boolean;
  /** Whether our side uses activation checkpointing. */
  recompute: boolean;
}

export interface Step {
  wallSeconds: number;
  /** Summed over all threads. */
  cpuSeconds: number;
  /** Nats per token. */
  loss: number;
}

export interface Measurement {
  framework: string;
  trainedParameters: number;
  /** Includes the warm-up steps. */
  steps: Step[];
  /** Largest resident set of the process (ru_maxrss). */
  peakBytes: number;
  /** Processor time of the whole process. */
  cpuSeconds: number;
  /** Matmul operations per second on this model's shapes. */
  matmulRate?: number | undefined;
}

/** Shape of a weight as stored (rows x columns), and how many of this shape a forward pass uses. */
interface Matrix {
  rows: number;
  columns: number;
  count: number;
}

/** The large frozen matrices; those with the same input are joined (q, k, v; gate, up). */
export function largeMatrices(shape: Shape): Matrix[] {
  const { hiddenSize, feedForwardSize, heads, kvHeads, layers, vocabularySize } = shape;
  const headSize = hiddenSize / heads;
  return [
    { rows: (heads + 2 * kvHeads) * headSize, columns: hiddenSize, count: layers },
    { rows: hiddenSize, columns: hiddenSize, count: layers },
    { rows: 2 * feedForwardSize, columns: hiddenSize, count: layers },
    { rows: hiddenSize, columns: feedForwardSize, count: layers },
    { rows: vocabularySize, columns: hiddenSize, count: 1 },
  ];
}

/**
 * FLOPs per trained token: 2 per weight in the forward pass and 2 in the backward pass (for the activations' gradient),
 * including the output head, and 2 more per trained weight. The products within attention are ignored, so the share of
 * the roofline is if anything too low.
 */
export function operationsPerToken(shape: Shape, loraParameters: number): number {
  const frozen = largeMatrices(shape).reduce(
    (sum, { rows, columns, count }) => sum + rows * columns * count,
    0,
  );
  return 4 * frozen + 6 * loraParameters;
}
