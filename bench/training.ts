/** Compares us with PyTorch + PEFT, alternating, on the same model, shapes and steps: `npm run bench:training`. */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { formatTable } from '../src/cli/view/format.ts';
import { dataDir } from '../src/platform/files/paths.ts';
import { commandLine } from './gain/command-line.ts';
import { pythonWith } from './python.ts';
import { measure, type Outcome } from './training/child.ts';
import { shapes, type Job, type ModelName, type Precision } from './training/job.ts';
import { writeRandomBase } from './training/random-base.ts';
import {
  compare,
  ratioCells,
  sideCells,
  sideTitles,
  summarise,
  type Result,
  type Report,
  type Side,
} from './training/summary.ts';

const options = {
  /** Print the results as one line of JSON to stdout, and everything else to stderr. */
  json: { type: 'boolean', default: false },
  /** Processes per side; measured steps of each, and warm-up steps before them. */
  rounds: { type: 'string', default: '3' },
  steps: { type: 'string', default: '8' },
  warmup: { type: 'string', default: '2' },
  precision: { type: 'string', multiple: true, default: ['f32', 'bf16'] as string[] },
  /** The model whose shape is used, with random weights. */
  model: { type: 'string', default: 'smollm2-135m' },
  /** Tokens per sequence, and sequences per step. */
  sequence: { type: 'string', default: '512' },
  batch: { type: 'string', default: '1' },
  /** A GGUF file of that shape for our side, possibly quantised. */
  base: { type: 'string' },
  /** On our side, compute activations again in the backward pass. */
  recompute: { type: 'boolean', default: false },
  /** A Python with PyTorch, transformers and PEFT, instead of the benchmark's own environment. */
  python: { type: 'string' },
} as const;
type Options = ReturnType<typeof parseArgs<{ options: typeof options }>>['values'];

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options });
  const log = (line: string) => console.error(line);
  const print = values.json ? log : (text: string) => console.log(text);
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stop.abort());
  if (!process.env['FORGET_ME_NOT_BINDING'])
    await commandLine(dataDir(), ['runtime', 'install', '--yes'], stop.signal);
  const python = values.python ?? (await pythonWith(own('requirements.txt'), 'bench-pytorch', log));
  const commands = {
    ours: [process.execPath, fileURLToPath(new URL('process.mjs', import.meta.url))],
    theirs: [python, own('pytorch.py')],
  };
  print(`${cpus().length} x ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.versions.node}`);
  const report: Report = {};
  const dir = await mkdtemp(join(tmpdir(), 'forget-me-not-bench-training-'));
  try {
    for (const precision of values.precision as Precision[]) {
      const job = await jobOf(values, precision, dir);
      const { ours, theirs } = await inTurns(job, Number(values.rounds), commands, stop.signal);
      warnIfDisturbed([...ours, ...theirs], log);
      report[precision] = compare(ours, theirs, job);
      print(`\n${values.model}, ${precision}, sequence ${job.sequence}, batch ${job.batch}`);
      print(table(report[precision], summarise(ours, job), summarise(theirs, job)));
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
  if (values.json) process.stdout.write(`${JSON.stringify(report)}\n`);
}

const own = (name: string) => resolve('bench/training', name);

/** Without --base, writes a base with random weights into `dir`. */
async function jobOf(values: Options, precision: Precision, dir: string): Promise<Job> {
  const shape = shapes[values.model as ModelName];
  if (!shape) throw new Error(`--model is one of ${Object.keys(shapes).join(', ')}.`);
  const random = join(dir, `${precision}.gguf`);
  if (!values.base) await writeRandomBase(random, shape, precision);
  return {
    shape,
    precision,
    recompute: values.recompute,
    sequence: Number(values.sequence),
    batch: Number(values.batch),
    warmupSteps: Number(values.warmup),
    steps: Number(values.steps),
    threads: availableParallelism(),
    seed: 1,
    learningRate: 1e-4,
    clipNorm: 1,
    lora: { rank: 16, alpha: 32, dropout: 0.05 },
    base: values.base ?? random,
    randomBase: !values.base,
  };
}

async function inTurns(
  job: Job,
  rounds: number,
  commands: Record<'ours' | 'theirs', readonly string[]>,
  signal: AbortSignal,
): Promise<Record<'ours' | 'theirs', Outcome[]>> {
  const outcomes: Record<keyof typeof commands, Outcome[]> = { ours: [], theirs: [] };
  for (let round = 1; round <= rounds; round += 1) {
    console.error(`${job.precision}, round ${round} of ${rounds} ...`);
    for (const side of ['ours', 'theirs'] as const)
      outcomes[side].push(await measure(commands[side], job, signal));
  }
  return outcomes;
}

/**
 * Tolerated load as a share of the processors. It slows PyTorch most, whose threads synchronise after every operation.
 */
const TOLERATED = 0.1;

function warnIfDisturbed(runs: readonly Outcome[], log: (line: string) => void): void {
  const worst = Math.max(...runs.map(({ disturbance }) => disturbance));
  if (worst > TOLERATED)
    log(
      `Other programs used up to ${(worst * 100).toFixed(0)}% of the processors: measure again when they have ended.`,
    );
}

function table({ tokensPerSecond, rooflineShare }: Result, us: Side, them: Side): string {
  const rows = [
    [us.framework, ...sideCells(us), ...ratioCells(us, them)],
    [them.framework, ...sideCells(them), '', ''],
  ];
  const share = (rooflineShare * 100).toFixed(0);
  const roofline = (tokensPerSecond / rooflineShare).toFixed(0);
  return (
    `${formatTable([['', ...sideTitles, 'speed', 'memory'], ...rows]).join('\n')}\n` +
    `${share}% of the matmul roofline (${roofline} tokens/s)`
  );
}
