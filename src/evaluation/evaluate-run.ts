/** Evaluates a finished run against its base: tasks, the served check, an example; writes evaluation/. */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openCorpus, type Corpus } from '../corpus/index.ts';
import { checkTokens, corpusTokens } from '../export/check-text.ts';
import { compareDistributions } from '../export/verify.ts';
import { reportError, UserError } from '../protocol/errors.ts';
import { summarySchema, type Comparison, type Summary } from '../protocol/evaluation.ts';
import type { RunSpec } from '../protocol/run.ts';
import { writeByRename } from '../protocol/write-file.ts';
import { readSpec, resultStep } from '../runs/index.ts';
import { compare } from './compare.ts';
import { findCandidates, makeExample } from './example.ts';
import { averagedTasks, FORGETTING } from './forgetting.ts';
import { heldOutDocuments } from './held-out.ts';
import { itemsPath } from './item-rows.ts';
import { removeLeftovers } from './leftovers.ts';
import { Evaluation, stopped, type EvaluateOptions, type Measurement } from './measure.ts';
import { runParts } from './progress.ts';
import { Resources, subjectOf } from './resources.ts';
import { summarise } from './sentence.ts';
import { chooseTasks, contextTokens, tasks as allTasks } from './tasks/index.ts';
import type { EvaluatedModel, ItemScore } from './tasks/task.ts';

interface RunEvaluation {
  evaluation: Evaluation;
  resources: Resources;
  corpus(): Promise<Corpus>;
  /** Text that served and trained are compared on. */
  checked(): Promise<Int32Array>;
  models: { before: EvaluatedModel; after: EvaluatedModel };
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
  const step = await resultStep(dir);
  const chosen = options.tasks
    ? chooseTasks(options.tasks)
    : allTasks.filter((task) => task.planned(spec) > 0 || isMeasuredAtCheckpoints(task, spec));
  const { signal } = options;
  const resources = new Resources(subjectOf(dir, spec), contextTokens(chosen));
  const evaluation = new Evaluation(chosen, options, resources, runParts);
  let opened: Promise<Corpus> | undefined;
  const corpus = () => (opened ??= openCorpus(join(dir, 'corpus')));
  await mkdir(join(dir, 'evaluation'), { recursive: true });
  await removeLeftovers(dir);
  try {
    const models = { before: resources.base, after: (await resources.result())! };
    const checked = async () =>
      spec.imported ? checkTokens(dir, spec.base.path) : corpusTokens(await corpus());
    const run = { evaluation, resources, corpus, checked, models, signal };
    const served = await checkServed(run);
    const comparisons: Comparison[] = [];
    for await (const { counts, of } of evaluation.measure([models.before, models.after], { spec, corpus })) {
      if (of) await writeRows(dir, step, of);
      for (const comparison of counts.map(compare)) {
        comparisons.push(comparison);
        evaluation.emit({ type: 'result', step: 0, result: comparison.before });
        evaluation.emit({ type: 'result', step, result: comparison.after, change: comparison.difference });
      }
    }
    const earlier = await readSummary(dir, step);
    const example =
      (options.tasks && earlier?.example) ||
      (spec.evaluation.completions ? await showExample(run) : undefined);
    const summary = await writeSummary(dir, { step, comparisons, example, served }, earlier);
    evaluation.emit({ type: 'summary', summary });
    return summary;
  } catch (error) {
    throw stopped(error, signal);
  } finally {
    await resources.dispose();
  }
}

/** A path of checkpoints ends in the result. */
export const isMeasuredAtCheckpoints = ({ name }: { name: string }, { evaluation }: RunSpec): boolean =>
  evaluation.checkpointTasks.includes(name);

/** A row for each item, with what each model made of it and the counts that figures are made of (item-rows.ts). */
export async function writeRows(
  dir: string,
  step: number,
  { task, items, scores }: NonNullable<Measurement['of']>,
): Promise<void> {
  const [before, after] = scores as [ItemScore[], ItemScore[]];
  const rows = items.map(({ id, digest, shown }, i) => ({
    item: id,
    digest,
    ...shown,
    before: before[i]!.detail ?? before[i]!.parts,
    after: after[i]!.detail ?? after[i]!.parts,
    parts: { before: before[i]!.parts, after: after[i]!.parts },
  }));
  await writeByRename(
    itemsPath(dir, task.name, step),
    rows.map((row) => `${JSON.stringify(row)}\n`).join(''),
  );
}

/** The same held-out tokens through llama.cpp and through the trainer's model. */
async function checkServed(run: RunEvaluation): Promise<Summary['served']> {
  const { evaluation, resources, signal } = run;
  evaluation.progress.report('served', 0, 1);
  const { trained, served } = await resources.distributions(await run.checked(), signal);
  evaluation.progress.report('served', 1, 1);
  const verdict = compareDistributions(trained, served);
  if (Number.isFinite(verdict.meanKl)) return verdict;
  throw new UserError(
    'diverged',
    'The trained weights are so large that the model gives no probabilities any more.',
    'Train again with a lower --lr.',
  );
}

async function showExample(run: RunEvaluation): Promise<Summary['example']> {
  const { evaluation, resources, models, signal } = run;
  evaluation.progress.report('example', 0, 1);
  const candidates = findCandidates(heldOutDocuments(await run.corpus(), await resources.tokenizer()));
  try {
    return await makeExample(candidates, async (side, prompt) => {
      const request = { prompt, maxTokens: 32, temperature: 0, stop: ['\n'] };
      return (await models[side].complete(request, signal)).text;
    });
  } catch (error) {
    // An illustration: the figures stand without it.
    if (!signal?.aborted)
      evaluation.emit({ type: 'warning', message: `No example line: ${reportError(error).message}` });
    return undefined;
  } finally {
    evaluation.progress.report('example', 1, 1);
  }
}

/** What was learned, then what it cost; any other task after them. */
const shownOrder = ['workspace', 'humaneval', 'gsm8k', ...averagedTasks, FORGETTING, 'retention'];

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
  if (averagedTasks.some((task) => measured.has(task))) measured.add(FORGETTING);
  const kept = earlier?.comparisons.filter(({ task }) => !measured.has(task)) ?? [];
  const order = ({ task }: Comparison) => shownOrder.indexOf(task) + 1 || shownOrder.length + 1;
  const comparisons = [...kept, ...found.comparisons].sort((a, b) => order(a) - order(b));
  const summary = summarySchema.parse({
    ...found,
    comparisons,
    sentence: summarise(comparisons, found.served),
  });
  await writeByRename(summaryPath(dir), `${JSON.stringify(summary, null, 2)}\n`);
  return summary;
}
