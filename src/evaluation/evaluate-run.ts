/** Evaluates a finished run against its base: tasks, the served check, an example; writes evaluation/. */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compareDistributions } from '../export/verify.ts';
import { reportError, UserError } from '../protocol/errors.ts';
import { summarySchema, type Comparison, type Summary } from '../protocol/evaluation.ts';
import type { EvaluatorMessage } from '../protocol/evaluator.ts';
import type { RunSpec } from '../protocol/run.ts';
import { writeByRename } from '../protocol/write-file.ts';
import { readSpec, readState } from '../runs/index.ts';
import { findCandidates, heldOutDocuments, makeExample } from './example.ts';
import { Progress } from './progress.ts';
import { Resources } from './resources.ts';
import { summarise } from './sentence.ts';
import { chooseTasks, tasks as allTasks } from './tasks/index.ts';
import type { SettingName, Task } from './tasks/task.ts';

export interface EvaluateOptions {
  /** Task names. Default: those that the run's plan asks for. */
  tasks?: readonly string[] | undefined;
  /** Local data by task name. */
  data?: Readonly<Record<string, string>> | undefined;
  /** Items of every task at most. */
  limit?: number | undefined;
  setting?: SettingName | undefined;
  onEvent?: ((message: EvaluatorMessage) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** Text that served and trained are compared on, in tokens. */
const CHECK_TOKENS = 96;

interface Evaluation {
  dir: string;
  spec: RunSpec;
  step: number;
  resources: Resources;
  progress: Progress;
  emit(message: EvaluatorMessage): void;
  signal: AbortSignal | undefined;
}

/**
 * Measures base and result on the same items, writes evaluation/<task>.<step>.jsonl and evaluation/summary.json
 * (by rename), and returns the summary. Figures of tasks that were measured earlier at the same step stay in it.
 * A task of the plan that can't be run is a warning; one that `tasks` names is an error.
 * Errors: run-not-found, run-newer, run-damaged, run-not-finished, bad-argument, cancelled, and those of the tasks.
 */
export async function evaluateRun(dir: string, options: EvaluateOptions = {}): Promise<Summary> {
  const spec = await readSpec(dir);
  const { step } = await readState(dir);
  const chosen = options.tasks
    ? chooseTasks(options.tasks)
    : allTasks.filter((task) => task.planned(spec) > 0);
  for (const name of Object.keys(options.data ?? {})) chooseTasks([name]);
  const emit = options.onEvent ?? (() => {});
  const resources = new Resources(dir, spec);
  const progress = new Progress(chosen, emit);
  const evaluation: Evaluation = { dir, spec, step, resources, progress, emit, signal: options.signal };
  await mkdir(join(dir, 'evaluation'), { recursive: true });
  try {
    const served = await checkServed(evaluation);
    const comparisons: Comparison[] = [];
    for (const task of chosen) {
      try {
        comparisons.push(...(await runTask(evaluation, task, options)));
      } catch (error) {
        // Without a network, or without held-out files, the rest is worth having: it has to be asked for by name to fail.
        if (options.tasks || options.signal?.aborted || !(error instanceof UserError)) throw error;
        emit({ type: 'warning', message: `${task.title} was not measured: ${error.message} ${error.next}` });
      }
    }
    const earlier = await readSummary(dir, step);
    const example = (options.tasks && earlier?.example) || (await showExample(evaluation));
    const summary = await writeSummary(dir, { step, comparisons, example, served }, earlier);
    emit({ type: 'summary', summary });
    return summary;
  } catch (error) {
    if (options.signal?.aborted)
      throw new UserError(
        'cancelled',
        'The evaluation was stopped.',
        'Start it again with "forget-me-not evaluate".',
        { cause: error },
      );
    throw error;
  } finally {
    await resources.dispose();
  }
}

async function runTask(evaluation: Evaluation, task: Task, options: EvaluateOptions): Promise<Comparison[]> {
  const { dir, spec, step, resources, progress, emit, signal } = evaluation;
  signal?.throwIfAborted();
  const comparisons = await task.run({
    dir,
    spec,
    setting: options.setting ?? 'quick',
    limit: options.limit,
    data: options.data?.[task.name],
    scorer: () => resources.scorer(),
    host: () => resources.host(),
    corpus: () => resources.corpus(),
    tokenizer: () => resources.tokenizer(),
    models: resources.models,
    progress: (done, total) => progress.report(task.name, done, total),
    warn: (message) => emit({ type: 'warning', message }),
    saveItems: (rows) =>
      writeByRename(
        join(dir, 'evaluation', `${task.name}.${step}.jsonl`),
        rows.map((row) => `${JSON.stringify(row)}\n`).join(''),
      ),
    signal,
  });
  for (const { before, after } of comparisons) {
    emit({ type: 'result', step: 0, result: before });
    emit({ type: 'result', step, result: after });
  }
  return comparisons;
}

/** The same held-out tokens through llama.cpp and through the trainer's model. */
async function checkServed({ resources, progress, signal }: Evaluation): Promise<Summary['served']> {
  progress.report('served', 0, 1);
  const { heldOut, train } = await resources.corpus();
  const source = heldOut.length > 1 ? heldOut : train;
  const tokens = source.read(0, Math.min(CHECK_TOKENS, source.length));
  const host = await resources.host();
  const served = await host.distributions(resources.models.result, tokens, signal);
  const trained = await (await resources.scorer()).probabilities(tokens, 'result');
  progress.report('served', 1, 1);
  const verdict = compareDistributions(trained, served);
  if (Number.isFinite(verdict.meanKl)) return verdict;
  throw new UserError(
    'diverged',
    'The trained weights are so large that the model gives no probabilities any more.',
    'Train again with a lower --lr.',
  );
}

async function showExample({ resources, progress, emit, signal }: Evaluation): Promise<Summary['example']> {
  progress.report('example', 0, 1);
  const host = await resources.host();
  const candidates = findCandidates(heldOutDocuments(await resources.corpus(), await resources.tokenizer()));
  try {
    return await makeExample(candidates, async (side, prompt) => {
      const request = { model: resources.models[side], prompt, maxTokens: 32, temperature: 0, stop: ['\n'] };
      return (await host.complete(request, signal)).text;
    });
  } catch (error) {
    // An illustration: the figures stand without it.
    if (!signal?.aborted)
      emit({ type: 'warning', message: `No example line: ${reportError(error).message}` });
    return undefined;
  } finally {
    progress.report('example', 1, 1);
  }
}

const summaryPath = (dir: string) => join(dir, 'evaluation', 'summary.json');

/** What was measured earlier of the same result. */
async function readSummary(dir: string, step: number): Promise<Summary | undefined> {
  try {
    const summary = summarySchema.parse(JSON.parse(await readFile(summaryPath(dir), 'utf8')));
    return summary.step === step ? summary : undefined;
  } catch {
    return undefined;
  }
}

async function writeSummary(
  dir: string,
  found: Omit<Summary, 'sentence'>,
  earlier?: Summary,
): Promise<Summary> {
  const measured = new Set(found.comparisons.map(({ task }) => task));
  const kept = earlier?.comparisons.filter(({ task }) => !measured.has(task)) ?? [];
  const order = (one: Comparison) => ['heldout', 'humaneval', 'retention'].indexOf(one.task) + 1 || 99;
  const comparisons = [...kept, ...found.comparisons].sort((a, b) => order(a) - order(b));
  const summary = summarySchema.parse({
    ...found,
    comparisons,
    sentence: summarise(comparisons, found.served),
  });
  await writeByRename(summaryPath(dir), `${JSON.stringify(summary, null, 2)}\n`);
  return summary;
}
