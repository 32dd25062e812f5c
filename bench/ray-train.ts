/**
 * Ray Train beside our own trainer: `npm run bench:ray-train [-- --json] [--base ID|FILE] [--text FILE] [--steps 20]
 * [--workers 2]`.
 *
 * PyTorch, PEFT and FSDP (or DDP) with several workers on this machine train what our trainer trains, on the same
 * windows and with the same first adapter. Reported is how far losses and weights are apart. Without --base, on small
 * models with random weights. Installs Ray, PyTorch and PEFT into an environment of its own.
 *
 * With --cluster only the command line's `train --engine ray-train --on` is tried, on a Ray of this machine with its
 * dashboard: a small model, on one node, on several, stopped and gone on with, and with lost nodes. --steps 400 are long
 * enough for that.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { resolveBase } from '../src/base-models/resolve.ts';
import { openTokenizer } from '../src/base-models/tokenizer.ts';
import type { SequenceSource } from '../src/corpus/tokens/sequences.ts';
import { openGguf } from '../src/gguf/index.ts';
import { readConfig } from '../src/model/index.ts';
import { startBackend } from '../src/tensor/index.ts';
import { writeTinyModel } from '../test/support/tiny-model.ts';
import { markdownTable } from './markdown.ts';
import { cases, hyperOf, randomSequences, textSequences, type Case } from './ray-train/cases.ts';
import { compareOnCluster } from './ray-train/on-cluster.ts';
import { trainHere, trainOnRay, type Trained } from './ray-train/sides.ts';
import { ensurePytorch } from './training/environment.ts';

const options = {
  base: { type: 'string' },
  steps: { type: 'string', default: '20' },
  workers: { type: 'string', default: '2' },
  /** Tokens of a sequence. */
  length: { type: 'string', default: '64' },
  /** A file of text to learn, the last tenth of which is held out. Without it: random tokens. */
  text: { type: 'string' },
  /** Cases whose names contain this. */
  only: { type: 'string', default: '' },
  cluster: { type: 'boolean', default: false },
  python: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

/** What the two may differ by. */
const LIMIT = 1e-3;
const HELD_OUT = 4;

interface Compared {
  name: string;
  steps: number;
  workers: number;
  /** Nats per token. */
  firstLoss: number;
  lastLoss: number;
  largestLossDifference: number;
  /** At the first step, before anything was learned. */
  firstLossDifference: number;
  heldOutDifference: number;
  /** Of a trained tensor, divided by its largest magnitude. */
  largestValueDifference: number;
  seconds: { ours: number; theirs: number };
  agrees: boolean;
}

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options });
  const log = (line: string) => console.error(line);
  const requirements = resolve('bench/ray-train/requirements.txt');
  const python = values.python ?? (await ensurePytorch(requirements, log, 'bench-ray-train'));
  if (values.cluster) {
    const dir = await mkdtemp(join(tmpdir(), 'forget-me-not-ray-'));
    try {
      const onCluster = await compareOnCluster({ python, dir, steps: values.steps, only: values.only, log });
      console.log(values.json ? JSON.stringify(onCluster) : onCluster);
    } finally {
      await rm(dir, { recursive: true, force: true, maxRetries: 5 });
    }
    return;
  }
  const found: Compared[] = [];
  for (const one of cases.filter((one) => nameOf(one).includes(values.only))) {
    const dir = await mkdtemp(join(tmpdir(), 'forget-me-not-ray-'));
    try {
      found.push(await compareOne(one, { ...values, python, dir, log }));
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  }
  const agrees = found.every((one) => one.agrees);
  if (values.json) console.log(JSON.stringify({ limit: LIMIT, agrees, cases: found }));
  else console.log(tableOf(found).join('\n'));
}

const nameOf = ({ architecture, method, parallel, optimizer }: Case) =>
  `${architecture} ${method} ${optimizer} ${parallel}`;

interface Given {
  base?: string | undefined;
  steps: string;
  workers: string;
  length: string;
  text?: string | undefined;
  python: string;
  dir: string;
  log(line: string): void;
}

async function compareOne(one: Case, given: Given): Promise<Compared> {
  const { dir, python, log } = given;
  const [steps, workers, length] = [Number(given.steps), Number(given.workers), Number(given.length)];
  const base = given.base ? (await resolveBase(given.base)).path : join(dir, 'base.gguf');
  if (!given.base) await writeTinyModel(base, { architecture: one.architecture, seed: 5 });
  const gguf = await openGguf(base);
  const { vocabularySize } = readConfig(gguf);
  await gguf.close();
  const hyper = hyperOf(one, steps, length);
  const [sequences, held] = given.text
    ? await sequencesOf(given.text, base, length)
    : [randomSequences(vocabularySize, length, 1), randomSequences(vocabularySize, length, 2)];
  const heldOut = Array.from({ length: HELD_OUT }, (_, i) => held.at(i));
  const asked = { base, hyper, sequences, heldOut };
  log(`${nameOf(one)}: here ...`);
  const ours = await trainHere(await startBackend('auto'), asked);
  log(`${nameOf(one)}: on Ray ...`);
  const theirs = await trainOnRay(asked, {
    python,
    workers,
    parallel: one.parallel,
    folder: join(dir, 'job'),
  });
  return { name: nameOf(one), steps, workers, ...differences(ours, theirs) };
}

async function sequencesOf(path: string, base: string, length: number) {
  const tokenizer = await openTokenizer(base);
  const tokens = tokenizer.encode(await readFile(path, 'utf8'));
  await tokenizer.dispose();
  const learned = Math.floor(0.9 * tokens.length);
  return [tokens.slice(0, learned), tokens.slice(learned)].map((part) => textSequences(part, length)) as [
    SequenceSource,
    SequenceSource,
  ];
}

function differences(ours: Trained, theirs: Trained): Omit<Compared, 'name' | 'steps' | 'workers'> {
  if (ours.losses.length !== theirs.losses.length)
    throw new Error(`Ray Train made ${theirs.losses.length} steps, not ${ours.losses.length}.`);
  const apart = (a: readonly number[], b: readonly number[]) =>
    Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));
  const { before, after } = ours.heldOut;
  const largestLossDifference = apart(ours.losses, theirs.losses);
  return {
    firstLoss: ours.losses[0]!,
    lastLoss: ours.losses.at(-1)!,
    largestLossDifference,
    firstLossDifference: Math.abs(ours.losses[0]! - theirs.losses[0]!),
    heldOutDifference: apart([before, after], [theirs.heldOut.before, theirs.heldOut.after]),
    largestValueDifference: Math.max(
      ...[...ours.values].map(([name, values]) => relative(values, theirs.values.get(name), name)),
    ),
    seconds: { ours: ours.seconds, theirs: theirs.seconds },
    agrees: largestLossDifference < LIMIT,
  };
}

function relative(ours: Float32Array, theirs: Float32Array | undefined, name: string): number {
  if (theirs?.length !== ours.length) throw new Error(`Ray Train's result has no "${name}" of that size.`);
  const largest = ours.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return ours.reduce((most, value, i) => Math.max(most, Math.abs(value - theirs[i]!)), 0) / largest;
}

function tableOf(found: readonly Compared[]): string[] {
  const small = (value: number) => value.toExponential(1);
  return markdownTable(
    [
      '',
      'loss, first and last step',
      'losses apart, at most',
      'held-out apart',
      'weights apart',
      'seconds, ours and theirs',
    ],
    found.map((one) => [
      one.name,
      `${one.firstLoss.toFixed(3)}, ${one.lastLoss.toFixed(3)}`,
      small(one.largestLossDifference),
      small(one.heldOutDifference),
      small(one.largestValueDifference),
      `${one.seconds.ours.toFixed(1)}, ${one.seconds.theirs.toFixed(1)}`,
    ]),
  );
}
