/** Turns a commit into tasks of repeating an edit: one place shows the edit, another one that got the same is the task. */
import { languageIdOf } from '../../completion/languages.ts';
import { changesOf, type TokenChange } from '../../next-edit/changes.ts';
import { isSameChange } from '../../next-edit/pattern.ts';
import { tokensOf } from '../../next-edit/tokens.ts';
import type { CommitPair } from './commits.ts';

export interface EditPair {
  /** An edit, as the lines of a diff. */
  example: { path: string; diff: string };
  /** The lines of another place, before and after the same edit. */
  place: { path: string; before: string; after: string };
}

/** Lines shown around a place. */
const CONTEXT = 5;
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

/** Each edit of a commit that is like one before it, together with the nearest such one. */
export function editPairsOf({ diff }: Pick<CommitPair, 'diff'>): EditPair[] {
  const all = replacedIn(diff);
  return all
    .flatMap((place, index) => {
      const example = all.slice(0, index).findLast((one) => isLike(one, place));
      return example ? [pairOf(example, place)] : [];
    })
    .slice(0, MOST_PAIRS);
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

function replacedIn(diff: string): Replaced[] {
  return diff.split(/^(?=--- )/m).flatMap((part) => {
    const path = /^\+\+\+ b\/(.+)$/m.exec(part)?.[1];
    if (!path) return [];
    const hunks = part.split(/^@@ .*\n/m).slice(1);
    return hunks.flatMap((hunk) => replacedInHunk(path, hunk.replace(/\n$/, '').split('\n')));
  });
}

function replacedInHunk(path: string, lines: readonly string[]): Replaced[] {
  const found: Replaced[] = [];
  const plain = (from: readonly string[], signs: string) =>
    from.filter((line) => signs.includes(line[0] ?? ' ')).map((line) => line.slice(1));
  for (let at = 0; at < lines.length; at += 1) {
    const from = at;
    while (at < lines.length && /^[-+\\]/.test(lines[at]!)) at += 1;
    if (at === from) continue;
    const block = lines.slice(from, at);
    const [old, now] = [plain(block, '-'), plain(block, '+')];
    if (old.length === 0 || now.length === 0 || Math.max(old.length, now.length) > MOST_LINES) continue;
    const above = plain(lines.slice(0, from), ' -').slice(-CONTEXT);
    const below = plain(lines.slice(at), ' -').slice(0, CONTEXT);
    found.push({ path, above, old, now, below, changes: changedIn({ path, above, old, now, below }) });
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
