/**
 * Writes the input of a training with PyTorch under Ray Train into a folder: the run's settings, every step's windows
 * of tokens, its rates, the base and LoRA's initial values. ray_train reads it, and knows nothing else.
 */
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Sequence, SequenceSource } from '../../corpus/tokens/sequences.ts';
import { ROPE_DIVISORS } from '../../base-models/architectures.ts';
import type { GgufFile } from '../../gguf/index.ts';
import {
  adapterAlpha,
  checkRank,
  chooseTargets,
  initialValues,
  linearShape,
  readConfig,
  type Parameter,
} from '../../model/index.ts';
import { UserError } from '../../text/errors.ts';
import type { Hyper, RayTrainEngine } from '../../protocol/run.ts';
import { readText } from '../../platform/files/regular-file.ts';
import { writeByRename } from '../../platform/files/write-file.ts';
import type { AdapterLayer } from '../../weights/index.ts';
import { ignoreMissing } from '../../runs/file-mark.ts';
import { writePeft } from '../../weights/peft.ts';
import { writeTransformersBase } from '../../weights/transformers-base.ts';
import { stepSequences } from '../batches.ts';
import { ADAM, LION } from '../optimizers.ts';
import { learningRateAt } from '../schedule.ts';

/** The version of train.json; ray_train/job.py has the same number. */
const VERSION = 2;

export interface RayTrainJob {
  base: GgufFile;
  hyper: Hyper;
  parallel: RayTrainEngine['parallel'];
  sequences: SequenceSource;
  heldOut: readonly Sequence[];
  /** LoRA's values before the first step. Default: those of a run that does not continue another. */
  initial?: ((parameter: Parameter) => Promise<Float32Array>) | undefined;
  /** Tokens of the corpus, for the run's events. */
  tokens: { train: number; heldOut: number };
}

/**
 * Writes `folder`, which it creates. Errors: base-unsupported-architecture, bad-argument for what the PyTorch side does
 * not support, and those of readConfig.
 */
export async function writeRayTrainJob(folder: string, job: RayTrainJob): Promise<void> {
  const { base, hyper, heldOut, tokens } = job;
  requireSupported(hyper);
  await mkdir(folder, { recursive: true });
  await writeTransformersBase(join(folder, 'base'), base);
  if (hyper.method === 'lora') await writeFirstAdapter(join(folder, 'initial'), job);
  await writeSplit(folder, 'train', hyper.sequenceLength, stepsOf(job));
  await writeSplit(folder, 'heldout', hyper.sequenceLength, heldOut);
  const divisors = base.tensors.has(ROPE_DIVISORS) && Array.from(await base.readF32(ROPE_DIVISORS));
  const json = {
    version: VERSION,
    hyper,
    parallel: job.parallel,
    optimizer: rule(hyper),
    rates: Array.from({ length: hyper.steps }, (_, i) => learningRateAt(i + 1, hyper)),
    heldOut: heldOut.length,
    heldOutDocuments: heldOut.map(({ document }) => document ?? null),
    trainTokens: tokens.train,
    heldOutTokens: tokens.heldOut,
    ...(divisors && { ropeDivisors: divisors }),
  };
  // Written last: if it exists, the folder is complete.
  await writeByRename(join(folder, 'train.json'), `${JSON.stringify(json)}\n`);
}

/** Whether `folder` has a complete job of this version. */
export async function hasRayTrainJob(folder: string): Promise<boolean> {
  const text = await readText(join(folder, 'train.json')).catch(ignoreMissing);
  return text !== undefined && z.object({ version: z.int() }).parse(JSON.parse(text)).version === VERSION;
}

function requireSupported({ precision }: Hyper): void {
  if (precision === 'f16')
    throw new UserError(
      'bad-argument',
      'Under Ray Train there is no f16, which needs a loss scale.',
      'Use --precision bf16 or f32.',
    );
}

/** In the optimisers' form: `decay` is multiplied by a step's rate. */
function rule({ optimizer, weightDecay, learningRate }: Hyper) {
  return optimizer === 'adamw'
    ? { name: optimizer, ...ADAM, decay: weightDecay }
    : { name: optimizer, ...LION, epsilon: 0, decay: weightDecay / learningRate };
}

function* stepsOf({ sequences, hyper }: RayTrainJob): Generator<Sequence> {
  for (let step = 1; step <= hyper.steps; step += 1) yield* stepSequences(sequences, hyper, step);
}

/** Little-endian, like a corpus's token files; a shorter window is padded with tokens that do not count. */
async function writeSplit(
  folder: string,
  split: 'train' | 'heldout',
  length: number,
  sequences: Iterable<Sequence>,
): Promise<void> {
  const files = await Promise.all(
    ['tokens', 'learned', 'starts'].map((part) => open(join(folder, `${split}.${part}`), 'w')),
  );
  try {
    for (const sequence of sequences) {
      const tokens = new Int32Array(length + 1);
      tokens.set(sequence.tokens);
      const learned = new Uint8Array(length);
      learned.set(sequence.learned);
      const starts = new Int32Array(length);
      starts.set(sequence.starts);
      for (const [i, part] of [tokens, learned, starts].entries())
        await files[i]!.writeFile(new Uint8Array(part.buffer));
    }
  } finally {
    for (const file of files) await file.close();
  }
}

/** LoRA before the first step, in the PEFT library's format. */
async function writeFirstAdapter(folder: string, { base, hyper, initial }: RayTrainJob): Promise<void> {
  const first = initial ?? ((parameter: Parameter) => initialValues(base, parameter, hyper));
  const config = readConfig(base);
  const targets = chooseTargets(config, hyper.targets);
  checkRank(config, targets, hyper.rank);
  const layers: AdapterLayer[] = [];
  for (const name of targets) {
    const [out, width] = linearShape(config, name);
    const { rank } = hyper;
    const values = (part: string, shape: number[]) => first({ name: `${name}.lora_${part}`, shape });
    const [a, b] = [await values('a', [rank, width]), await values('b', [out, rank])];
    layers.push({ name, rank, in: width, out, a, b });
  }
  await writePeft(folder, { alpha: adapterAlpha(hyper), layers }, { config, hyper, baseName: '../base' });
}
