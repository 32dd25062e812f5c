/** The operations that training needs and the speed of this machine. Their quotient is the model-FLOPs utilisation. */
import { cpus } from 'node:os';
import { z } from 'zod';
import { linearWeights, type ModelConfig } from '../model/index.ts';
import { isRecent, JsonCache } from '../platform/files/json-cache.ts';
import { MAX_BUSY_PROCESSORS, watchLoad } from '../platform/machine/machine-load.ts';
import { usableProcessors } from '../platform/machine/processors.ts';
import type { Hyper } from '../protocol/run.ts';
import type { Backend, Tensor } from '../tensor/backend.ts';
import { english } from '../text/message.ts';

/**
 * Floating-point operations that a trained token needs, forward and backward: per weight 2 forward, 2 for the gradient
 * of its input, and 2 for its own where it trains. Attention sees half of the sequence on average, and in a layer with a
 * sliding window no more than that. Recomputation to save memory does not count (PaLM, appendix B).
 */
export function operationsPerToken(
  config: ModelConfig,
  { method, sequenceLength }: Pick<Hyper, 'method' | 'sequenceLength'>,
  {
    trainedParameters,
    headRows = config.vocabularySize,
  }: { trainedParameters: number; headRows?: number | undefined },
): number {
  const { positions, width, heads, headSize } = config;
  const weights = linearWeights(config) + headRows * width;
  // Scores and the weighted sum of values: 2 operations per key and component each, three times over as for weights.
  const keysSeen = positions.reduce((sum, { window }) => sum + averageKeys(sequenceLength, window), 0);
  const attention = 12 * keysSeen * heads * headSize;
  return attention + (method === 'full' ? 6 * weights : 4 * weights + 6 * trainedParameters);
}

/** Position t sees t keys until the window is full, and then as many as fit in the window. */
function averageKeys(length: number, window = length): number {
  const widest = Math.min(window, length);
  return widest * (1 - widest / (2 * length));
}

const rates = new JsonCache('matmul-rates.json', z.object({ at: z.number(), rate: z.number().positive() }));
/** Measured again after a day, since the load or even the machine may have changed. */
const VALID_MS = 24 * 3600 * 1000;

/**
 * Floating-point operations per second in large matrix products on this machine. Measured for about a second, once a
 * day, while the machine is mostly idle: under other load it may be a hundredth, and is used for one run only.
 */
export async function matmulRate(backend: Backend, precision: Hyper['precision']): Promise<number> {
  const processors = cpus();
  const key = [processors[0]?.model, usableProcessors(), english(backend.reason), precision].join(', ');
  const cached = await rates.get(key);
  if (cached && isRecent(cached.at, VALID_MS)) return cached.rate;
  const othersLoad = watchLoad();
  const isBusy = () => othersLoad() > MAX_BUSY_PROCESSORS;
  const rate = await measureMatmulRate(backend, precision, isBusy);
  if (isBusy()) return Math.max(rate, cached?.rate ?? 0);
  await rates.set(key, { at: Date.now(), rate });
  return rate;
}

const FIRST_SIZE = 512;
const MAX_SIZE = 8192;
/** A shorter product would mainly measure its overhead. */
const MIN_PRODUCT_MS = 10;
const MEASURE_MS = 1000;

/** `isBusy`: other work interferes, so that measuring for longer would not help. */
async function measureMatmulRate(
  backend: Backend,
  precision: Hyper['precision'],
  isBusy: () => boolean,
): Promise<number> {
  backend.multiplyIn?.(precision === 'f16' ? 'f16' : 'f32');
  const end = performance.now() + MEASURE_MS;
  let best = 0;
  for (let size = FIRST_SIZE; ;) {
    const square = backend.arena(() => {
      const values = new Float32Array(size * size).map((_, i) => ((i % 13) - 6) / 6);
      const f32 = backend.tensor(values, [size, size]);
      return precision === 'bf16' ? backend.cast(f32, 'bf16') : f32;
    });
    let fastest = Infinity;
    // The first product is slow because it touches the memory for the first time.
    const isWorthMore = () => fastest >= MIN_PRODUCT_MS && performance.now() < end && !isBusy();
    for (let i = 0; i < 3 || isWorthMore(); i += 1)
      fastest = Math.min(fastest, await productMs(backend, square));
    backend.dispose(square);
    best = Math.max(best, (2 * size ** 3) / (fastest / 1000));
    if (fastest >= MIN_PRODUCT_MS || size >= MAX_SIZE) return best;
    size *= 2;
  }
}

async function productMs(backend: Backend, square: Tensor): Promise<number> {
  const started = performance.now();
  const corner = backend.arena(() => backend.slice(backend.matmul(square, square), [0, 0], [1, 1]));
  // On a GPU, the product is done when its result can be read.
  await backend.read(corner);
  backend.dispose(corner);
  return performance.now() - started;
}
