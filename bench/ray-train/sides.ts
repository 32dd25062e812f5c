/** The two sides of bench:ray-train: our trainer, and PyTorch under Ray Train, on the same windows. */
import { join, resolve } from 'node:path';
import type { Sequence, SequenceSource } from '../../src/corpus/tokens/sequences.ts';
import { openGguf, type GgufFile } from '../../src/gguf/index.ts';
import { loadModel } from '../../src/model/index.ts';
import { UserError } from '../../src/protocol/errors.ts';
import type { RunEvent } from '../../src/protocol/events.ts';
import type { Hyper, RayTrainEngine } from '../../src/protocol/run.ts';
import type { Backend } from '../../src/tensor/index.ts';
import { heldOutLoss, heldOutParts } from '../../src/training/held-out.ts';
import { runLoop } from '../../src/training/loop.ts';
import { createOptimizer } from '../../src/training/optimizers.ts';
import { writeRayTrainJob } from '../../src/training/ray-train/job.ts';
import { runRayTrain } from '../../src/training/ray-train/python.ts';
import { EventsOfLines, exportRayTrainResult, phaseOf } from '../../src/training/ray-train/result.ts';
import { readAdapterGguf } from '../../src/weights/index.ts';
import { readTransformersModel } from '../../src/weights/transformers-base.ts';

export interface Trained {
  /** Of each step, in nats per token. */
  losses: number[];
  norms: number[];
  /** Held-out losses before the first step and after the last. */
  heldOut: { before: number; after: number };
  /** By GGUF's names. */
  values: Map<string, Float32Array>;
  seconds: number;
}

export interface Asked {
  base: string;
  hyper: Hyper;
  sequences: SequenceSource;
  heldOut: readonly Sequence[];
}

export async function trainHere(
  backend: Backend,
  { base, hyper, sequences, heldOut }: Asked,
): Promise<Trained> {
  const gguf = await openGguf(base);
  const model = await loadModel(backend, gguf, hyper);
  await gguf.close();
  const optimizer = createOptimizer(model, hyper);
  const { signal } = new AbortController();
  const measure = async () => heldOutLoss((await heldOutParts(model, heldOut, signal))!).value;
  const losses: number[] = [];
  const norms: number[] = [];
  const before = await measure();
  const began = performance.now();
  await runLoop({
    ...{ hyper, model, optimizer, sequences, signal },
    from: 0,
    onStep({ loss, gradientNorm }) {
      losses.push(loss);
      norms.push(gradientNorm);
      return Promise.resolve();
    },
  });
  const seconds = (performance.now() - began) / 1000;
  const values = new Map<string, Float32Array>();
  for (const { name } of model.parameters) values.set(name, await model.read(name));
  const after = await measure();
  optimizer.dispose();
  model.dispose();
  return { losses, norms, heldOut: { before, after }, values, seconds };
}

export interface Ray {
  /** A Python that has Ray Train, PyTorch, transformers and PEFT. */
  python: string;
  workers: number;
  parallel: RayTrainEngine['parallel'];
  /** An empty folder. */
  folder: string;
}

export async function trainOnRay(asked: Asked, ray: Ray): Promise<Trained> {
  const { base: path, hyper, sequences, heldOut } = asked;
  const base = await openGguf(path);
  try {
    const { parallel, folder } = ray;
    const tokens = { train: 0, heldOut: 0 };
    await writeRayTrainJob(folder, { base, hyper, parallel, sequences, heldOut, tokens });
    const reader = new EventsOfLines();
    const events: RunEvent[] = [];
    await runRayTrain({
      ...ray,
      packages: resolve('dist'),
      gpus: false,
      local: true,
      signal: new AbortController().signal,
      onLine(line) {
        if (phaseOf(line, '') === undefined) events.push(reader.eventOf(line));
        return Promise.resolve();
      },
    });
    const failed = events.find((event) => event.type === 'error');
    if (failed) throw new UserError('diverged', failed.message, failed.next);
    const steps = events.filter((event) => event.type === 'step');
    const measured = events.filter((event) => event.type === 'evaluation').map(({ result }) => result.value);
    return {
      losses: steps.map(({ loss }) => loss),
      norms: steps.map(({ gradientNorm }) => gradientNorm),
      heldOut: { before: measured[0]!, after: measured.at(-1)! },
      values: await valuesOf(folder, asked, base),
      seconds: secondsOf(steps),
    };
  } finally {
    await base.close();
  }
}

/** From the first step's end to the last one's, and one step more. */
function secondsOf(steps: readonly { time: string }[]): number {
  const [first, last] = [Date.parse(steps[0]!.time), Date.parse(steps.at(-1)!.time)];
  return ((last - first) / 1000) * (steps.length / (steps.length - 1));
}

/** As our own files have them, LoRA's through adapter.gguf. */
async function valuesOf(folder: string, { hyper, base: path }: Asked, base: GgufFile) {
  const values = new Map<string, Float32Array>();
  const spec = { base: { id: 'bench', path, sha256: '' }, hyper };
  const name = await exportRayTrainResult(folder, folder, spec, base);
  if (hyper.method === 'lora') {
    for (const { name: layer, a, b } of (await readAdapterGguf(join(folder, name), base)).layers)
      values.set(`${layer}.lora_a`, a).set(`${layer}.lora_b`, b);
    return values;
  }
  // model.gguf is rounded to half precision.
  for (const [name, lazy] of await readTransformersModel(join(folder, 'result'), base))
    values.set(name, await lazy.read());
  return values;
}
