/**
 * How likely a suggestion is to be accepted, and how much of it is worth showing. The model's own probability is nearly
 * that, but overconfident.
 */
import { isInProse } from '../code/prose.ts';
import { firstLine, isBlank, wordOrMarks } from '../code/text.ts';
import type { Certainty } from './certainty.ts';
import type { CleanUp } from './clean-up.ts';
import type { CursorDocument } from '../types.ts';
import { cutUnfinished, isTrivial } from './unfinished.ts';
import { expectedSaving } from './worth.ts';

/** The chance is 1 / (1 + exp(-(bias + slope * log-probability))); found on held-out cursors (docs/science.md). */
export interface Calibration {
  bias: number;
  slope: number;
}

export const defaultCalibration: Calibration = { bias: 1, slope: 1.1 };

/** Minimum chance to be shown, by how talkative completion should be. */
export const leastChance = { all: 0, likely: 0.09, sure: 0.5 } as const;

/** Of a line that is too unlikely as a whole, the first words are shown as long as their chance is at least this. */
const leastWordChance = 0.23;

/** Minimum chance within a string, comment or docstring (docs/science.md). */
const leastInProse = 0.7;

/** The chance from 0 to 1 that at least half of a line with this log-probability (nats) can be accepted. */
export const chanceOf = (logprob: number, { bias, slope }: Calibration): number =>
  1 / (1 + Math.exp(-(bias + slope * logprob)));

export interface ShowPolicy {
  calibration: Calibration;
  /** Minimum chance to be shown; 0 shows everything. */
  minChance: number;
  /** Factor on the model's probabilities (trust.ts); 1 by default. */
  trust?: number;
}

/** Strings and comments are hard to predict, so only very likely text is shown there. */
export function policyAt(document: CursorDocument, policy: ShowPolicy): ShowPolicy {
  if (policy.minChance <= 0 || !isInProse(document)) return policy;
  return { ...policy, minChance: Math.max(policy.minChance, leastInProse) };
}

/** Whether a text, as far as it goes, is likely enough to be shown. */
export function isLikely(
  certainty: Certainty,
  text: string,
  { calibration, minChance }: ShowPolicy,
): boolean {
  const logprob = certainty.upTo(text.length);
  return minChance <= 0 || logprob === undefined || chanceOf(logprob, calibration) >= minChance;
}

/** The same for a cleaned text, which has the document's line ends, while the answer has "\n". */
const isCleanedLikely = (certainty: Certainty, text: string, policy: ShowPolicy): boolean =>
  isLikely(certainty, text.replaceAll('\r', ''), policy);

/** An answer as the model wrote it, with "\n" line ends. */
interface WrittenAnswer {
  text: string;
  certainty: Certainty;
  /** It ends within a line, at the token limit. */
  cut: boolean;
}

/**
 * Cuts a cleaned answer before the first line that makes it too unlikely, or its first line after its likely words.
 * What remains is cut to a complete expression.
 */
export function keepLikely(
  cleaned: CleanUp,
  { certainty, ...answer }: WrittenAnswer,
  policy: ShowPolicy,
  document: CursorDocument,
): CleanUp {
  if ('dropped' in cleaned) return cleaned;
  const lines = cleaned.text.split('\n');
  let kept = 0;
  for (const [index, line] of lines.entries()) {
    if (isBlank(line)) continue;
    if (!isCleanedLikely(certainty, lines.slice(0, index + 1).join('\n'), policy)) break;
    kept = index + 1;
  }
  const rest = lines.slice(kept).some((line) => !isBlank(line));
  let { text } = cleaned;
  if (rest) {
    const likely = kept > 0 ? lines.slice(0, kept).join('\n') : likelyWords(lines, certainty, policy);
    // Don't end prose with an opening bracket or quote.
    text = cutUnfinished(likely.replace(/(?:\s+[([{<"'`]*)$/, ''), document);
  }
  if (kept === 0 && isTrivial(text)) return { dropped: 'unsure' };
  const result = { text, ...(text !== cleaned.text && { isPart: true }) };
  if (policy.minChance <= 0) return result;
  if (isTrivial(text)) return { dropped: 'trivial' };
  const shown = text.replaceAll('\r', '');
  const saving = expectedSaving(shown, certainty, endsLine(shown, answer, document), policy.trust);
  return saving > 0 ? result : { dropped: 'unsure' };
}

/** Whether a line of the answer is shown to its last word, or to what already follows the cursor. */
function endsLine(
  shown: string,
  { text, cut }: Omit<WrittenAnswer, 'certainty'>,
  { after }: CursorDocument,
): boolean {
  const hasWords = (line: string) => /[\p{L}\p{N}_]/u.test(line);
  const rest = text.slice(shown.length);
  return hasWords(firstLine(after)) || (!hasWords(firstLine(rest)) && !(cut && !rest.includes('\n')));
}

/** The likely first words of the first non-blank line. Models are sure of a name before what is done with it. */
function likelyWords(lines: readonly string[], certainty: Certainty, policy: ShowPolicy): string {
  const first = lines.findIndex((line) => !isBlank(line));
  const minChance = Math.max(policy.minChance, leastWordChance);
  let kept = '';
  for (const { 0: word, index } of lines[first]!.matchAll(wordOrMarks)) {
    const text = [...lines.slice(0, first), lines[first]!.slice(0, index + word.length)].join('\n');
    if (!isCleanedLikely(certainty, text, { ...policy, minChance })) break;
    kept = text;
  }
  return kept;
}
