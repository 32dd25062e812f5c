import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { UserError } from '../../protocol/errors.ts';
import type { Metric, Summary } from '../../protocol/evaluation.ts';
import { evaluatorMessageSchema, type EvaluatorMessage } from '../../protocol/evaluator.ts';
import { parseLine } from '../../protocol/lines.ts';
import { findRun } from '../../runs/index.ts';
import { printJson, printProgress } from '../output.ts';
import { comparisonTable } from '../tables.ts';

interface Options {
  tasks?: string;
  data: string[];
  limit?: string;
  setting?: string;
  json?: boolean;
  verbose?: boolean;
}

export function evaluateCommand(): Command {
  return new Command('evaluate')
    .description('measure a finished run against its base: heldout, humaneval, retention')
    .argument('<run>', 'id of the run, or the beginning of it')
    .option('--tasks <list>', 'tasks to measure, separated by commas (default: those that the run planned)')
    .option(
      '--data <task=file>',
      'read the data of a task from a local file',
      (value, all: string[]) => [...all, value],
      [],
    )
    .option('--limit <n>', 'at most so many items of each task')
    .option('--setting <name>', 'quick (minutes) or paper (as the paper measured)')
    .option('--json', 'print an array of figures')
    .action(evaluate);
}

async function evaluate(run: string, options: Options): Promise<void> {
  const dir = await findRun(run);
  const args = [
    dir,
    ...(options.tasks ? ['--tasks', options.tasks] : []),
    ...options.data.flatMap((value) => ['--data', value]),
    ...(options.limit ? ['--limit', options.limit] : []),
    ...(options.setting ? ['--setting', options.setting] : []),
    ...(options.verbose ? ['--verbose'] : []),
  ];
  /** step 0 is the base. */
  const metrics: (Metric & { step: number })[] = [];
  const summary = await runEvaluator(args, (message) => {
    if (message.type === 'result') metrics.push({ step: message.step, ...message.result });
    else if (message.type === 'progress') showProgress(message, options.json === true);
    else if (message.type === 'warning') process.stderr.write(`${message.message}\n`);
  });
  if (options.json) return printJson(metrics);
  const measured = new Set(metrics.map(({ task }) => task));
  const comparisons = summary.comparisons.filter(({ task }) => measured.has(task));
  console.log(
    `${comparisonTable(comparisons)}${summary.sentence}\n\nFigures: ${dir}/evaluation/summary.json`,
  );
}

function showProgress(
  { phase, done, total, etaSeconds }: EvaluatorMessage & { type: 'progress' },
  json: boolean,
): void {
  if (json)
    printProgress({ phase, done, total, unit: 'items', ...(etaSeconds === undefined ? {} : { etaSeconds }) });
  else if (process.stderr.isTTY)
    process.stderr.write(`\r\x1b[K${phase} ${done} of ${total}${done === total ? '\n' : ''}`);
}

/** Runs the evaluator as a child and returns its summary; its failure becomes ours. Ctrl-C reaches it too. */
async function runEvaluator(
  args: string[],
  onMessage: (message: EvaluatorMessage) => void,
): Promise<Summary> {
  const script = fileURLToPath(new URL('./evaluator.mjs', import.meta.url));
  const child = spawn(process.execPath, [script, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    windowsHide: true,
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: process.env['TF_CPP_MIN_LOG_LEVEL'] ?? '2' },
  });
  const stop = () => child.kill('SIGTERM');
  process.once('SIGINT', stop).once('SIGTERM', stop);
  const ended = new Promise<number | string | null>((resolve) =>
    child.on('close', (code, by) => resolve(code ?? by)).on('error', () => resolve(1)),
  );
  let summary: Summary | undefined;
  let failure: UserError | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    const parsed = parseLine(evaluatorMessageSchema, line);
    if (!parsed.ok) continue;
    const message = parsed.value;
    if (message.type === 'summary') summary = message.summary;
    else if (message.type === 'failed')
      failure = new UserError(message.code as UserError['code'], message.message, message.next);
    else onMessage(message);
  }
  const code = await ended;
  process.off('SIGINT', stop).off('SIGTERM', stop);
  if (failure) throw failure;
  if (summary) return summary;
  throw new UserError(
    'internal',
    `The evaluator ended early (${typeof code === 'string' ? code : `exit ${code}`}).`,
    'Run again with --verbose and report what it prints.',
  );
}
