/**
 * Chooses the strength at which a result is offered, if at all. Runs after training, before anything else is measured.
 */
import type { Corpus } from '../../corpus/index.ts';
import { pairedIntervals } from '../../statistics/intervals.ts';
import { setAdapterStrength } from '../../weights/strength.ts';
import { CHARACTERS, EXACT_LINES, type StrengthChoice, type Summary } from '../../protocol/evaluation.ts';
import type { Cost } from '../../training/measured-costs.ts';
import type { RunSpec } from '../../protocol/run.ts';
import { withDocument } from '../metrics/compare.ts';
import { describeSetting, nameUntrained, type Evaluation } from '../measure.ts';
import { Resources, runSubject } from '../resources.ts';
import { scoreBy, scoreItems, type OnScored } from '../scoring/score-items.ts';
import { addToSummary, readSummary } from '../metrics/summary.ts';
import type { EvaluatedModel, ItemScore, ScoreContext } from '../task.ts';
import { chooseCrossFitted, type CountedPoint } from './cross-fit.ts';
import {
  MIN_STRENGTHS,
  MAX_STRENGTHS,
  nextStrength,
  strengthPoint,
  type StrengthCounts,
} from '../../findings/strength-rule.ts';
import { isStrengthMeasured } from '../time.ts';
import { KL, LEARNED, SOLUTIONS, strengthTask, type StrengthItem } from './task.ts';
import { msg, withTexts } from '../../text/message.ts';

/** After this share of the training time, no further strength is started, if nothing else limits the time. */
const TIME_SHARE = 0.15;
/** Items measured however long it takes: fewer would be inconclusive. */
const LEAST_ITEMS = 31;
/** Items measured between two looks at the clock. */
const ITEMS_PER_CHECK = 7;
/** Number of cursors at which strengths are measured: `most` after `seconds` of training, fewer after less. */
const CURSOR_COUNTS = { least: 14, most: 24, seconds: 600 };

/**
 * Writes the strength into the adapter's file: the one set by hand, the one already chosen for this step's result, or
 * else one that is chosen now and added to the summary.
 */
export async function resultStrength(
  dir: string,
  spec: RunSpec,
  step: number,
  { evaluation, corpus, trained, until, onCost, signal }: MeasuringContext,
): Promise<void> {
  const summary = await readSummary(dir, step);
  let choice = summary?.choice;
  if (isStrengthMeasured(spec)) {
    const { progress } = evaluation;
    choice ??= await chooseResultStrength(dir, spec, {
      corpus,
      trained,
      until,
      onCost,
      onProgress: (done, total) => progress.report(strengthTask.name, done, total),
      warn: (message) => evaluation.emit({ type: 'warning', message }),
      signal,
    });
    progress.report(strengthTask.name, 1, 1);
    if (!summary?.choice) await addToSummary(dir, step, { choice });
  }
  await writeStrength(dir, spec, { ...summary, choice });
}

interface MeasuringContext {
  evaluation: Pick<Evaluation, 'progress' | 'emit'>;
  corpus(): Promise<Corpus>;
  /** Seconds of training. */
  trained: number;
  /** When it should end (by performance.now()); Infinity without a limit. */
  until: number;
  onCost(cost: Cost): Promise<void>;
  signal: AbortSignal | undefined;
}

interface ChoiceOptions extends Pick<MeasuringContext, 'corpus' | 'trained' | 'until' | 'onCost'> {
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
  options: ChoiceOptions,
): Promise<StrengthChoice> {
  const lora = spec.hyper.method === 'lora';
  // Undoes an earlier choice: strengths are relative to the adapter as it was trained.
  if (lora) await setAdapterStrength(dir, spec, 1);
  const resources = new Resources(runSubject(dir, spec), strengthTask.contextTokens);
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
export async function writeStrength(
  dir: string,
  spec: RunSpec,
  { givenStrength, choice }: Pick<Summary, 'givenStrength' | 'choice'>,
): Promise<void> {
  const strength = givenStrength ?? choice?.strength;
  if (spec.hyper.method === 'lora' && strength) await setAdapterStrength(dir, spec, strength);
}

/** After a short training, choosing should be short as well. */
const cursorCount = (trained: number): number =>
  Math.max(
    CURSOR_COUNTS.least,
    Math.min(CURSOR_COUNTS.most, Math.round((CURSOR_COUNTS.most * trained) / CURSOR_COUNTS.seconds)),
  );

async function measureStrengths(
  spec: RunSpec,
  resources: Resources,
  { corpus, trained, until, onCost, onProgress, warn, signal }: ChoiceOptions,
): Promise<StrengthChoice> {
  const began = performance.now();
  const { base } = resources;
  const plan = await strengthTask.plan({
    setting: 'quick',
    limit: cursorCount(trained),
    base,
    run: { spec, corpus },
    warn,
    signal,
  });
  const { strengthLimit: limit } = spec.evaluation;
  const full = spec.hyper.method === 'full';
  const most = full ? 2 : MAX_STRENGTHS + 1;
  const tally = { done: 0, computed: 0 };
  let planned = plan.items.length;
  const context = {
    sandbox: () => resources.sandbox(),
    onScore: (computed: boolean) => {
      tally.done += 1;
      if (computed) tally.computed += 1;
      onProgress(Math.min(tally.done, most * planned), most * planned);
    },
    signal,
  };
  // The first model measured determines how many items there is time for.
  const first = await resources.result(1);
  const firstUntil = began + (until - began) / (full ? 2 : MIN_STRENGTHS + 1);
  const start = performance.now();
  const { items, scores } = await scoreUntil(interleave(plan.items), first, context, firstUntil);
  let took = performance.now() - start;
  planned = items.length;
  const untrained = await resources.untrained();
  const origin = (await resources.earlier()) ?? base;
  // Forgetting is counted from the base, in any case, also that of the adapter that training began with.
  const modelFor = ({ kind }: StrengthItem) =>
    kind === 'text' ? origin : kind === 'solution' ? base : untrained;
  const before = toCounts(
    await scoreBy(modelFor, strengthTask, items, {
      ...context,
      alone: false,
    }),
    items,
  );
  const klAtZero =
    origin !== base && before.kl.length ? pairedIntervals(before.kl, before.kl).after : undefined;
  const measured: CountedPoint[] = [];
  const add = (strength: number, at: StrengthCounts) =>
    measured.push({ ...at, point: strengthPoint(strength, before, at) });
  add(1, toCounts(scores, items));
  const points = () => measured.map(({ point }) => point);
  // A whole model has only one strength.
  const next = () => (full ? undefined : nextStrength(points(), limit, isLate(), klAtZero?.value));
  const end = until < Infinity ? until : began + 1000 * TIME_SHARE * trained;
  const isLate = () => performance.now() + took > end;
  for (let strength = next(); strength !== undefined; strength = next()) {
    const start = performance.now();
    add(strength, await measureCounts(await resources.result(strength), items, context));
    took = performance.now() - start;
  }
  onProgress(1, 1);
  if (tally.computed > 0)
    await onCost({
      seconds: (performance.now() - began) / 1000 / tally.computed,
      items: most * plan.items.length,
    });
  measured.sort((a, b) => a.point.strength - b.point.strength);
  const against = { untrained, base };
  const setting = nameUntrained(describeSetting(plan, items.length, plan.items.length), against);
  const at = nameUntrained(msg`${before.learned.length} held-out cursors with the editor's prompts`, against);
  return {
    ...chooseCrossFitted(before, measured, limit, at),
    limit,
    path: points(),
    ...(klAtZero && { klAtZero }),
    ...withTexts({ setting }),
  };
}

/** Orders items so that every prefix has its share of each kind, from as many files as possible. Pure. */
export function interleave<T extends Pick<StrengthItem, 'kind' | 'document'>>(items: readonly T[]): T[] {
  const order = new Map<T, number>();
  for (const kind of new Set(items.map((item) => item.kind))) {
    const sameKind = items.filter((item) => item.kind === kind);
    const before = new Map<string, number>();
    const turns = sameKind.map(({ document = '' }) => {
      const turn = before.get(document) ?? 0;
      before.set(document, document ? turn + 1 : 0);
      return turn;
    });
    const inTurn = [...sameKind.keys()].sort((a, b) => turns[a]! - turns[b]! || a - b);
    for (const [rank, at] of inTurn.entries()) order.set(sameKind[at]!, (rank + 0.5) / sameKind.length);
  }
  return items.toSorted((a, b) => order.get(a)! - order.get(b)!);
}

/** Scores items in this order until the time is over. */
async function scoreUntil(
  items: readonly StrengthItem[],
  model: EvaluatedModel,
  context: ScoreContext & OnScored,
  until: number,
): Promise<{ items: StrengthItem[]; scores: ItemScore[] }> {
  const scores: ItemScore[] = [];
  const size = until === Infinity ? items.length : ITEMS_PER_CHECK;
  while (scores.length < items.length && (scores.length < LEAST_ITEMS || performance.now() < until)) {
    const chunk = items.slice(scores.length, scores.length + size);
    scores.push(...(await scoreItems(strengthTask, chunk, model, context)));
  }
  return { items: items.slice(0, scores.length), scores };
}

/** Scores a model on the items of the strength task. */
export async function measureCounts(
  model: EvaluatedModel,
  items: readonly StrengthItem[],
  context: ScoreContext & OnScored,
): Promise<StrengthCounts> {
  return toCounts(await scoreItems(strengthTask, items, model, context), items);
}

function toCounts(scores: readonly ItemScore[], items: readonly StrengthItem[]): StrengthCounts {
  const partsOf = (metric: string) =>
    scores.flatMap(({ parts }, index) => withDocument(parts[metric], items[index]!.document) ?? []);
  const [lines, characters] = [partsOf(EXACT_LINES), partsOf(CHARACTERS)];
  return {
    learned: partsOf(LEARNED),
    ...(lines.length > 0 && { offered: { [EXACT_LINES]: lines, [CHARACTERS]: characters } }),
    kl: partsOf(KL),
    solutions: partsOf(SOLUTIONS),
  };
}
