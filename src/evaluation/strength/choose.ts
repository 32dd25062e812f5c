/**
 * Chooses the strength at which a result is offered, if at all. Runs after training, before anything else is measured.
 */
import { rm } from 'node:fs/promises';
import type { Corpus } from '../../corpus/index.ts';
import { decide, reasonsOf, strengthInFile } from '../../findings/strength-rule.ts';
import type { Places, StrengthChoice, Summary } from '../../protocol/evaluation.ts';
import type { RunSpec } from '../../protocol/run.ts';
import { sha256Of } from '../../platform/files/checksum.ts';
import { withTexts } from '../../text/message.ts';
import type { Cost } from '../../training/measured-costs.ts';
import { setAdapterStrength, trainedAdapter } from '../../weights/strength.ts';
import { nameBefore, type Evaluation } from '../measure.ts';
import { addToSummary, readSummary } from '../metrics/summary.ts';
import { Resources, runSubject } from '../resources.ts';
import { temporaryFile } from '../temporary-files.ts';
import { isStrengthMeasured } from '../time.ts';
import { changedLines, compareAtCursors, compareKl } from './at-cursors.ts';
import { MeasuredStrengths } from './measured.ts';
import { planStrength, strengthTask, type StrengthItem } from './task.ts';
import { awakeMs } from '../../platform/machine/awake.ts';

/**
 * Cursors measured in any case after `seconds` of training, fewer after less, and as many times that number while it is
 * open whether the result is better. A cursor is asked in each of its lines.
 */
const CURSOR_COUNTS = { fewest: 14, least: 20, seconds: 180, times: 3 };

/**
 * Writes the strength into the adapter's file: the one set by hand, the one already chosen for this step's result, or
 * else one that is chosen now and added to the summary. Returns the cursors that were measured for that.
 */
export async function resultStrength(
  dir: string,
  spec: RunSpec,
  step: number,
  context: MeasuringContext,
): Promise<StrengthItem[] | undefined> {
  const summary = await readSummary(dir, step);
  // For what is served meanwhile, or if this ends early.
  await writeStrength(dir, spec, summary ?? {});
  if (!isStrengthMeasured(spec) || summary?.choice) return undefined;
  const { choice, places, measured } = await chooseResultStrength(dir, spec, step, context);
  context.evaluation.progress.report(strengthTask.name, 1, 1);
  await addToSummary(dir, step, { choice, ...(places && { places }) });
  await writeStrength(dir, spec, { ...summary, choice });
  return measured;
}

interface MeasuringContext {
  evaluation: Pick<Evaluation, 'progress' | 'emit'>;
  corpus(): Promise<Corpus>;
  /** Seconds of training. */
  trained: number;
  /** When it should end (by awakeMs()); Infinity without a limit. */
  until: number;
  onCost(cost: Cost): Promise<void>;
  signal: AbortSignal | undefined;
}

interface Chosen {
  choice: StrengthChoice;
  places: Places | undefined;
  measured: StrengthItem[];
}

/**
 * Measures the result at several strengths and chooses one. Strengths are relative to the adapter as it was trained, and
 * its file is left alone, since it may be served meanwhile. Errors: run-not-finished, diverged, cancelled, and those of
 * reading the corpus.
 */
async function chooseResultStrength(
  dir: string,
  spec: RunSpec,
  step: number,
  context: MeasuringContext,
): Promise<Chosen> {
  const subject = runSubject(dir, spec);
  const copy = temporaryFile(dir, step);
  try {
    if (spec.hyper.method === 'lora') {
      const adapterPath = await trainedAdapter(dir, spec, copy);
      subject.result = { id: spec.id, adapterPath, sha256: await sha256Of(adapterPath) };
    }
    const resources = new Resources(subject, strengthTask.contextTokens);
    return await chooseAmong(spec, resources, context).finally(() => resources.dispose());
  } finally {
    await rm(copy, { force: true });
  }
}

/**
 * Writes the strength in the summary, set by hand or chosen, into the adapter's file again, or else the first one if one
 * is to be chosen: a killed command or an earlier version may have left that undone.
 */
export async function writeStrength(
  dir: string,
  spec: RunSpec,
  { givenStrength, choice }: Pick<Summary, 'givenStrength' | 'choice'>,
): Promise<void> {
  const isKnown = givenStrength !== undefined || choice !== undefined || isStrengthMeasured(spec);
  if (spec.hyper.method === 'lora' && isKnown)
    await setAdapterStrength(dir, spec, strengthInFile(spec.evaluation.strength, { givenStrength, choice }));
}

async function chooseAmong(
  spec: RunSpec,
  resources: Resources,
  { evaluation, corpus, trained, until, onCost, signal }: MeasuringContext,
): Promise<Chosen> {
  const began = awakeMs();
  const { strengthLimit: limit } = spec.evaluation;
  const least = cursorCount(trained);
  const plan = await planStrength({
    setting: 'quick',
    limit: CURSOR_COUNTS.times * least,
    base: resources.base,
    run: { spec, corpus },
    warn: (message) => evaluation.emit({ type: 'warning', message }),
    signal,
  });
  const strengths = new MeasuredStrengths(resources, plan, {
    limit,
    // A whole model has only one strength.
    isAdapter: spec.hyper.method === 'lora',
    least,
    until,
    sandbox: () => resources.sandbox(),
    onScored: (done, left) => evaluation.progress.report(strengthTask.name, done, done + left),
    signal,
  });
  await strengths.measure();
  const { measured, klAtZero, computed } = strengths;
  const path = strengths.points();
  const isAll = plan.isAll && measured.length === plan.learned.length;
  const decision = { ...decide({ path, limit, isAll }), path, limit };
  const models = { before: await resources.before(), base: resources.base };
  const setting = nameBefore(plan.describe(measured.length), models);
  const best = strengths.best();
  const scored = best && { items: measured, before: strengths.before, result: best.scores };
  // Else planning and loading would count as the cost of a few items.
  if (computed > measured.length) {
    const expected = 2 * (plan.forgotten.length + Math.min(least, plan.learned.length));
    await onCost({ seconds: (awakeMs() - began) / 1000 / computed, items: expected });
  }
  return {
    choice: {
      ...decision,
      ...reasonsOf(decision),
      ...(klAtZero && { klAtZero }),
      ...withTexts({ setting }),
      ...(scored && { atCursors: [...compareAtCursors(scored, setting), ...compareKl(best.kl, klAtZero)] }),
    },
    places: scored && changedLines(scored),
    measured,
  };
}

/** After a short training, choosing should be short as well. */
const cursorCount = (trained: number): number => {
  const { fewest, least, seconds } = CURSOR_COUNTS;
  return Math.max(fewest, Math.min(least, Math.round((least * trained) / seconds)));
};
