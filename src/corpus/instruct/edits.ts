/**
 * Turns a commit into tasks of repeating an edit, in the order in which a person works: a line shows the edit, and lines
 * further on that are like it, as it was before, are the tasks, chosen as next edit chooses the places to ask about.
 * What the commit made of such a line is the answer, also if it left the line as it was.
 */
import { byLine } from '../../next-edit/by-line.ts';
import { similarityToEdited, MAX_CANDIDATES, type Candidate } from '../../next-edit/candidates.ts';
import { TASK_CONTEXT } from '../../next-edit/edit-task.ts';
import { toOffer } from '../../next-edit/rewrite.ts';
import type { CommitPair } from './commits.ts';

/** Tasks of one commit in which something is to be done: more would be the same again. */
const MOST_MADE = 4;
/** Edits of a commit that are looked at, and lines before and after each. */
const MOST_EXAMPLES = 40;
const MOST_LINES = 1000;

/** A line shows an edit, another one is to get the same. */
export interface EditTask {
  candidate: Candidate;
  /** The line that the place has after the commit. */
  answer: string;
}

/** A line before the commit, with those above it after the commit, and those below it before. */
interface Line {
  path: string;
  above: string[];
  line: string;
  below: string[];
  /** The line that it became; undefined if it was taken away, or became other lines together with those around it. */
  now: string | undefined;
}

/**
 * The tasks of a commit: first those in which something is to be done, then the likest of those in which the line is to
 * stay as it is. Of these there are more, as there are among the places that a model is asked about.
 */
export function editTasksOf({ diff }: Pick<CommitPair, 'diff'>): EditTask[] {
  const lines = linesOf(diff);
  const made = new Map<string, EditTask>();
  const kept = new Map<string, EditTask & { like: number }>();
  const examples = [...lines.entries()].filter(([, { line, now }]) => now !== undefined && now !== line);
  for (const [index, example] of examples.slice(0, MOST_EXAMPLES)) {
    for (const { place, like } of placesFor(example, linesAround(lines, index))) {
      const task = taskOf(example, place);
      if (!task) continue;
      const key = [example.line, example.now, place.line].join('\n');
      if (task.answer === place.line) kept.set(key, { ...task, like });
      else made.set(key, task);
    }
  }
  const first = [...made.values()].slice(0, MOST_MADE);
  const likest = [...kept.values()].sort((a, b) => b.like - a.like).slice(0, 2 * first.length + 2);
  return [...first, ...likest.map(({ candidate, answer }) => ({ candidate, answer }))];
}

/** Those after the line, the nearest first, then those above it that stay: others above were edited before it. */
function linesAround(lines: readonly Line[], index: number): Line[] {
  const above = lines.slice(Math.max(0, index - MOST_LINES), index).filter(({ line, now }) => now === line);
  return [...lines.slice(index + 1, index + 1 + MOST_LINES), ...above.reverse()];
}

/** The likest lines; of those that are equally like, the first ones. */
function placesFor({ line, now }: Line, lines: readonly Line[]): { place: Line; like: number }[] {
  const edited = { before: line, after: now! };
  const like = lines.map((place) => ({ place, like: similarityToEdited(place.line, edited) }));
  return like
    .filter((one) => one.like > 0)
    .sort((a, b) => b.like - a.like)
    .slice(0, MAX_CANDIDATES);
}

/** Undefined if the commit made another edit there. */
function taskOf(example: Line, place: Line): EditTask | undefined {
  const { now: answer } = place;
  const candidate = {
    ...{ example: { ...example, after: example.now! }, place },
    ...{ at: 0, start: 0, end: place.line.length },
  };
  if (answer === undefined || (answer !== place.line && !toOffer(candidate, answer))) return undefined;
  return { candidate, answer };
}

const linesOf = (diff: string): Line[] =>
  // A comment that was taken away may begin with the same signs, as in SQL.
  diff.split(/^(?=--- .*\n\+\+\+ )/m).flatMap((part) => {
    const path = /^\+\+\+ b\/(.+)$/m.exec(part)?.[1];
    if (!path) return [];
    const hunks = part.split(/^@@ .*\n/m).slice(1);
    return hunks.flatMap((hunk) => linesOfHunk(path, hunk.replace(/\n$/, '').split('\n')));
  });

function linesOfHunk(path: string, signed: readonly string[]): Line[] {
  const [before, after] = [plain(signed, ' -'), plain(signed, ' +')];
  const found: Line[] = [];
  let [at, seen, written] = [0, 0, 0];
  while (at < signed.length) {
    const from = at;
    while (at < signed.length && /^[-+\\]/.test(signed[at]!)) at += 1;
    // A line that stays is a block of its own.
    if (at === from) at += 1;
    const block = signed.slice(from, at);
    const [old, now] = [plain(block, ' -'), plain(block, ' +')];
    const becomes = areOneByOne(old, now) ? now : [];
    for (const [index, line] of old.entries()) {
      const [above, below] = [written + (becomes.length && index), seen + index + 1];
      found.push({
        ...{ path, line, now: becomes[index] },
        above: after.slice(Math.max(0, above - TASK_CONTEXT), above),
        below: before.slice(below, below + TASK_CONTEXT),
      });
    }
    [seen, written] = [seen + old.length, written + now.length];
  }
  return found;
}

/** Whether each line became one other. */
function areOneByOne(old: readonly string[], now: readonly string[]): boolean {
  if (old.length !== now.length) return false;
  const edit = { path: '', languageId: '', at: 0, time: 0, before: old.join('\n'), after: now.join('\n') };
  return byLine(edit).every(({ before }) => !before.includes('\n'));
}

/** A patch's lines that have one of these signs, without it. */
const plain = (lines: readonly string[], signs: string) =>
  lines.filter((line) => signs.includes(line[0] ?? ' ')).map((line) => line.slice(1));
