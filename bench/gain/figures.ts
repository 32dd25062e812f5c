/** Computes the figures of each repository, and of all together, from the items of runs. Pure functions. */
import { ofDocument } from '../../src/evaluation/figures/compare.ts';
import type { EvaluatedRun } from '../../src/evaluation/figures/between-runs.ts';
import { stratifiedIntervals, type FigureKind, type Pair } from '../../src/statistics/intervals.ts';
import type { Interval } from '../../src/statistics/statistics.ts';
import { whyNotOffered } from '../../src/evaluation/figures/offer.ts';
import type { RunEvent } from '../../src/protocol/events.ts';
import type { RunSnapshot } from '../../src/protocol/panel.ts';

/** How a run ended. */
export interface Outcome {
  /** Why its result is not offered, so that the person keeps the base; undefined if it is offered. */
  whyNot?: string | undefined;
  /** Factor on the trained change, if one was chosen. */
  strength?: number | undefined;
  seconds: { training: number; measuring: number };
}

/** The measurements of a repository's run. */
export interface Measured extends Outcome {
  name: string;
  language: string;
  rows: EvaluatedRun['rows'];
}

/** Values before and after, and the interval of their difference, paired by item. */
export interface Change {
  before: number;
  after: number;
  difference: number;
  low: number;
  high: number;
}
export type Difference = Pick<Change, 'difference' | 'low' | 'high'>;

export interface RepositoryFigures extends Partial<Record<FigureName, Change>> {
  name: string;
  language: string;
  /** Number of lines that were completed. */
  cursors: number;
  /** KL divergence from the base on its own text, nats per token. */
  kl?: number;
  offered: boolean;
  whyNot?: string;
  strength?: number;
  seconds: Outcome['seconds'];
}

export interface Gain {
  perRepository: RepositoryFigures[];
  pooled: Partial<Record<PooledName, Difference>>;
}

interface Figure {
  task: string;
  metric: string;
  kind: FigureKind;
}
const figures = {
  lineExact: { task: 'workspace', metric: 'line exact match', kind: 'answers' },
  charactersSaved: { task: 'workspace', metric: 'characters saved', kind: 'share' },
  bitsPerByte: { task: 'workspace', metric: 'bits per byte', kind: 'amount' },
  humanevalLoss: { task: 'humaneval', metric: 'loss of solutions', kind: 'amount' },
  humanevalPass: { task: 'humaneval', metric: 'pass@1', kind: 'answers' },
} as const satisfies Record<string, Figure>;
export type FigureName = keyof typeof figures;
const names = Object.keys(figures) as FigureName[];

/** Figures that are means over repositories; the documents are files. */
const overRepositories = ['lineExact', 'charactersSaved', 'bitsPerByte'] as const;
/** Figures on the same problems for all repositories; a document is a problem with all its answers. */
const overProblems = ['humanevalLoss', 'humanevalPass'] as const;
type PooledName = FigureName;

export function gainOf(all: readonly Measured[]): Gain {
  const pooled: Gain['pooled'] = {};
  for (const name of overRepositories) {
    const pairs = all.flatMap((one) => pairOf(one, figures[name]) ?? []);
    if (pairs.length > 0)
      pooled[name] = asDifference(stratifiedIntervals(pairs, figures[name].kind).difference);
  }
  for (const name of overProblems) {
    const pairs = all.flatMap((one) => pairOf(one, figures[name], (digest) => digest) ?? []);
    const [before, after] = [pairs.flatMap((pair) => pair.before), pairs.flatMap((pair) => pair.after)];
    if (before.length > 0)
      pooled[name] = asDifference(stratifiedIntervals([{ before, after }], figures[name].kind).difference);
  }
  return { perRepository: all.map(figuresOf), pooled };
}

function figuresOf(measured: Measured): RepositoryFigures {
  const { name, language, whyNot, strength, seconds } = measured;
  const offered = whyNot === undefined;
  const found: RepositoryFigures = {
    name,
    language,
    cursors: pairOf(measured, figures.lineExact)?.before.length ?? 0,
    offered,
    ...(whyNot !== undefined && { whyNot }),
    ...(strength !== undefined && { strength }),
    seconds,
  };
  for (const figure of names) {
    const pair = pairOf(measured, figures[figure]);
    if (pair) found[figure] = changeOf(pair, figures[figure].kind, offered);
  }
  const kl = pairOf(measured, { task: 'retention', metric: 'KL from base' });
  if (kl) found.kl = stratifiedIntervals([kl], 'amount').after.value;
  return found;
}

function changeOf(pair: Pair, kind: FigureKind, offered: boolean): Change {
  const { before, after, difference } = stratifiedIntervals([pair], kind);
  // If the base is kept, the difference is exactly 0.
  const change = offered ? asDifference(difference) : { difference: 0, low: 0, high: 0 };
  return { before: before.value, after: after.value, ...change };
}

const asDifference = ({ value, low, high }: Interval): Difference => ({ difference: value, low, high });

/**
 * The base, and what the person gets: the result, or the base if none is offered. Undefined if nothing was measured.
 */
function pairOf(
  { rows, whyNot }: Pick<Measured, 'rows' | 'whyNot'>,
  { task, metric }: Pick<Figure, 'task' | 'metric'>,
  documentOf: (digest: string, document: string | undefined) => string | undefined = (_, document) =>
    document,
): Pair | undefined {
  const pairs = [...(rows.get(task) ?? [])].flatMap(([digest, { parts, document }]) => {
    const of = documentOf(digest, document);
    const [before, after] = [parts.before[metric], parts.after[metric]].map((part) => ofDocument(part, of));
    return before && after ? [{ before, after: whyNot === undefined ? after : before }] : [];
  });
  if (pairs.length === 0) return undefined;
  return { before: pairs.map(({ before }) => before), after: pairs.map(({ after }) => after) };
}

/** What a run itself decided about its result, as for a person; the benchmark's own measurements do not count. */
export function outcomeOf({ summary, events }: Pick<RunSnapshot, 'summary' | 'events'>): Outcome {
  const whyNot = summary ? whyNotOffered(summary) : 'nothing was measured';
  const strength = summary?.choice?.strength;
  return { whyNot, strength, seconds: secondsOf(events) };
}

/**
 * The time of training, up to its last step, and of measuring the result after that, without the pauses before the run
 * was continued.
 */
export function secondsOf(events: readonly RunEvent[]): Outcome['seconds'] {
  const seconds = { training: 0, measuring: 0 };
  const last = events.findLastIndex(({ type }) => type === 'step');
  let before: number | undefined;
  // Seconds counted since the last event that shows work: they may include a pause.
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
