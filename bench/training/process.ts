/**
 * Our side of bench:training: the product's own backend, loader, model, optimiser and training loop. Takes a Job as its
 * argument and prints the Measurement as one line of JSON.
 */
import { openGguf } from '../../src/gguf/index.ts';
import { loadModel } from '../../src/model/index.ts';
import { hyperSchema, type Hyper } from '../../src/protocol/run.ts';
import { startBackend } from '../../src/tensor/index.ts';
import { runLoop } from '../../src/training/loop.ts';
import { Optimizer } from '../../src/training/optimizers.ts';
import type { Job, Measurement, Step } from './job.ts';
import { randomSequences } from './random-sequences.ts';
import { measureMatmulRate } from './roofline.ts';
import { english } from '../../src/text/message.ts';

const job = JSON.parse(process.argv[2]!) as Job;
process.stdout.write(`${JSON.stringify(await measure(job))}\n`);

async function measure(job: Job): Promise<Measurement> {
  const hyper = hyperOf(job);
  const backend = await startBackend('tensorflow');
  const gguf = await openGguf(job.base);
  const model = await loadModel(backend, gguf, hyper);
  await gguf.close();
  const optimizer = new Optimizer(model, hyper);
  const steps: Step[] = [];
  let cpu = cpuSeconds();
  await runLoop({
    hyper,
    model,
    optimizer,
    sequences: randomSequences(job.sequence, job.shape.vocabularySize, job.seed),
    from: 0,
    signal: new AbortController().signal,
    onStep({ loss, seconds }) {
      steps.push({ wallSeconds: seconds, cpuSeconds: cpuSeconds() - cpu, loss });
      cpu = cpuSeconds();
      return Promise.resolve();
    },
  });
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  const { parameterCount } = model;
  optimizer.dispose();
  model.dispose();
  const matmulRate = await measureMatmulRate(backend, job);
  return {
    framework: english(backend.reason).split(',')[0]!,
    trainedParameters: parameterCount,
    steps,
    peakBytes,
    cpuSeconds: cpuSeconds(),
    matmulRate,
  };
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function hyperOf(job: Job): Hyper {
  return hyperSchema.parse({
    method: 'lora',
    ...job.lora,
    optimizer: 'adamw',
    learningRate: job.learningRate,
    schedule: 'constant',
    warmup: 0,
    clip: job.clipNorm,
    steps: job.warmupSteps + job.steps,
    sequenceLength: job.sequence,
    batch: job.batch,
    precision: job.precision,
    recompute: job.recompute,
    seed: job.seed,
  });
}
