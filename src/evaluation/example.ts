/** A held-out line completed by base and result, as an illustration. Chosen by rule, never by hand. */
import type { Summary } from '../protocol/evaluation.ts';
import { choosePlaces, ownText, type HeldOutDocument } from '../cursors/held-out.ts';

export type Example = NonNullable<Summary['example']>;
export type Candidate = Pick<Example, 'file' | 'line' | 'prefix' | 'actual'>;

/** Number of lines tried, spread evenly over the lines of held-out files that are long enough. */
const CANDIDATES = 12;
const CONTEXT_CHARACTERS = 500;
const MIN_LINE = 16;
/** Longer rests can't be completed in a few tokens. */
const MAX_REST = 48;
const MIN_LINE_NUMBER = 4;

/** Held-out lines, cut at the first gap after a third of their text; the rest is to be completed. */
export const findCandidates = (documents: readonly HeldOutDocument[]): Candidate[] =>
  choosePlaces(documents, [{ count: CANDIDATES, placesIn: candidatesIn }])[0]!;

function candidatesIn(text: string, { file, fromLine }: HeldOutDocument): (() => Candidate)[] {
  const found: (() => Candidate)[] = [];
  let start = 0;
  for (const [index, line] of text.split('\n').entries()) {
    const cut = index >= MIN_LINE_NUMBER ? cutOf(line) : undefined;
    if (cut !== undefined) {
      const end = start + cut;
      found.push(() => ({
        file,
        line: fromLine + index,
        prefix: ownText(text.slice(Math.max(0, end - CONTEXT_CHARACTERS), end)),
        actual: ownText(line.slice(cut).trimEnd()),
      }));
    }
    start += line.length + 1;
  }
  return found;
}

/**
 * Where to cut a line: before a space or after an opening mark, after at least a third; the rest must contain a word.
 */
function cutOf(line: string): number | undefined {
  const indent = line.length - line.trimStart().length;
  const length = line.trim().length;
  if (length < MIN_LINE) return undefined;
  for (let at = indent + Math.ceil(length / 3); at < indent + length - 4; at += 1) {
    const gap = line[at] === ' ' || /[([{.=,:]/.test(line[at - 1]!);
    if (gap && indent + length - at <= MAX_REST && /\w{2}/.test(line.slice(at))) return at;
  }
  return undefined;
}

/**
 * Chooses the first example in which the result writes the actual line and the base does not; else the first in which
 * the two differ; else the first. It only illustrates; the figures show the whole.
 */
export function chooseExample(examples: readonly Example[]): Example | undefined {
  const same = (a: string, b: string) => a.trim() === b.trim();
  return (
    examples.find(({ actual, before, after }) => same(after, actual) && !same(before, actual)) ??
    examples.find(({ before, after }) => !same(before, after)) ??
    examples[0]
  );
}

/** Completes every candidate with both models and chooses one to show. `complete` gives the rest of the line. */
export async function makeExample(
  candidates: readonly Candidate[],
  complete: (side: 'before' | 'after', prompt: string) => Promise<string>,
): Promise<Example | undefined> {
  const examples = await Promise.all(
    candidates.map(async (candidate) => ({
      ...candidate,
      before: await complete('before', candidate.prefix),
      after: await complete('after', candidate.prefix),
    })),
  );
  return chooseExample(examples);
}
