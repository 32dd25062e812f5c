/** bench:training: PyTorch + PEFT and us, in turn, on the same model, shapes and steps. See docs/benchmarks.md. */
import { cpus } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import { Bench } from './bench.ts';
import type { Outcome } from './child.ts';
import { ensurePytorch } from './environment.ts';
import { shapes, type ModelName, type Precision } from './job.ts';
import {
  compare,
  formatTable,
  ratioCells,
  sideCells,
  sideTitles,
  summarise,
  type Report,
  type Side,
} from './summary.ts';
import { runSweep, sweepNames, sweepTable, type SweepName, type SweepPoint } from './sweep.ts';

export interface Setting {
  /** Folder of the random bases. */
  dir: string;
  /** Path of product.ts, bundled. */
  product: string;
  pytorch: string;
  requirements: string;
  /** Installs or updates the TensorFlow runtime. */
  installRuntime(): Promise<void>;
  signal: AbortSignal;
}

interface Options {
  json?: boolean;
  rounds: number;
  steps: number;
  warmup: number;
  precision: Precision[];
  model: ModelName;
  sequence: number;
  batch: number;
  base?: string;
  recompute?: boolean;
  sweep?: SweepName[] | true;
  wasm?: boolean;
  python?: string;
}

const count = (text: string) => {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('A whole number above 0 is needed.');
  return Number(text);
};

function parse(argv: string[]): Options {
  const program = new Command('bench:training')
    .description(
      'LoRA training by PyTorch + PEFT and by us, in turn: speed, peak memory, share of the roofline',
    )
    .option('--json', 'print the figures as one line of JSON, everything else on stderr')
    .option('--rounds <n>', 'processes per side', count, 3)
    .option('--steps <n>', 'measured steps per process', count, 8)
    .option('--warmup <n>', 'steps before them that are not measured', count, 2)
    .option('--sequence <n>', 'tokens per sequence', count, 512)
    .option('--batch <n>', 'sequences per step', count, 1)
    .option('--base <path>', 'a GGUF file of that shape for our side, which may be quantised')
    .option('--recompute', 'on our side, compute activations again in the backward pass')
    .option(
      '--python <path>',
      "a Python that has PyTorch, transformers and PEFT, instead of the benchmark's own environment",
    );
  program.addOption(
    new Option('--precision <list...>', 'number formats to compute in')
      .choices(['f32', 'bf16'])
      .default(['f32', 'bf16']),
  );
  program.addOption(
    new Option('--model <name>', 'the model whose shape is used, with random weights')
      .choices(Object.keys(shapes))
      .default('smollm2-135m'),
  );
  program.addOption(
    new Option('--sweep [what...]', 'vary one thing at a time instead: some of these, or all').choices(
      sweepNames,
    ),
  );
  program.addOption(
    new Option('--wasm', 'compare our wasm and TensorFlow backends instead, in f32').conflicts([
      'sweep',
      'precision',
    ]),
  );
  return program.parse(argv, { from: 'user' }).opts<Options>();
}

export async function main(argv: string[], setting: Setting): Promise<void> {
  const options = parse(argv);
  const log = (line: string) => console.error(line);
  const print = options.json ? log : (text: string) => console.log(text);
  if (!process.env['FORGET_ME_NOT_BINDING']) await setting.installRuntime();
  const python = options.wasm ? '' : (options.python ?? (await ensurePytorch(setting.requirements, log)));
  const bench = new Bench(
    setting.dir,
    { ours: [process.execPath, setting.product], theirs: [python, setting.pytorch] },
    setting.signal,
  );
  print(`${cpus().length} x ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.versions.node}`);
  const measured = options.wasm ? runBackends : options.sweep ? runSweeps : runComparison;
  const result = await measured(bench, options, print, log);
  if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
}

type Output = (text: string) => void;

async function runComparison(bench: Bench, options: Options, print: Output, log: Output): Promise<Report> {
  const { model, sequence, batch, rounds, base, recompute } = options;
  const report: Report = {};
  for (const precision of options.precision) {
    const effort = { warmupSteps: options.warmup, steps: options.steps, roofline: true };
    const job = await bench.job({ model, precision, sequence, batch, base, recompute }, effort);
    const ours: Outcome[] = [];
    const theirs: Outcome[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      log(`${precision}, round ${round} of ${rounds} ...`);
      ours.push(await bench.run('ours', job));
      theirs.push(await bench.run('theirs', job));
    }
    warnIfDisturbed([...ours, ...theirs], log);
    const figures = compare(ours, theirs, job);
    report[precision] = figures;
    const us = summarise(ours, job);
    const them = summarise(theirs, job);
    const rows = [
      [us.engine, ...sideCells(us), ...ratioCells(us, them)],
      [them.engine, ...sideCells(them), '', ''],
    ];
    print(
      `\n${model}, ${precision}, sequence ${sequence}, batch ${batch}\n` +
        `${formatTable([['', ...sideTitles, 'speed', 'memory'], ...rows])}\n` +
        `${(figures.rooflineShare * 100).toFixed(0)}% of the matmul roofline (${rooflineText(figures)})`,
    );
  }
  return report;
}

async function runBackends(bench: Bench, options: Options, print: Output, log: Output): Promise<unknown> {
  const { model, sequence, batch, steps, warmup: warmupSteps } = options;
  const effort = { warmupSteps, steps, roofline: false };
  const job = await bench.job({ model, precision: 'f32', sequence, batch }, effort);
  const sides = [];
  for (const backend of ['tensorflow', 'wasm'] as const) {
    log(`${backend} ...`);
    const outcome = await bench.run('ours', { ...job, backend });
    warnIfDisturbed([outcome], log);
    sides.push(summarise([outcome], job));
  }
  const [reference, wasm] = sides as [Side, Side];
  const rows = [
    [reference.engine, ...sideCells(reference), '', ''],
    [wasm.engine, ...sideCells(wasm), ...ratioCells(wasm, reference)],
  ];
  print(
    `\n${model}, f32, sequence ${sequence}, batch ${batch}\n` +
      formatTable([['', ...sideTitles, 'speed', 'memory'], ...rows]),
  );
  const { tokensPerSecond, peakBytes } = wasm;
  const speedRatio = tokensPerSecond / reference.tokensPerSecond;
  return { wasm: { speedRatio, memoryRatio: peakBytes / reference.peakBytes, tokensPerSecond } };
}

/** Share of the processors. Disturbance slows PyTorch most: its threads wait for each other after every operation. */
const TOLERATED = 0.1;

function warnIfDisturbed(runs: readonly Outcome[], log: Output): void {
  const worst = Math.max(...runs.map(({ disturbance }) => disturbance));
  if (worst > TOLERATED)
    log(
      `Other programs used up to ${(worst * 100).toFixed(0)}% of the processors meanwhile: measure again when they have ended.`,
    );
}

const rooflineText = ({
  tokensPerSecond,
  rooflineShare,
}: {
  tokensPerSecond: number;
  rooflineShare: number;
}) => `${(tokensPerSecond / rooflineShare).toFixed(0)} tokens/s`;

async function runSweeps(bench: Bench, options: Options, print: Output, log: Output): Promise<unknown> {
  const done = new Map<string, SweepPoint>();
  const results = [];
  const names = options.sweep === true ? sweepNames : options.sweep!;
  for (const precision of options.precision)
    for (const name of names) {
      const result = await runSweep(bench, name, precision, done, log);
      results.push(result);
      print(`\n${sweepTable(result)}`);
    }
  return { sweeps: results };
}
