/**
 * Our side of bench:training: the product's own backend, loader, model and optimiser, stepped as the training loop
 * steps them. One argument, a Job; one line of JSON on standard output, the Measurement.
 */
import { openGguf } from '../../src/gguf/index.ts';
import { loadModel } from '../../src/model/index.ts';
import { mix, uniform } from '../../src/model/random.ts';
import { moduleNames } from '../../src/protocol/run.ts';
import { startBackend } from '../../src/tensor/index.ts';
import { createOptimizer } from '../../src/training/optimizers.ts';
import type { Job, Measurement, Step } from './job.ts';
import { measureMatmulRate } from './roofline.ts';

const job = JSON.parse(process.argv[2]!) as Job;
process.stdout.write(`${JSON.stringify(await measure(job))}\n`);

async function measure(job: Job): Promise<Measurement> {
  const backend = await startBackend('tensorflow');
  const gguf = await openGguf(job.base);
  const model = await loadModel(backend, gguf, {
    method: 'lora',
    ...job.lora,
    targets: moduleNames,
    seed: job.seed,
    precision: job.precision,
  });
  await gguf.close();
  const optimizer = createOptimizer(model, { optimizer: 'adamw', weightDecay: 0 });
  const steps: Step[] = [];
  for (let index = 0; index < job.warmupSteps + job.steps; index += 1) {
    const tokens = randomTokens(job, index);
    const wall = performance.now();
    const cpu = process.cpuUsage();
    const result = await model.accumulate(
      { rows: job.batch, length: job.sequence, tokens },
      { seed: [job.seed, index], train: true, lossWeight: 1 / (job.batch * job.sequence) },
    );
    const norm = await model.gradientNorm();
    const gradientScale = norm > job.clipNorm ? job.clipNorm / norm : 1;
    optimizer.step({ learningRate: job.learningRate, gradientScale });
    model.zeroGradients();
    const { user, system } = process.cpuUsage(cpu);
    steps.push({
      wallSeconds: (performance.now() - wall) / 1e3,
      cpuSeconds: (user + system) / 1e6,
      loss: result.lossSum / result.tokens,
    });
  }
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  const { parameterCount } = model;
  optimizer.dispose();
  model.dispose();
  return {
    engine: backend.reason.split(',')[0]!,
    trainedParameters: parameterCount,
    steps,
    peakBytes,
    matmulRate: job.roofline ? await measureMatmulRate(backend, job) : undefined,
  };
}

function randomTokens({ batch, sequence, shape, seed }: Job, index: number): Int32Array {
  const next = uniform(mix(seed, index));
  return Int32Array.from({ length: batch * (sequence + 1) }, () => Math.floor(next() * shape.vocabularySize));
}
