/**
 * Completes what was committed after the run, as the editor would have while it was written: the repository as it stood
 * before each commit, and nothing of it learned.
 */
import { landedCursors, type LandedCursor } from '../cursors/landed-cursors.ts';
import { defaultBudget } from '../../completion/index.ts';
import { NoRepository } from '../../corpus/reading/git.ts';
import { taskFacts } from '../../findings/task-facts.ts';
import { describeFolders, foldersOf } from '../../protocol/folders.ts';
import { MIN_DOCUMENTS } from '../../statistics/intervals.ts';
import { msg, UserError } from '../../text/errors.ts';
import { createItem, type Item, type Plan, type PlanContext, type Task } from '../task.ts';
import { cursorMeasures, LATENCY, scoreCursor } from './workspace-cursors.ts';

export type CommitItem = Item & LandedCursor;

/** The newest commits. Those of months ago say little about today's result. */
const COMMITS = { quick: 30, paper: 200 };
/** Of all commits. */
const CURSORS = {
  line: { quick: 40, paper: 400 },
  block: { quick: 12, paper: 100 },
};

async function plan({ run, base, setting, limit, signal }: PlanContext): Promise<Plan<CommitItem>> {
  if (!run)
    throw new UserError(
      'bad-argument',
      'The task "commits" measures what was committed after a run.',
      'Name a run.',
    );
  const { spec } = run;
  if (spec.imported || foldersOf(spec).length === 0)
    throw new UserError(
      'no-commits',
      msg`${spec.name} did not learn a folder on this machine, so it has no later commits.`,
      msg`Choose a run that was trained here on a folder.`,
    );
  const counts = { line: limit ?? CURSORS.line[setting], block: limit ?? CURSORS.block[setting] };
  const options = { commits: COMMITS[setting], counts, signal };
  const cursors = await landedCursors(spec, await run.corpus(), await base.tokenizer(), options).catch(
    (error: unknown) => {
      if (!(error instanceof NoRepository)) throw error;
      throw new UserError(
        'no-commits',
        msg`The commits of ${describeFolders(spec)} can't be read: ${error.message}.`,
        msg`Only a folder in a git repository has commits; git must be installed.`,
      );
    },
  );
  const commits = new Set(cursors.map(({ commit }) => commit)).size;
  if (commits < MIN_DOCUMENTS)
    throw new UserError(
      'no-commits',
      msg`Since ${spec.name} was trained, ${commits} commits added code to ${describeFolders(spec)} that it had not read; ${MIN_DOCUMENTS} are needed to tell anything.`,
      msg`Try again after more commits.`,
    );
  return {
    items: cursors.map((cursor) => ({
      ...createItem(`${cursor.kind} at ${cursor.path}:${cursor.line}`, cursor, {
        commit: cursor.commit,
        actual: cursor.actual,
      }),
      document: cursor.commit,
    })),
    setting: msg`${cursors.length} cursors in the lines that the newest commits (${commits}) added, with the editor's prompts: up to ${defaultBudget.before} characters before them, ${defaultBudget.after} after, and ${defaultBudget.others!} of other files`,
    measures: cursorMeasures.filter(({ metric }) => metric !== LATENCY),
  };
}

export const commitsTask: Task<CommitItem> = {
  name: 'commits',
  title: taskFacts.commits.title,
  version: 1,
  needsRun: true,
  onlyByName: true,
  cost: taskFacts.commits.cost,
  plan,
  score: (item, model, { signal }) => scoreCursor(item, model, signal),
};
