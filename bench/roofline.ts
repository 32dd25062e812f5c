/**
 * A roofline on paper: how fast six GPUs could train at best, by their makers' peaks. `node bench/run.mjs roofline`
 * prints the table of docs/benchmarks.md. Nothing is measured.
 */
import { findKnownBase, type KnownBase } from '../src/base-models/registry.ts';
import { hyperSchema } from '../src/protocol/run.ts';
import { MARGIN } from '../src/training/memory/fit.ts';
import { planDevice } from '../src/training/memory/device.ts';
import { countParameters, Walk } from '../src/training/memory/plan.ts';
import { markdownTable } from './markdown.ts';
import { operationsPerToken, type Shape } from './training/job.ts';

export interface Device {
  name: string;
  /** Peak floating-point operations per second in products without matrix units. */
  f32: number;
  f16: number;
  /** Peak bytes per second to and from its memory. */
  bandwidth: number;
  /** Bytes of memory; for a GPU inside of a processor, what a machine of today has for it. */
  memory: number;
}

const T = 1e12;
const GB = 1e9;

/** Peaks that the makers publish, or that follow from their number of units and clock. Boost clocks, no matrix units. */
export const devices: readonly Device[] = [
  // 96 units x 8 lanes x 2 x 1.35 GHz; LPDDR4x-4266, 128 bits.
  { name: 'Intel Iris Xe (96 units)', f32: 2.07 * T, f16: 4.15 * T, bandwidth: 68 * GB, memory: 8 * GB },
  // 768 lanes x 2 x 2 (two at a time) x 2.7 GHz; DDR5-5600, 128 bits.
  { name: 'AMD Radeon 780M', f32: 8.3 * T, f16: 16.6 * T, bandwidth: 89.6 * GB, memory: 16 * GB },
  // 10 cores x 128 lanes x 2 x 1.58 GHz; half precision is no faster. LPDDR5X-7500, 128 bits.
  { name: 'Apple M4 (10 cores)', f32: 4.05 * T, f16: 4.05 * T, bandwidth: 120 * GB, memory: 16 * GB },
  // 2,560 lanes x 2 x 2.67 GHz; GDDR6, 192 bits.
  { name: 'Intel Arc B580', f32: 13.7 * T, f16: 27.3 * T, bandwidth: 456 * GB, memory: 12 * GB },
  { name: 'NVIDIA RTX 4060', f32: 15.1 * T, f16: 15.1 * T, bandwidth: 272 * GB, memory: 8 * GB },
  { name: 'NVIDIA RTX 4090', f32: 82.6 * T, f16: 82.6 * T, bandwidth: 1008 * GB, memory: 24 * GB },
];

/** The 7B in Q4_K_M, as it is published, too: the product's own is Q8_0, and fits few cards. */
const bases: readonly KnownBase[] = [
  findKnownBase('qwen2.5-coder-0.5b')!,
  findKnownBase('qwen2.5-coder-1.5b')!,
  { ...findKnownBase('qwen2.5-coder-7b')!, bytes: 4_683_073_504, quantisation: 'Q4_K_M' },
];
const TOKENS = 512;
/** Share of a peak that good kernels reach: WebGPU's best products are at 60% to 72% of it. */
const REACHED = { operations: 0.6, bytes: 0.8 };

/** How the products are made. */
export type Kernels = 'f32' | 'f16';

export interface Work {
  /** Per token. */
  operations: number;
  bytes: number;
  /** Bytes that a run takes on the device. */
  memory: number;
}

/**
 * What a token of LoRA (rank 16, all linears, batch 1) takes. Bytes: a
 * step reads the frozen weights in its forward and in its backward pass; in f32 a kernel writes each matrix out as
 * numbers first, and the product reads those. Each saved activation is written once and read twice. The logits are
 * written, read for the loss, replaced by their gradient, and that is read. `recompute`: activations are not kept but
 * made again, by another forward pass.
 */
export function workOf(
  { shape, bytes, quantisation }: KnownBase,
  kernels: Kernels,
  { tokens = TOKENS, recompute = false } = {},
): Work {
  const hyper = hyperSchema.parse({ learningRate: 1, steps: 1, sequenceLength: tokens, recompute });
  const storedBytes = quantisation.startsWith('Q') ? bytes : undefined;
  const walk = new Walk(shape, hyper, { backend: 'webgpu', storedBytes });
  const lora = countParameters(shape, hyper);
  const needed = operationsPerToken(shapeOf(shape), lora);
  const numbers = (needed - 6 * lora) / 4;
  const operations = needed + (recompute ? 2 * (numbers + lora) : 0);
  const passes = recompute ? 3 : 2;
  const written = kernels === 'f32' ? 2 * 4 * numbers : 0;
  const weights = passes * (walk.weights() + written);
  // Read twice, a gradient, and LionW's moment read and written.
  const trained = 4 * lora * (2 + 2 + 2 + 2);
  const width = kernels === 'f32' ? 1 : 0.5;
  const activations = 3 * width * walk.activations();
  const logits = 4 * 4 * shape.vocabularySize * tokens;
  const total = weights + trained + activations + logits;
  return { operations, bytes: total / tokens, memory: planDevice(shape, hyper, { storedBytes }).total };
}

/** Tokens per second at the shares of the peaks that are reached, and which of the two holds it up. */
export function predict(
  device: Device,
  { operations, bytes, memory }: Work,
  kernels: Kernels,
): { tokensPerSecond: number; limit: 'products' | 'memory traffic' | 'memory size' } {
  const byOperations = (REACHED.operations * device[kernels]) / operations;
  const byBytes = (REACHED.bytes * device.bandwidth) / bytes;
  const tokensPerSecond = Math.min(byOperations, byBytes);
  if (memory > (1 - MARGIN) * device.memory) return { tokensPerSecond: 0, limit: 'memory size' };
  return { tokensPerSecond, limit: byOperations < byBytes ? 'products' : 'memory traffic' };
}

const shapeOf = (shape: KnownBase['shape']): Shape => ({
  architecture: 'qwen2',
  layers: shape.layers,
  hiddenSize: shape.width,
  feedForwardSize: shape.hiddenWidth,
  heads: shape.heads,
  kvHeads: shape.kvHeads,
  vocabularySize: shape.vocabularySize,
  // Neither changes how much is computed.
  ...{ contextLength: TOKENS, ropeTheta: 1, normEpsilon: 1 },
});

/** The table, in Markdown. */
export function rooflineTable(): string[] {
  const cell = (device: Device, base: KnownBase, kernels: Kernels) => {
    for (const recompute of [false, true]) {
      const { tokensPerSecond, limit } = predict(device, workOf(base, kernels, { recompute }), kernels);
      if (limit === 'memory size') continue;
      return `${rounded(tokensPerSecond)} (${limit}${recompute ? ', recomputed to fit' : ''})`;
    }
    return 'does not fit';
  };
  const titles = ['', 'kernels', ...bases.map(({ name }) => name)];
  const rows = devices.flatMap((device) =>
    (['f32', 'f16'] as const).map((kernels) => [
      ...[kernels === 'f32' ? device.name : '', kernels],
      ...bases.map((base) => cell(device, base, kernels)),
    ]),
  );
  const work = bases.map((base) => {
    const [f32, f16] = [workOf(base, 'f32'), workOf(base, 'f16')];
    const least = workOf(base, 'f32', { recompute: true });
    const operations = (f32.operations / 1e9).toFixed(1);
    const memory = [f32, least].map((one) => (one.memory / 1e9).toFixed(1)).join(' or ');
    const bytes = [f32, f16].map((one) => (one.bytes / 1e6).toFixed(0)).join(' or ');
    return [base.name, `${operations} billion`, `${bytes} MB`, `${memory} GB`];
  });
  return [
    ...markdownTable(
      ['base', 'operations a token', 'bytes a token, f32 or f16', 'GPU memory, without or with recomputing'],
      work,
    ),
    '',
    ...markdownTable(titles, rows),
  ];
}

/** Two digits: more would be a promise. */
const rounded = (value: number) => Number(value.toPrecision(2)).toLocaleString('en');

export function main(): void {
  console.log(rooflineTable().join('\n'));
}
