/**
 * Turns a commit into tasks of repeating an edit: one place shows the edit, another one that got the same is the task.
 * Lines that are like an edited one and that the commit left as they were are tasks, too, as many at most: there,
 * nothing is to be done.
 */
import { languageIdOf } from '../../completion/languages.ts';
import { likenessToEdited } from '../../next-edit/candidates.ts';
import { changesOf, type TokenChange } from '../../next-edit/changes.ts';
import { TASK_CONTEXT, type EditPair } from '../../next-edit/edit-task.ts';
import { isSameChange } from '../../next-edit/pattern.ts';
import { tokensOf } from '../../next-edit/tokens.ts';
import type { CommitPair } from './commits.ts';

const MOST_LINES = 6;
/** Tasks of one commit: more would be the same again. */
const MOST_PAIRS = 4;

/** Lines that were replaced, with those around them as they were before the commit. */
interface Replaced {
  path: string;
  above: string[];
  old: string[];
  now: string[];
  below: string[];
  changes: TokenChange[];
}

/** A line that stayed as it was, with those around it. */
type Kept = Pick<Replaced, 'path' | 'above' | 'below'> & { line: string };

/** Each edit of a commit that is like one before it, together with the nearest such one. */
export function editPairsOf({ diff }: Pick<CommitPair, 'diff'>): EditPair[] {
  const hunks = hunksOf(diff);
  const all = hunks.flatMap(({ path, lines }) => replacedInHunk(path, lines));
  const repeated = all.flatMap((place, index) => {
    const example = all.slice(0, index).findLast((one) => isLike(one, place));
    return example ? [pairOf(example, place)] : [];
  });
  const kept = hunks.flatMap(({ path, lines }) => keptInHunk(path, lines));
  const made = repeated.slice(0, MOST_PAIRS);
  return [...made, ...keptPairs(all, kept).slice(0, made.length)];
}

/** The kept lines that are most like an edited one. */
function keptPairs(all: readonly Replaced[], kept: readonly Kept[]): EditPair[] {
  const pairs = all.flatMap((example) => {
    const [before, after] = [example.old.join('\n'), example.now.join('\n')];
    return kept.flatMap((place) => {
      const like = likenessToEdited(place.line, { before, after });
      const stays = { ...place, old: [place.line], now: [place.line], changes: [] };
      return like > 0 ? [{ like, pair: pairOf(example, stays) }] : [];
    });
  });
  return pairs.sort((a, b) => b.like - a.like).map(({ pair }) => pair);
}

/** All that was changed at the place was changed in the same way at the other one. */
const isLike = (one: Replaced, place: Replaced) =>
  one.old.join('\n') !== place.old.join('\n') &&
  place.changes.length > 0 &&
  place.changes.every((change) => one.changes.some((other) => isSameChange(change, other)));

function pairOf(example: Replaced, { path, above, old, now, below }: Replaced): EditPair {
  const signed = (sign: string, lines: readonly string[]) => lines.map((line) => sign + line);
  return {
    example: {
      path: example.path,
      diff: [...signed('-', example.old), ...signed('+', example.now)].join('\n'),
    },
    place: {
      path,
      before: [...above, ...old, ...below].join('\n'),
      after: [...above, ...now, ...below].join('\n'),
    },
  };
}

function hunksOf(diff: string): { path: string; lines: string[] }[] {
  return diff.split(/^(?=--- )/m).flatMap((part) => {
    const path = /^\+\+\+ b\/(.+)$/m.exec(part)?.[1];
    if (!path) return [];
    const hunks = part.split(/^@@ .*\n/m).slice(1);
    return hunks.map((hunk) => ({ path, lines: hunk.replace(/\n$/, '').split('\n') }));
  });
}

const plain = (from: readonly string[], signs: string) =>
  from.filter((line) => signs.includes(line[0] ?? ' ')).map((line) => line.slice(1));

/** Context: lines above and below, as they were before the commit. */
const around = (lines: readonly string[], from: number, to: number) => ({
  above: plain(lines.slice(0, from), ' -').slice(-TASK_CONTEXT),
  below: plain(lines.slice(to), ' -').slice(0, TASK_CONTEXT),
});

const keptInHunk = (path: string, lines: readonly string[]): Kept[] =>
  lines.flatMap((line, at) =>
    line.startsWith(' ') ? [{ path, line: line.slice(1), ...around(lines, at, at + 1) }] : [],
  );

function replacedInHunk(path: string, lines: readonly string[]): Replaced[] {
  const found: Replaced[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const from = at;
    while (at < lines.length && /^[-+\\]/.test(lines[at]!)) at += 1;
    if (at === from) continue;
    const block = lines.slice(from, at);
    const [old, now] = [plain(block, '-'), plain(block, '+')];
    if (old.length === 0 || now.length === 0 || Math.max(old.length, now.length) > MOST_LINES) continue;
    const place = { path, old, now, ...around(lines, from, at) };
    found.push({ ...place, changes: changedIn(place) });
  }
  return found;
}

function changedIn({ path, above, old, now, below }: Omit<Replaced, 'changes'>): TokenChange[] {
  const languageId = languageIdOf(path);
  const text = [...above, ...now, ...below].join('\n');
  const at = above.length ? above.join('\n').length + 1 : 0;
  const edit = { path, languageId, at, before: old.join('\n'), after: now.join('\n'), time: 0 };
  return changesOf(edit, text, tokensOf(text, languageId));
}
