/** One sentence about what was committed after a run. Pure. */
import type { CommitsSoFar } from '../protocol/evaluation.ts';
import { percent, t } from '../text/l10n.ts';

export function commitsSentence(run: string, commits: readonly CommitsSoFar[] = []): string {
  const last = commits.at(-1);
  if (!last) return t('{run} was tried on no commits.', { run });
  const values = {
    run,
    commits: last.commits,
    cursors: last.cursors,
    after: percent(last.after),
    before: percent(last.before),
  };
  if (last.difference.low > 0)
    return t(
      'In your newest commits ({commits}), {run} would have saved {after} of the characters at {cursors} places, and the model before it {before}.',
      values,
    );
  if (last.difference.high < 0)
    return t(
      'In your newest commits ({commits}), {run} would have saved fewer characters than the model before it: {after} at {cursors} places, instead of {before}.',
      values,
    );
  return t(
    'In your newest commits ({commits}), no difference is seen: {run} would have saved {after} of the characters at {cursors} places, the model before it {before}.',
    values,
  );
}
