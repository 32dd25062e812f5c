/**
 * How likely a suggestion is what the person is about to write, and how much of it is worth showing. A model's own
 * probability of its answer says so nearly: what it holds for certain is still wrong now and then.
 */
import { isInProse } from '../code/prose.ts';
import { isBlank } from '../code/text.ts';
import type { CleanUp } from './clean-up.ts';
import type { CursorDocument } from '../types.ts';
import { cutToWhole, isTrivial } from './whole.ts';

/** The chance is 1 / (1 + exp(-(bias + slope * log-probability))); found on held-out cursors (docs/science.md). */
export interface Calibration {
  bias: number;
  slope: number;
}

export const defaultCalibration: Calibration = { bias: 1, slope: 1.1 };

/** Least chance of what is shown, by how talkative completion should be. */
export const leastChance = { all: 0, likely: 0.09, sure: 0.5 } as const;
export type ShowChoice = keyof typeof leastChance;

/** The first words of a line that is too unlikely as a whole are shown up to this chance. */
const leastOfWords = 0.23;

/** Least chance within a string, comment or docstring (docs/science.md). */
const leastInProse = 0.7;

/** The chance from 0 to 1 that at least half of a line with this log-probability (nats) can be accepted. */
export const chanceOf = (logprob: number, { bias, slope }: Calibration): number =>
  1 / (1 + Math.exp(-(bias + slope * logprob)));

/** How likely the text of an answer is, up to each of its pieces. */
export class Certainty {
  private readonly pieces: { from: number; logprob: number }[] = [];

  /** Adds a piece that begins at index `from` of the text. Nothing is known of one without a log-probability. */
  add(from: number, logprob: number | undefined): void {
    if (logprob !== undefined) this.pieces.push({ from, logprob });
  }

  /** Log-probability of the first `length` characters, with the tokens that begin in them; undefined if not known. */
  upTo(length: number): number | undefined {
    if (this.pieces.length === 0) return undefined;
    return this.pieces.reduce((sum, { from, logprob }) => sum + (from < length ? logprob : 0), 0);
  }
}

export interface Showing {
  calibration: Calibration;
  /** Least chance of what is shown; 0 shows everything. */
  least: number;
}

/** Within a string or comment much else could stand, so only what is very likely is shown there. */
export function showingAt(document: CursorDocument, showing: Showing): Showing {
  if (showing.least <= 0 || !isInProse(document)) return showing;
  return { ...showing, least: Math.max(showing.least, leastInProse) };
}

/** Whether a text, as far as it goes, is likely enough to be shown. */
export function isLikely(certainty: Certainty, text: string, { calibration, least }: Showing): boolean {
  const logprob = certainty.upTo(text.length);
  return least <= 0 || logprob === undefined || chanceOf(logprob, calibration) >= least;
}

/** The same of a cleaned text, which has the document's line ends; the answer has "\n". */
const isCleanedLikely = (certainty: Certainty, text: string, showing: Showing): boolean =>
  isLikely(certainty, text.replaceAll('\r', ''), showing);

/**
 * Leaves out the lines of a cleaned answer from the first one on that makes it too unlikely; of its first line, what
 * follows its likely words. Where something is left out, the rest ends whole.
 */
export function keepLikely(
  cleaned: CleanUp,
  certainty: Certainty,
  showing: Showing,
  document: CursorDocument,
): CleanUp {
  if ('dropped' in cleaned) return cleaned;
  const lines = cleaned.text.split('\n');
  let kept = 0;
  for (const [index, line] of lines.entries()) {
    if (isBlank(line)) continue;
    if (!isCleanedLikely(certainty, lines.slice(0, index + 1).join('\n'), showing)) break;
    kept = index + 1;
  }
  const rest = lines.slice(kept).some((line) => !isBlank(line));
  let { text } = cleaned;
  if (rest) {
    const likely = kept > 0 ? lines.slice(0, kept).join('\n') : likelyWords(lines, certainty, showing);
    // Prose ends with no bracket or quote that only begins something.
    text = cutToWhole(likely.replace(/(?:\s+[([{<"'`]*)$/, ''), document);
  }
  if (kept === 0 && isTrivial(text)) return { dropped: 'unsure' };
  return showing.least > 0 && isTrivial(text) ? { dropped: 'trivial' } : { text };
}

/** The first words of the first written line that are likely. Models are sure of a name before what is done with it. */
function likelyWords(lines: readonly string[], certainty: Certainty, showing: Showing): string {
  const first = lines.findIndex((line) => !isBlank(line));
  const least = Math.max(showing.least, leastOfWords);
  let kept = '';
  for (const { 0: word, index } of lines[first]!.matchAll(/[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]+/gu)) {
    const text = [...lines.slice(0, first), lines[first]!.slice(0, index + word.length)].join('\n');
    if (!isCleanedLikely(certainty, text, { ...showing, least })) break;
    kept = text;
  }
  return kept;
}
