/**
 * Chooses the strength at which a result is offered, if at all. Runs after training, before anything else is measured.
 */
import { rm } from 'node:fs/promises';
import type { Corpus } from '../../corpus/index.ts';
import { FIRST_STRENGTH, MAX_STRENGTHS, strengthInFile } from '../../findings/strength-rule.ts';
import type { StrengthChoice, Summary } from '../../protocol/evaluation.ts';
import type { RunSpec } from '../../protocol/run.ts';
import { sha256Of } from '../../platform/files/checksum.ts';
import { msg, withTexts, type Text } from '../../text/message.ts';
import type { Cost } from '../../training/measured-costs.ts';
import { setAdapterStrength, trainedAdapter } from '../../weights/strength.ts';
import { describeSetting, nameBefore, type Evaluation } from '../measure.ts';
import { addToSummary, readSummary } from '../metrics/summary.ts';
import { Resources, runSubject } from '../resources.ts';
import { temporaryFile } from '../temporary-files.ts';
import { isStrengthMeasured } from '../time.ts';
import { chooseCrossFitted } from './cross-fit.ts';
import { MeasuredStrengths } from './measured.ts';
import { planStrength, strengthTask } from './task.ts';
import { awakeMs } from '../../platform/machine/awake.ts';

/** After this share of the training time, a run without a share for measuring starts no further strength. */
const TIME_SHARE = 0.15;
/** Number of cursors at which strengths are measured: `most` after `seconds` of training, fewer after less. */
const CURSOR_COUNTS = { least: 14, most: 24, seconds: 600 };
/** Cursors kept for a second look, as a multiple of these. */
const SPARE_CURSORS = 2;

/**
 * Writes the strength into the adapter's file: the one set by hand, the one already chosen for this step's result, or
 * else one that is chosen now and added to the summary.
 */
export async function resultStrength(
  dir: string,
  spec: RunSpec,
  step: number,
  context: MeasuringContext,
): Promise<void> {
  const summary = await readSummary(dir, step);
  let choice = summary?.choice;
  if (isStrengthMeasured(spec)) {
    // For what is served meanwhile, or if this ends early.
    await writeStrength(dir, spec, summary ?? {});
    choice ??= await chooseResultStrength(dir, spec, step, context);
    context.evaluation.progress.report(strengthTask.name, 1, 1);
    if (!summary?.choice) await addToSummary(dir, step, { choice });
  }
  await writeStrength(dir, spec, { ...summary, choice });
}

interface MeasuringContext {
  evaluation: Pick<Evaluation, 'progress' | 'emit'>;
  corpus(): Promise<Corpus>;
  /** Seconds of training. */
  trained: number;
  /** When it should end (by awakeMs()); Infinity without a limit. */
  until: number;
  /** The run measures by itself; otherwise somebody asked for everything. */
  timed: boolean;
  onCost(cost: Cost): Promise<void>;
  signal: AbortSignal | undefined;
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
): Promise<StrengthChoice> {
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
  { evaluation, corpus, trained, until, timed, onCost, signal }: MeasuringContext,
): Promise<StrengthChoice> {
  const began = awakeMs();
  const { base } = resources;
  const { strengthLimit: limit } = spec.evaluation;
  // A whole model has only one strength.
  const full = spec.hyper.method === 'full';
  const count = cursorCount(trained);
  const plan = await planStrength(
    {
      setting: 'quick',
      limit: count,
      base,
      run: { spec, corpus },
      warn: (message) => evaluation.emit({ type: 'warning', message }),
      signal,
    },
    full ? 0 : SPARE_CURSORS * count,
  );
  const passes = full ? 2 : MAX_STRENGTHS + 1;
  const strengths = new MeasuredStrengths(resources, {
    limit,
    end: endOfStrengths({ until, timed, trained }, began),
    sandbox: () => resources.sandbox(),
    onScored(done, items) {
      const most = passes * items + 2 * plan.spare.length;
      evaluation.progress.report(strengthTask.name, Math.min(done, most), most);
    },
    signal,
  });
  // The first strength determines how many items there is time for, by two or three models.
  await strengths.begin(plan.items, full ? 1 : FIRST_STRENGTH, began + (until - began) / (full ? 2 : 3));
  if (!full) await strengths.addOthers();
  // Else planning and loading would count as the cost of a few items.
  if (strengths.computed > strengths.items.length / 4)
    await onCost({
      seconds: (awakeMs() - began) / 1000 / strengths.computed,
      items: passes * plan.items.length,
    });
  const more = await strengths.lookAgain(plan.spare);
  const { before, klAtZero } = strengths;
  const points = strengths.points();
  const name = async (setting: Text) => nameBefore(setting, { before: await resources.before(), base });
  const at = await name(msg`${before.learned.length} held-out cursors with the editor's prompts`);
  const setting = describeSetting(plan, strengths.items.length, plan.items.length);
  const looked =
    more > 0
      ? msg`${setting}; then ${more} further cursors, because the first were too few to tell`
      : setting;
  return {
    ...chooseCrossFitted(before, strengths.comparable(), limit, { setting: at, points, klAtZero }),
    limit,
    path: points,
    ...(klAtZero && { klAtZero }),
    ...withTexts({ setting: await name(looked) }),
  };
}

/** When no further strength is started (by awakeMs()). */
export const endOfStrengths = (
  { until, timed, trained }: Pick<MeasuringContext, 'until' | 'timed' | 'trained'>,
  began: number,
): number => (timed && until === Infinity ? began + 1000 * TIME_SHARE * trained : until);

/** After a short training, choosing should be short as well. */
const cursorCount = (trained: number): number =>
  Math.max(
    CURSOR_COUNTS.least,
    Math.min(CURSOR_COUNTS.most, Math.round((CURSOR_COUNTS.most * trained) / CURSOR_COUNTS.seconds)),
  );
