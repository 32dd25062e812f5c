/**
 * Turns a commit into tasks of repeating an edit, in the order in which a programmer works: one line shows the edit,
 * and similar lines further on are the tasks, chosen in the same way as next edit chooses its candidates. The answer is
 * what the commit made of such a line, even if it left the line unchanged.
 */
import { byLine } from '../../next-edit/by-line.ts';
import { similarityToEdited, MAX_CANDIDATES, type Candidate } from '../../next-edit/candidates.ts';
import { TASK_CONTEXT } from '../../next-edit/edit-task.ts';
import { toOffer } from '../../next-edit/rewrite.ts';
import type { CommitPair } from './commits.ts';

/** Limit of tasks per commit in which the line changes: more would only be repetitions. */
const MOST_CHANGED = 4;
/** Limits of edits per commit that are considered, and of lines before and after each. */
const MOST_EXAMPLES = 40;
const MOST_LINES = 1000;

/** One line shows an edit; another line is to get the same edit. */
export interface EditTask {
  candidate: Candidate;
  /** The candidate's line after the commit. */
  answer: string;
}

/** A line before the commit, with the lines above it after the commit and the lines below it before the commit. */
interface Line {
  path: string;
  above: string[];
  line: string;
  below: string[];
  /** The line after the commit; undefined if it was removed or rewritten together with its neighbours. */
  newLine: string | undefined;
}

/**
 * The tasks of a commit: first those in which the line changes, then the most similar of those in which it stays. There
 * are more of the latter, as there are among the candidates that a model is asked about.
 */
export function editTasks({ diff }: Pick<CommitPair, 'diff'>): EditTask[] {
  const lines = parseDiff(diff);
  const changed = new Map<string, EditTask>();
  const unchanged = new Map<string, EditTask & { similarity: number }>();
  const examples = [...lines.entries()].filter(
    ([, { line, newLine }]) => newLine !== undefined && newLine !== line,
  );
  for (const [index, example] of examples.slice(0, MOST_EXAMPLES)) {
    for (const { place, similarity } of placesFor(example, linesAround(lines, index))) {
      const task = toTask(example, place);
      if (!task) continue;
      const key = [example.line, example.newLine, place.line].join('\n');
      if (task.answer === place.line) unchanged.set(key, { ...task, similarity });
      else changed.set(key, task);
    }
  }
  const changedTasks = [...changed.values()].slice(0, MOST_CHANGED);
  const unchangedTasks = [...unchanged.values()]
    .sort((a, b) => b.similarity - a.similarity)
    .slice(0, 2 * changedTasks.length + 2);
  return [...changedTasks, ...unchangedTasks.map(({ candidate, answer }) => ({ candidate, answer }))];
}

/** The lines after a line, nearest first, then the unchanged lines above it: other lines above were edited earlier. */
function linesAround(lines: readonly Line[], index: number): Line[] {
  const above = lines
    .slice(Math.max(0, index - MOST_LINES), index)
    .filter(({ line, newLine }) => newLine === line);
  return [...lines.slice(index + 1, index + 1 + MOST_LINES), ...above.reverse()];
}

/** The most similar lines; ties are broken by order. */
function placesFor({ line, newLine }: Line, lines: readonly Line[]): { place: Line; similarity: number }[] {
  const edited = { before: line, after: newLine! };
  return lines
    .map((place) => ({ place, similarity: similarityToEdited(place.line, edited) }))
    .filter(({ similarity }) => similarity > 0)
    .sort((a, b) => b.similarity - a.similarity)
    .slice(0, MAX_CANDIDATES);
}

/** Undefined if the commit made a different edit there. */
function toTask(example: Line, place: Line): EditTask | undefined {
  const { newLine: answer } = place;
  const candidate = {
    example: { ...example, after: example.newLine! },
    place,
    at: 0,
    start: 0,
    end: place.line.length,
  };
  if (answer === undefined || (answer !== place.line && !toOffer(candidate, answer))) return undefined;
  return { candidate, answer };
}

const parseDiff = (diff: string): Line[] =>
  // A removed comment may begin with the same characters, as in SQL.
  diff.split(/^(?=--- .*\n\+\+\+ )/m).flatMap((part) => {
    const path = /^\+\+\+ b\/(.+)$/m.exec(part)?.[1];
    if (!path) return [];
    const hunks = part.split(/^@@ .*\n/m).slice(1);
    return hunks.flatMap((hunk) => parseHunk(path, hunk.replace(/\n$/, '').split('\n')));
  });

function parseHunk(path: string, signed: readonly string[]): Line[] {
  const [before, after] = [withSigns(signed, ' -'), withSigns(signed, ' +')];
  const lines: Line[] = [];
  let [at, oldIndex, newIndex] = [0, 0, 0];
  while (at < signed.length) {
    const from = at;
    while (at < signed.length && /^[-+\\]/.test(signed[at]!)) at += 1;
    // An unchanged line is a separate block.
    if (at === from) at += 1;
    const block = signed.slice(from, at);
    const [old, now] = [withSigns(block, ' -'), withSigns(block, ' +')];
    const replacement = areLineByLine(old, now) ? now : [];
    for (const [index, line] of old.entries()) {
      const [above, below] = [newIndex + (replacement.length && index), oldIndex + index + 1];
      lines.push({
        path,
        line,
        newLine: replacement[index],
        above: after.slice(Math.max(0, above - TASK_CONTEXT), above),
        below: before.slice(below, below + TASK_CONTEXT),
      });
    }
    [oldIndex, newIndex] = [oldIndex + old.length, newIndex + now.length];
  }
  return lines;
}

/** Whether each line became exactly one other line. */
function areLineByLine(old: readonly string[], now: readonly string[]): boolean {
  if (old.length !== now.length) return false;
  const edit = { path: '', languageId: '', at: 0, time: 0, before: old.join('\n'), after: now.join('\n') };
  return byLine(edit).every(({ before }) => !before.includes('\n'));
}

/** The lines of a patch with one of these signs, without the sign. */
const withSigns = (lines: readonly string[], signs: string) =>
  lines.filter((line) => signs.includes(line[0] ?? ' ')).map((line) => line.slice(1));
