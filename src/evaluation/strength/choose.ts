/**
 * Chooses the strength at which a result is offered, if at any. Runs after training, before anything else is measured.
 */
import { join } from 'node:path';
import type { Corpus } from '../../corpus/index.ts';
import { setAdapterStrength } from '../../weights/strength.ts';
import type { StrengthChoice, StrengthPoint, Summary } from '../../protocol/evaluation.ts';
import { artefactName, type RunSpec } from '../../protocol/run.ts';
import { ofDocument } from '../figures/compare.ts';
import type { Evaluation } from '../measure.ts';
import { Resources, subjectOf } from '../resources.ts';
import { scoreItems } from '../scoring/score-items.ts';
import { addToSummary, readSummary } from '../figures/summary.ts';
import type { EvaluatedModel, ItemScore, ScoreContext } from '../task.ts';
import { chooseStrength, MOST, nextStrength, pointOf, type StrengthCounts } from './rule.ts';
import { KL, LEARNED, SOLUTIONS, strengthTask, type StrengthItem } from './task.ts';

/** After this share of the training time, no further strength is started. */
const SHARE = 0.15;
/** Number of cursors that strengths are measured at: `most` after so many `seconds` of training, fewer after less. */
const CURSORS = { least: 24, most: 48, seconds: 600 };

export const isStrengthMeasured = ({ evaluation, imported }: RunSpec) =>
  evaluation.strength === 'measured' && !imported;

/**
 * Writes the strength into the adapter's file: the one set by hand, the one chosen before for this step's result, or
 * else one that it chooses now and adds to the summary.
 */
export async function resultStrength(
  dir: string,
  spec: RunSpec,
  step: number,
  { evaluation, corpus, trained, signal }: RunMeasuring,
): Promise<void> {
  const known = await readSummary(dir, step);
  let choice = known?.choice;
  if (isStrengthMeasured(spec)) {
    const { progress } = evaluation;
    choice ??= await chooseResultStrength(dir, spec, {
      corpus,
      trained,
      onProgress: (done, total) => progress.report(strengthTask.name, done, total),
      warn: (message) => evaluation.emit({ type: 'warning', message }),
      signal,
    });
    progress.report(strengthTask.name, 1, 1);
    if (!known?.choice) await addToSummary(dir, step, { choice });
  }
  await keepStrength(dir, spec, { ...known, choice });
}

interface RunMeasuring {
  evaluation: Pick<Evaluation, 'progress' | 'emit'>;
  corpus(): Promise<Corpus>;
  /** Seconds of training. */
  trained: number;
  signal: AbortSignal | undefined;
}

interface ChoosingOptions {
  corpus(): Promise<Corpus>;
  trained: number;
  onProgress(done: number, total: number): void;
  warn(message: string): void;
  signal: AbortSignal | undefined;
}

/**
 * Measures the result at several strengths and chooses one. Errors: run-not-finished, cancelled, and those of reading
 * the corpus.
 */
async function chooseResultStrength(
  dir: string,
  spec: RunSpec,
  options: ChoosingOptions,
): Promise<StrengthChoice> {
  const path = join(dir, artefactName(spec));
  const lora = spec.hyper.method === 'lora';
  // Undoes an earlier choice: strengths are relative to the adapter as it was trained.
  if (lora) await setAdapterStrength(path, spec.hyper, 1);
  const resources = new Resources(subjectOf(dir, spec), strengthTask.contextTokens);
  try {
    return await measureStrengths(spec, resources, options);
  } finally {
    await resources.dispose();
  }
}

/**
 * Writes the strength in the summary, set by hand or chosen, into the adapter's file again: a resumed run has rewritten
 * its adapter, and a killed command may have left it undone.
 */
export async function keepStrength(
  dir: string,
  spec: RunSpec,
  { givenStrength, choice }: Pick<Summary, 'givenStrength' | 'choice'>,
): Promise<void> {
  const strength = givenStrength ?? choice?.strength;
  if (spec.hyper.method === 'lora' && strength)
    await setAdapterStrength(join(dir, artefactName(spec)), spec.hyper, strength);
}

/** After a short training, the choice should be short as well. */
const cursorsAfter = (trained: number): number =>
  Math.max(CURSORS.least, Math.min(CURSORS.most, Math.round((CURSORS.most * trained) / CURSORS.seconds)));

async function measureStrengths(
  spec: RunSpec,
  resources: Resources,
  { corpus, trained, onProgress, warn, signal }: ChoosingOptions,
): Promise<StrengthChoice> {
  const began = performance.now();
  const { base } = resources;
  const { items, setting } = await strengthTask.plan({
    setting: 'quick',
    limit: cursorsAfter(trained),
    base,
    run: { spec, corpus },
    warn,
    signal,
  });
  const { strengthLimit: limit } = spec.evaluation;
  const points: StrengthPoint[] = [];
  // A whole model has only one strength.
  const next = () => {
    if (spec.hyper.method === 'full') return points.length === 0 ? 1 : undefined;
    return nextStrength(points, limit, performance.now() - began > 1000 * SHARE * trained);
  };
  const total = items.length * (spec.hyper.method === 'full' ? 2 : MOST + 1);
  let done = 0;
  const context = {
    sandbox: () => resources.sandbox(),
    onScore: () => onProgress((done += 1), total),
    signal,
  };
  const before = await countsAt(base, items, context);
  for (let strength = next(); strength !== undefined; strength = next())
    points.push(pointOf(strength, before, await countsAt(await resources.result(strength), items, context)));
  onProgress(total, total);
  const path = points.toSorted((a, b) => a.strength - b.strength);
  return { ...chooseStrength(path, limit), limit, path, setting };
}

/** Scores a model on the items of the strength task. */
export async function countsAt(
  model: EvaluatedModel,
  items: readonly StrengthItem[],
  context: ScoreContext & { onScore(): void },
): Promise<StrengthCounts> {
  const scores = await scoreItems(strengthTask, items, model, context);
  const partsOf = (metric: string) =>
    scores.flatMap(({ parts }: ItemScore, index) => ofDocument(parts[metric], items[index]!.document) ?? []);
  return { learned: partsOf(LEARNED), kl: partsOf(KL), solutions: partsOf(SOLUTIONS) };
}
