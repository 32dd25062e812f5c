/** The measurements of the runs in the form that claims need: counts by item, aligned over models. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readEvaluated, type EvaluatedRun } from '../evaluation/figures/between-runs.ts';
import { ofDocument } from '../evaluation/figures/compare.ts';
import { readItemRows, type ItemRow } from '../evaluation/figures/item-rows.ts';
import type { RunSpectrum } from '../protocol/spectrum.ts';
import type { SweepLine, SweepSpec } from '../protocol/sweep.ts';
import type { Stratum } from '../statistics/intervals.ts';
import type { Variant, VariantName } from './variants.ts';

type Rows = ReadonlyMap<string, ItemRow>;

export interface MeasuredRun extends Pick<EvaluatedRun, 'spec'> {
  /** The measured points of its path; the last one is its result. */
  points: { step: number; rows: ReadonlyMap<string, Rows> }[];
}

export interface Evidence {
  variants: Record<VariantName, Variant>;
  runs: Partial<Record<VariantName, MeasuredRun>>;
  sweep?: { spec: SweepSpec; lines: readonly SweepLine[] } | undefined;
  /** The spectrum of the full run. */
  spectrum?: RunSpectrum | undefined;
}

/** Tasks measured at every point. */
const pathTasks = ['workspace', 'retention'];

/** Errors: run-not-finished; those of reading a run. */
export async function readMeasured(dir: string): Promise<MeasuredRun> {
  const { spec, summary, rows } = await readEvaluated(dir);
  const points: MeasuredRun['points'] = [];
  const names = await readdir(join(dir, 'evaluation'));
  const steps = names.flatMap((name) => /^workspace\.(\d+)\.jsonl$/.exec(name)?.[1] ?? []).map(Number);
  for (const step of steps.filter((one) => one > 0 && one < summary.step).sort((a, b) => a - b)) {
    const at = new Map<string, Rows>();
    for (const task of pathTasks) at.set(task, await readItemRows(dir, task, step));
    if ([...at.values()].every(({ size }) => size > 0)) points.push({ step, rows: at });
  }
  points.push({ step: summary.step, rows });
  return { spec, points };
}

/** The rows of one model on a task's items. */
export interface Source {
  rows: Rows;
  side: 'before' | 'after';
}

export const resultOf = (run: MeasuredRun, task: string): Source => ({
  rows: run.points.at(-1)!.rows.get(task) ?? new Map(),
  side: 'after',
});
export const baseOf = (run: MeasuredRun, task: string): Source => ({
  ...resultOf(run, task),
  side: 'before',
});
export const pathOf = (run: MeasuredRun, task: string): Source[] =>
  run.points.map(({ rows }) => ({ rows: rows.get(task) ?? new Map(), side: 'after' }));

/** Counts of the items that all sources answered and that have the metric. */
export function stratum(metric: string, sources: readonly Source[]): Stratum {
  const partOf = ({ rows, side }: Source, digest: string) => {
    const row = rows.get(digest);
    return ofDocument(row?.parts[side][metric], row?.document);
  };
  const shared = [...(sources[0]?.rows.keys() ?? [])].filter((digest) =>
    sources.every((source) => partOf(source, digest)),
  );
  return sources.map((source) => shared.map((digest) => partOf(source, digest)!));
}
