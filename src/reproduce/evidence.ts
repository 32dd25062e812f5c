/** The measurements of the runs in the form that claims need: counts by item, aligned across models. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readEvaluated, type EvaluatedRun } from '../evaluation/metrics/between-runs.ts';
import { withDocument } from '../evaluation/metrics/compare.ts';
import { readItemRows, type ItemRow } from '../evaluation/metrics/item-rows.ts';
import { readParts } from '../evaluation/spectrum/part-files.ts';
import type { SweepLine, SweepSpec } from '../protocol/sweep.ts';
import type { Stratum } from '../statistics/intervals.ts';
import { stageOf, type StageName } from './stages.ts';
import { variantNames, type Variant, type VariantName } from './variants.ts';

type Rows = ReadonlyMap<string, ItemRow>;
/** Rows by task. */
type Measured = ReadonlyMap<string, Rows>;

export interface MeasuredRun extends Pick<EvaluatedRun, 'spec'> {
  /** The measured points of its path; the last one is its result. */
  points: { step: number; rows: Measured }[];
  /** The result with its change scaled or cut to a rank, by name: "strength-0.5", "rank-16". */
  parts: ReadonlyMap<string, Measured>;
}

export interface Sweep {
  spec: SweepSpec;
  lines: readonly SweepLine[];
}

export interface Evidence {
  variants: Record<VariantName, Variant>;
  /** By variant and seed. */
  runs: Partial<Record<StageName, MeasuredRun>>;
  /** By seed. */
  sweeps: readonly (Sweep | undefined)[];
}

export type SeedRuns = Partial<Record<VariantName, MeasuredRun>>;

export const runsOf = ({ runs }: Pick<Evidence, 'runs'>, seed: number): SeedRuns =>
  Object.fromEntries(variantNames.map((name) => [name, runs[stageOf(name, seed)]]));

/** Tasks measured at every point. */
const pathTasks = ['workspace', 'retention'];

/** Throws UserError run-not-finished, and like readRun. */
export async function readMeasured(dir: string): Promise<MeasuredRun> {
  const { spec, summary, rows } = await readEvaluated(dir);
  const points: MeasuredRun['points'] = [];
  const names = await readdir(join(dir, 'evaluation'));
  const steps = names.flatMap((name) => /^workspace\.(\d+)\.jsonl$/.exec(name)?.[1] ?? []).map(Number);
  for (const step of steps.filter((earlier) => earlier > 0 && earlier < summary.step).sort((a, b) => a - b)) {
    const at = new Map<string, Rows>();
    for (const task of pathTasks) at.set(task, await readItemRows(dir, task, step));
    if ([...at.values()].every(({ size }) => size > 0)) points.push({ step, rows: at });
  }
  points.push({ step: summary.step, rows });
  return { spec, points, parts: await readParts(dir, summary.step) };
}

/** The rows of one model on a task's items. */
interface Source {
  rows: Rows;
  side: 'before' | 'after';
}

const none: Rows = new Map();
const after = (measured: Measured, task: string): Source => ({
  rows: measured.get(task) ?? none,
  side: 'after',
});

const endOf = ({ points }: MeasuredRun): Measured => points.at(-1)!.rows;
export const resultOf = (run: MeasuredRun, task: string): Source => after(endOf(run), task);
export const baseOf = (run: MeasuredRun, task: string): Source => ({
  ...resultOf(run, task),
  side: 'before',
});
/** All points of its path, and all strengths of its result. */
export const reachedBy = ({ points, parts }: MeasuredRun, task: string): Source[] => [
  ...points.map(({ rows }) => after(rows, task)),
  ...[...parts].filter(([name]) => name.startsWith('strength-')).map(([, rows]) => after(rows, task)),
];
/** A part of the result, and the base as measured along with it. */
export const partOf = ({ parts }: MeasuredRun, name: string, task: string) => {
  const source = after(parts.get(name) ?? new Map(), task);
  return { base: { ...source, side: 'before' as const }, part: source };
};

/** Counts of the items that all sources have answered and that have the metric. */
function stratum(metric: string, sources: readonly Source[]): Stratum {
  const countOf = ({ rows, side }: Source, digest: string) => {
    const row = rows.get(digest);
    return withDocument(row?.parts[side][metric], row?.document);
  };
  const shared = [...(sources[0]?.rows.keys() ?? [])].filter((digest) =>
    sources.every((source) => countOf(source, digest)),
  );
  return sources.map((source) => shared.map((digest) => countOf(source, digest)!));
}

/** Models that are compared by a metric. */
export interface Compared {
  metric: string;
  sources: readonly Source[];
}

/** The strata of each seed, restricted to items that the models of all seeds have answered. */
export function strataOf(bySeed: readonly (readonly Compared[])[]): Stratum[][] {
  const strata = bySeed.map((): Stratum[] => []);
  for (const [task, { metric }] of bySeed[0]!.entries()) {
    const all = stratum(
      metric,
      bySeed.flatMap((seed) => seed[task]!.sources),
    );
    let at = 0;
    for (const [seed, compared] of bySeed.entries())
      strata[seed]!.push(all.slice(at, (at += compared[task]!.sources.length)));
  }
  return strata;
}
