/** Computes the metrics of each repository, and pooled over all, from the items of runs. Pure. */
import { withDocument } from '../../src/evaluation/metrics/compare.ts';
import type { EvaluatedRun } from '../../src/evaluation/metrics/between-runs.ts';
import { whyNotOffered } from '../../src/findings/offer.ts';
import type { ItemScore } from '../../src/evaluation/task.ts';
import { stratifiedIntervals, type MetricKind } from '../../src/statistics/intervals.ts';
import type { Interval, RatioItem } from '../../src/statistics/statistics.ts';
import { BITS, CHARACTERS, EXACT_LINES, CURSORS } from '../../src/protocol/evaluation.ts';
import type { RunEvent } from '../../src/protocol/events.ts';
import type { RunSnapshot } from '../../src/protocol/panel.ts';

export interface Outcome {
  /** Why its result is not offered, so that the user keeps the base; undefined if it is offered. */
  whyNot?: string | undefined;
  /** Factor on the trained change, if one was chosen. */
  strength?: number | undefined;
  /** Number of steps trained; a busy machine makes fewer in the given minutes. */
  steps: number;
  seconds: { training: number; measuring: number };
}

/** The adapter of another repository, measured at the items of a repository's run. */
export interface Foreign {
  name: string;
  /** Factor on its change; undefined if its run did not have to choose one. */
  strength?: number | undefined;
  steps: number;
  /** Whether its run chose that strength; false if it chose none because its result was no better than the base. */
  chosen: boolean;
  /** Counts by item digest. */
  items: ReadonlyMap<string, ItemScore['parts']>;
}

/** The measurements of a repository's run. */
export interface Measured extends Outcome {
  name: string;
  language: string;
  /** Present if several seeds are measured. */
  seed?: number;
  rows: EvaluatedRun['rows'];
  foreign?: Foreign;
  /** What was counted at each item with the base's reference adapter, if it has one, by the item's digest. */
  reference?: Foreign['items'];
}

/**
 * A metric of the base, of what the user gets (`own`: the result, or what there was before if none is offered), and of
 * the reference adapter and the foreign one, if they were measured. Differences are paired by item.
 */
export interface Compared {
  base: number;
  reference?: number;
  foreign?: number;
  own: number;
  ownMinusBase: Interval;
  referenceMinusBase?: Interval;
  ownMinusReference?: Interval;
  foreignMinusBase?: Interval;
  ownMinusForeign?: Interval;
}

export interface RepositoryMetrics extends Partial<Record<MetricName, Compared>> {
  name: string;
  language: string;
  seed?: number;
  lines: number;
  /** KL divergence from the base on its own text, nats per token. */
  kl?: number;
  offered: boolean;
  whyNot?: string;
  strength?: number;
  steps: number;
  partner?: Omit<Foreign, 'items'>;
  seconds: Outcome['seconds'];
}

export interface Gain {
  perRepository: RepositoryMetrics[];
  pooled: Partial<Record<MetricName, Compared>>;
}

interface Metric {
  task: string;
  metric: string;
  kind: MetricKind;
}
const metrics = {
  lineExact: { task: CURSORS, metric: EXACT_LINES, kind: 'share' },
  charactersSaved: { task: CURSORS, metric: CHARACTERS, kind: 'share' },
  bitsAtCursors: { task: CURSORS, metric: BITS, kind: 'amount' },
  humanevalLoss: { task: 'humaneval', metric: 'loss of solutions', kind: 'amount' },
  humanevalPass: { task: 'humaneval', metric: 'pass@1', kind: 'answers' },
} as const satisfies Record<string, Metric>;
export type MetricName = keyof typeof metrics;
export const metricNames = Object.keys(metrics) as MetricName[];

/** Metrics averaged over repositories; the documents are files. Foreign adapters are measured only by these. */
export const overRepositories = ['lineExact', 'charactersSaved', 'bitsAtCursors'] as const;
/** Metrics on problems shared by all repositories; a document is a problem with all its answers. */
const overProblems = ['humanevalLoss', 'humanevalPass'] as const;

export function gainOf(all: readonly Measured[]): Gain {
  const pooled: Gain['pooled'] = {};
  for (const name of overRepositories) {
    const strata = all.flatMap((repository) => itemsOf(repository, metrics[name]) ?? []);
    if (strata.length > 0) pooled[name] = comparedOver(strata, metrics[name].kind);
  }
  for (const name of overProblems) {
    const strata = all.flatMap((repository) => itemsOf(repository, metrics[name], (digest) => digest) ?? []);
    const [base, own] = [strata.flatMap((items) => items.base), strata.flatMap((items) => items.own)];
    if (base.length > 0) pooled[name] = comparedOver([{ base, own }], metrics[name].kind);
  }
  return { perRepository: all.map(metricsOf), pooled };
}

function metricsOf(measured: Measured): RepositoryMetrics {
  const { name, language, seed, whyNot, strength, steps, foreign, seconds } = measured;
  const found: RepositoryMetrics = {
    name,
    language,
    ...(seed !== undefined && { seed }),
    lines: total(itemsOf(measured, metrics.lineExact)?.base ?? []),
    offered: whyNot === undefined,
    ...(whyNot !== undefined && { whyNot }),
    ...(strength !== undefined && { strength }),
    steps,
    ...(foreign && { partner: withoutItems(foreign) }),
    seconds,
  };
  for (const metric of metricNames) {
    const items = itemsOf(measured, metrics[metric]);
    if (!items) continue;
    const compared = comparedOver([items], metrics[metric].kind);
    // If the base is kept, the difference is exactly 0.
    const isBase = !found.offered && !items.reference;
    found[metric] = isBase ? { ...compared, ownMinusBase: { value: 0, low: 0, high: 0 } } : compared;
  }
  const kl = itemsOf(measured, { task: 'retention', metric: 'KL from base' });
  if (kl) found.kl = comparedOver([kl], 'amount').own;
  return found;
}

const total = (items: readonly RatioItem[]): number => items.reduce((all, { weight }) => all + weight, 0);
const withoutItems = ({ name, strength, chosen, steps }: Foreign) => ({ name, strength, chosen, steps });

/** Counts of each model, at the same items in the same order. */
type Items = Record<'base' | 'own', RatioItem[]> & Partial<Record<Control, RatioItem[]>>;
type Control = 'reference' | 'foreign';

/** Means over strata, which are repositories. */
function comparedOver(strata: readonly Items[], kind: MetricKind): Compared {
  const between = (from: keyof Items, to: keyof Items) =>
    stratifiedIntervals(
      strata.map((items) => ({ before: items[from]!, after: items[to]! })),
      kind,
    );
  const gain = between('base', 'own');
  const found: Compared = {
    base: gain.before.value,
    own: gain.after.value,
    ownMinusBase: gain.difference,
  };
  const measured = (control: Control) => strata.every((items) => items[control]);
  if (measured('reference')) {
    const { after, difference } = between('base', 'reference');
    found.reference = after.value;
    found.referenceMinusBase = difference;
    found.ownMinusReference = between('reference', 'own').difference;
  }
  if (measured('foreign')) {
    const { after, difference } = between('base', 'foreign');
    found.foreign = after.value;
    found.foreignMinusBase = difference;
    found.ownMinusForeign = between('foreign', 'own').difference;
  }
  return found;
}

/** Undefined if nothing was measured. Throws an Error if a control was not measured at all items. */
function itemsOf(
  { name, rows, whyNot, ...measured }: Pick<Measured, 'name' | 'rows' | 'whyNot' | Control>,
  { task, metric }: Pick<Metric, 'task' | 'metric'>,
  documentOf: (digest: string, document: string | undefined) => string | undefined = (_, document) =>
    document,
): Items | undefined {
  const atCursors = task === CURSORS;
  const [reference, foreign] = atCursors ? [measured.reference, measured.foreign?.items] : [];
  const found: Items = {
    base: [],
    own: [],
    ...(reference && { reference: [] }),
    ...(foreign && { foreign: [] }),
  };
  for (const [digest, { item, parts, document }] of rows.get(task) ?? []) {
    const { before, after } = parts;
    if (!before[metric] || !after[metric]) continue;
    const add = (to: RatioItem[], part: RatioItem) =>
      to.push(withDocument(part, documentOf(digest, document))!);
    const countedBy = (items: Foreign['items'], adapter: string): RatioItem => {
      const counted = items.get(digest)?.[metric];
      if (!counted) throw new Error(`${adapter} was not measured at ${item} of ${name}`);
      return counted;
    };
    const untrained = reference ? countedBy(reference, 'the reference adapter') : before[metric];
    add(found.base, before[metric]);
    add(found.own, whyNot === undefined ? after[metric] : untrained);
    if (reference) add(found.reference!, untrained);
    if (foreign) add(found.foreign!, countedBy(foreign, measured.foreign!.name));
  }
  return found.base.length === 0 ? undefined : found;
}

/** What the run itself decided about its result, disregarding the benchmark's additional measurements. */
export function outcomeOf({ summary, events }: Pick<RunSnapshot, 'summary' | 'events'>): Outcome {
  const whyNot = summary ? whyNotOffered(summary) : 'nothing was measured';
  const strength = summary?.choice?.strength;
  const steps = events.findLast((event) => event.type === 'step')?.step ?? 0;
  return { whyNot, strength, steps, seconds: secondsOf(events) };
}

/**
 * The time of training up to the last step, and of measuring the result after that, without the pauses before the run
 * was resumed.
 */
export function secondsOf(events: readonly RunEvent[]): Outcome['seconds'] {
  const seconds = { training: 0, measuring: 0 };
  const last = events.findLastIndex(({ type }) => type === 'step');
  let before: number | undefined;
  // Seconds since the last event that shows work; they may include a pause.
  let idle = 0;
  let starts = 0;
  for (const [at, { type, time }] of events.entries()) {
    const part = at <= last ? 'training' : 'measuring';
    const now = Date.parse(time);
    const passed = before === undefined ? 0 : (now - before) / 1000;
    before = now;
    if (type === 'start' && (starts += 1) > 1) seconds[part] -= idle;
    else seconds[part] += passed;
    idle = type === 'phase' || type === 'memory' ? idle + passed : 0;
  }
  return seconds;
}
