/** Runs and counts training steps of a model with random weights on WebGPU. */
import { openGguf } from '../../src/gguf/index.ts';
import { loadModel } from '../../src/model/index.ts';
import { hyperSchema } from '../../src/protocol/run.ts';
import type { WebgpuBackend } from '../../src/tensor/webgpu/webgpu.ts';
import { runLoop } from '../../src/training/loop.ts';
import { planDevice } from '../../src/training/memory/device.ts';
import { Optimizer } from '../../src/training/optimizers.ts';
import { median } from '../quantiles.ts';
import { randomSequences } from '../training/random-sequences.ts';
import { countOn, hostMs } from './counters.ts';

interface Steps {
  dispatches: number;
  /** Bytes accessed by kernels, and the minimum that a step must move. */
  bytes: number;
  least: number;
  hostMs: number;
  tokensPerSecond: number;
  /** Peak bytes of the pool's buffers, in use or free; and the planned bytes. */
  pool: number;
  planned: number;
}

/** LoRA of rank 16 on all linears, one sequence per step; medians over all but the first step. */
export async function measureSteps(
  backend: WebgpuBackend,
  path: string,
  { tokens, steps }: { tokens: number; steps: number },
): Promise<Steps> {
  const hyper = hyperSchema.parse({ learningRate: 1e-4, steps: steps + 1, sequenceLength: tokens });
  const gguf = await openGguf(path);
  const model = await loadModel(backend, gguf, hyper);
  await gguf.close();
  const optimizer = new Optimizer(model, hyper);
  const { gpu } = backend;
  const counts = countOn(gpu);
  const seen: { seconds: number; dispatches: number; bytes: number; hostMs: number }[] = [];
  let [before, began, host, pool] = [{ ...counts }, performance.now(), hostMs(), 0];
  await runLoop({
    hyper,
    model,
    optimizer,
    sequences: randomSequences(tokens, model.config.vocabularySize, 0),
    from: 0,
    signal: new AbortController().signal,
    onStep() {
      const [now, hostNow] = [performance.now(), hostMs()];
      const { dispatches, bytes, waited } = counts;
      const step = { dispatches: dispatches - before.dispatches, bytes: bytes - before.bytes };
      seen.push({
        ...step,
        hostMs: hostNow - host - (waited - before.waited),
        seconds: (now - began) / 1000,
      });
      pool = Math.max(pool, gpu.buffers.usedBytes + gpu.buffers.freeBytes);
      [before, began, host] = [{ ...counts }, performance.now(), hostMs()];
      return Promise.resolve();
    },
  });
  const of = (key: keyof (typeof seen)[number]) => median(seen.slice(1).map((step) => step[key]));
  const plan = planDevice(model.config, hyper, {});
  optimizer.dispose();
  model.dispose();
  return {
    dispatches: of('dispatches'),
    bytes: of('bytes'),
    hostMs: of('hostMs'),
    pool,
    least: leastBytes(model.config, plan, tokens),
    tokensPerSecond: tokens / of('seconds'),
    // Without the evaluator, which is a separate process.
    planned: plan.total - 1.25 * plan.evaluation,
  };
}

/**
 * The minimum bytes that a step moves: frozen weights read forward and backward; activations written once and read
 * twice; trained weights read twice, their gradients written and read, their moments read and written; logits written,
 * turned into their gradient, and that read twice.
 */
export function leastBytes(
  { vocabularySize }: { vocabularySize: number },
  {
    weights,
    parameters,
    optimiser,
    activations,
  }: Record<'weights' | 'parameters' | 'optimiser' | 'activations', number>,
  tokens: number,
): number {
  return 2 * weights + 3 * activations + 5 * parameters + 2 * optimiser + 5 * 4 * vocabularySize * tokens;
}
