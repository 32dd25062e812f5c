/** Measures one repository: its default run, with additional metrics, and a foreign adapter. */
import { readEvaluated, type EvaluatedRun } from '../../src/evaluation/metrics/between-runs.ts';
import { Resources, runSubject } from '../../src/evaluation/resources.ts';
import { CURSORS } from '../../src/protocol/evaluation.ts';
import { readRun } from '../../src/runs/index.ts';
import { scoreAtCursors } from './at-cursors.ts';
import { commandLine } from './command-line.ts';
import { defaultRun, type DefaultRun, type Subject, type Training, type Working } from './default-run.ts';
import type { Measured } from './metrics.ts';
import { measureForeign } from './foreign.ts';

export interface GainOptions extends Training {
  /** Number of held-out cursors; the lines after each are compared with the model's predictions. */
  cursors: number;
  /** Number of HumanEval problems; 0 skips HumanEval. */
  problems: number;
}

/**
 * Continues an interrupted measurement; reads a finished one. `seed`: of the repository's own run, by default 0.
 * `partner`: a repository whose run with the default seed provides the foreign adapter. Errors: crashed, cancelled,
 * run-damaged.
 */
export async function measure(
  subject: Subject,
  options: GainOptions,
  { seed, partner, ...working }: Working & { seed?: number | undefined; partner?: Subject | undefined },
): Promise<Measured> {
  const { name, language } = subject;
  // The default seed is not passed, so that its run has the same key as without seeds.
  const seeded = seed ? ['--seed', String(seed)] : [];
  const run = await defaultRun(subject, { ...options, train: [...options.train, ...seeded] }, working);
  await measureMore(run, subject, options, working);
  const { rows } = await readEvaluated(run.dir);
  // Even those of the few problems that a run measures by itself.
  if (options.problems === 0) rows.delete('humaneval');
  const atCursors = await measureAtCursors(run.dir, { cursors: options.cursors, ...working });
  rows.set(CURSORS, atCursors.rows);
  const { reference } = atCursors;
  const own = {
    name,
    language,
    rows,
    ...(reference && { reference }),
    ...(seed !== undefined && { seed }),
    ...run.outcome,
  };
  if (!partner) return own;
  const foreign = await defaultRun(partner, options, working);
  working.tell(`${name}: measuring the adapter of ${partner.name} on it`);
  const measured = await measureForeign(run.dir, foreign, { cursors: options.cursors, ...working });
  return { ...own, foreign: { name: partner.name, ...measured } };
}

/** Scores of base and result at cursors, as rows of a run; and the base's reference adapter, if the run is held against it. */
async function measureAtCursors(
  dir: string,
  how: Working & { cursors: number },
): Promise<{ rows: NonNullable<ReturnType<EvaluatedRun['rows']['get']>> } & Pick<Measured, 'reference'>> {
  const { spec } = await readRun(dir);
  const resources = new Resources(runSubject(dir, spec));
  try {
    const untrained = await resources.before();
    const hasReference = untrained !== resources.base;
    const models = [...(hasReference ? [untrained] : []), resources.base, await resources.result()];
    const { items, scores } = await scoreAtCursors(dir, resources, models, how);
    const counted = scores.map((own) => own.map(({ parts }) => parts));
    const [before, after] = counted.slice(-2);
    const rows = new Map(
      items.map(({ id: item, digest, document }, at) => [
        digest,
        { item, digest, ...(document && { document }), parts: { before: before![at]!, after: after![at]! } },
      ]),
    );
    if (!hasReference) return { rows };
    return { rows, reference: new Map(items.map(({ digest }, at) => [digest, counted[0]![at]!])) };
  } finally {
    await resources.dispose();
  }
}

/** More problems than a run measures by itself. */
async function measureMore(
  { home, dir, progress, keep }: DefaultRun,
  { name }: Subject,
  { problems }: GainOptions,
  { signal, tell }: Working,
): Promise<void> {
  const evaluate = async (task: string, limit?: number) => {
    tell(`${name}: measuring ${task}`);
    const items = limit === undefined ? [] : ['--limit', String(limit)];
    await commandLine(home, ['evaluate', dir, '--tasks', task, ...items], signal);
  };
  if (problems > 0 && progress.evaluated['humaneval'] !== problems) {
    await evaluate('humaneval', problems);
    await keep({ evaluated: { ...progress.evaluated, humaneval: problems } });
  }
  // A run measures its KL by itself, unless its options forbid it.
  const { summary } = await readRun(dir);
  if (!summary?.comparisons.some(({ task }) => task === 'retention')) await evaluate('retention');
}
