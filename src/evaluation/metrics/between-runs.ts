/**
 * Compares runs by their files on disk: each metric of the other runs with the first run's, paired over the items that
 * both answered (the same digest: the same question, window or text).
 */
import { z } from 'zod';
import { describeError, UserError } from '../../text/errors.ts';
import { english, msg, type Text, textOf, withAllTexts } from '../../text/message.ts';
import { summarySchema, type Comparison, type Summary, CURSORS } from '../../protocol/evaluation.ts';
import type { RunComparison } from '../../protocol/run-comparison.ts';
import { settledSpec } from '../../protocol/run.ts';
import { corpusSummaryPath, evaluationSummaryPath, readSpec, readState } from '../../runs/files.ts';
import { compare, withDocument, type Counts } from './compare.ts';
import { differingSettings, type RunSettings } from './differing-settings.ts';
import { FORGETTING } from '../../findings/forgetting-metric.ts';
import { forgettingAverage } from './forgetting.ts';
import { readItemRows, type ItemRow } from './item-rows.ts';
import type { RatioItem } from '../../statistics/statistics.ts';
import { tasks } from '../tasks/index.ts';
import { readText } from '../../platform/files/regular-file.ts';

/** A run with its metrics. */
export interface EvaluatedRun extends RunSettings {
  dir: string;
  summary: Summary;
  /** Its items, by task and digest. */
  rows: Map<string, Map<string, ItemRow>>;
  /** Why there are no metrics, if so. */
  problem?: Text;
}

/**
 * For runs that were not evaluated, compares only the settings. Errors: bad-argument for fewer than two; those of
 * reading a run.
 */
export async function compareRuns(dirs: readonly string[]): Promise<RunComparison> {
  if (dirs.length < 2)
    throw new UserError(
      'bad-argument',
      msg`There is nothing to compare with only one run.`,
      msg`Name two runs or more; {runs} lists them.`,
    );
  return compareEvaluated(await Promise.all(dirs.map(readCompared)));
}

/** Errors: run-not-finished; those of reading a run. */
export async function readEvaluated(dir: string): Promise<EvaluatedRun> {
  const summary = await readJson(evaluationSummaryPath(dir), summarySchema);
  if (!summary?.comparisons.some(({ task }) => task !== CURSORS))
    throw await notMeasured(dir, summary !== undefined);
  return readMetrics(dir, summary);
}

async function readCompared(dir: string): Promise<EvaluatedRun> {
  try {
    return await readEvaluated(dir);
  } catch (error) {
    if (!(error instanceof UserError) || error.code !== 'run-not-finished') throw error;
    const nothing = await readMetrics(dir, { step: 0, sentence: '', comparisons: [] });
    return { ...nothing, problem: describeError(error) };
  }
}

async function readMetrics(dir: string, summary: Summary): Promise<EvaluatedRun> {
  const spec = await readSpec(dir);
  const rows = new Map<string, Map<string, ItemRow>>();
  for (const task of new Set(summary.comparisons.map((comparison) => comparison.task)))
    if (![FORGETTING, CURSORS].includes(task)) rows.set(task, await readItemRows(dir, task, summary.step));
  const corpus = await readJson(corpusSummaryPath(dir), corpusSchema);
  const state = await readState(dir);
  const { steps } = state;
  return { dir, spec: settledSpec(spec, state), summary, rows, corpus, steps };
}

const corpusSchema = z.object({ digest: z.string(), trainTokens: z.number() });

/** Undefined if there is no such file, or it can't be read. */
async function readJson<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
  try {
    return schema.parse(JSON.parse(await readText(path)));
  } catch {
    return undefined;
  }
}

async function notMeasured(dir: string, isBegun: boolean): Promise<UserError> {
  const { id, name } = await readSpec(dir);
  const { status } = await readState(dir);
  return new UserError(
    'run-not-finished',
    isBegun
      ? msg`${name}: only part was measured, nothing to compare yet.`
      : msg`${name} is not measured, so there is nothing to compare yet.`,
    status === 'done'
      ? msg`Measure it with {evaluate ${id}}.`
      : msg`Let it finish, or resume it with {resume ${id}}.`,
  );
}

/** Pure. Compares the other runs with the first. */
export function compareEvaluated(runs: readonly EvaluatedRun[]): RunComparison {
  const [first, ...others] = runs as [EvaluatedRun, ...EvaluatedRun[]];
  const warnings: Text[] = [];
  if (new Set(runs.map(({ spec }) => spec.base.sha256)).size > 1)
    warnings.push(
      msg`These runs have different bases, so their differences include those of the bases, and each KL is from its own base.`,
    );
  if (others.some((other) => !sameCorpus(first, other)))
    warnings.push(
      msg`These runs were trained on different corpora, so their held-out texts differ and metrics of workspace can't be compared.`,
    );
  const against = others.map((other) => {
    const paired = pairRuns(first, other);
    warnings.push(...paired.warnings);
    return { run: other.spec.id, comparisons: paired.comparisons };
  });
  return {
    runs: runs.map(({ spec: { id, name } }) => ({ id, name })),
    differs: differingSettings(runs),
    against,
    // Each once.
    ...withAllTexts([...new Map(warnings.map((one) => [english(one), one])).values()]),
  };
}

const sameCorpus = (a: EvaluatedRun, b: EvaluatedRun) => a.corpus?.digest === b.corpus?.digest;
/** Tasks that are measured on held-out text of the run's own corpus. */
const isCorpusTask = (task: string) => tasks.some(({ name, needsRun }) => name === task && needsRun);
/** Timings, which were measured at another time in each run, perhaps under another load. */
const isMomentary = (task: string, metric: string) =>
  tasks.some(({ name, loadDependent }) => name === task && loadDependent?.includes(metric));

function pairRuns(first: EvaluatedRun, other: EvaluatedRun): { comparisons: Comparison[]; warnings: Text[] } {
  const problems = [first, other].flatMap(({ problem }) => problem ?? []);
  if (problems.length) return { comparisons: [], warnings: problems };
  const counts: Counts[] = [];
  const warnings: Text[] = [];
  const names = [...new Set([...first.rows.keys(), ...other.rows.keys()])];
  for (const task of names) {
    if (isCorpusTask(task) && !sameCorpus(first, other)) continue;
    const [firstRows, otherRows] = [first.rows.get(task), other.rows.get(task)];
    if (!firstRows || !otherRows) {
      const [lacks, has] = firstRows ? [other, first] : [first, other];
      warnings.push(
        msg`${task} was measured only for ${has.spec.id}; {evaluate ${lacks.spec.id} ${task}} adds it.`,
      );
      continue;
    }
    const shared = [...firstRows.keys()].filter((digest) => otherRows.has(digest));
    warnings.push(
      ...unpairedWarnings(task, { first, other }, [firstRows.size, otherRows.size, shared.length]),
    );
    if (shared.length > 0) counts.push(...countsOf(task, shared, first, other));
  }
  const average = forgettingAverage(counts);
  return { comparisons: [...counts, ...(average ? [average] : [])].map(compare), warnings };
}

function unpairedWarnings(
  task: string,
  { first, other }: Record<'first' | 'other', EvaluatedRun>,
  [firstCount, otherCount, shared]: [number, number, number],
): Text[] {
  const old = [
    ...(firstCount === 0 ? [first] : []),
    ...(otherCount === 0 && other.dir !== first.dir ? [other] : []),
  ];
  if (old.length > 0)
    return old.map(
      ({ spec }) =>
        msg`The items of ${task} in ${spec.id} can't be read or were measured by an early version; measure them again with {evaluate ${spec.id} ${task}}.`,
    );
  if (shared === 0)
    return [
      msg`${task}: ${first.spec.id} and ${other.spec.id} were measured on different items, so they can't be compared.`,
    ];
  const missing = firstCount + otherCount - 2 * shared;
  if (missing === 0) return [];
  const { id } = other.spec;
  return missing === 1
    ? [msg`${task}, compared with ${id}: 1 item that only one run has is left out; ${shared} are paired.`]
    : [
        msg`${task}, compared with ${id}: ${missing} items that only one run has are left out; ${shared} are paired.`,
      ];
}

/** Counts in the order of the first run's metrics; an item counts only if both runs have its metric. */
function countsOf(
  task: string,
  shared: readonly string[],
  first: EvaluatedRun,
  other: EvaluatedRun,
): Counts[] {
  const pick = (run: EvaluatedRun, metric: string) =>
    shared.map((digest) => {
      const { parts, document } = run.rows.get(task)!.get(digest)!;
      return withDocument(parts.after[metric], document);
    });
  return first.summary.comparisons
    .filter((comparison) => comparison.task === task && !isMomentary(task, comparison.metric))
    .flatMap(({ metric, unit, better, after }) => {
      const [a, b] = [pick(first, metric), pick(other, metric)];
      const both = a.flatMap((part, i) => (part && b[i] ? [[part, b[i]] as const] : []));
      if (both.length === 0) return [];
      const models = [both.map(([part]) => part), both.map(([, part]) => part)];
      const binary = models.flat().every(isAnswer);
      return [
        {
          measured: { task, metric, unit, better, setting: textOf(after, 'setting'), binary },
          models: models.map((m) => [m]),
        },
      ];
    });
}

/** Whether the item is an answer, right (1) or wrong (0). */
const isAnswer = ({ sum, weight }: RatioItem) => weight === 1 && (sum === 0 || sum === 1);
