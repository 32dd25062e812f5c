/**
 * Judges shown completions and what the user wrote instead. What counts is the text that was kept, not the key that
 * accepted it. Pure functions.
 */
import { distance } from 'fastest-levenshtein';
import type { Preference } from '../../protocol/preferences.ts';

/** A text at a place, and whether the model should generate it. */
export interface Verdict {
  preference: Preference;
  text: string;
  desirable: boolean;
}

/** Shorter texts say nothing; in characters without whitespace. */
const SHORTEST = 3;
/**
 * In seconds. If a completion was checked sooner (because its file or VS Code was closed), there was no time to change
 * it. All later checks count equally; otherwise nothing from the last five minutes of a session would count.
 */
const MIN_SECONDS = 30;
/** Texts with at least this similarity (1 - edit distance / longer length) count as the same. */
const ALIKE = 0.7;
/** Fraction of a completion that must be typed before we can tell whether the text agrees with it. */
const ENOUGH_TYPED = 0.5;

/** Zero to two verdicts: on the completion, and on the text written instead. */
export function judgePreference(preference: Preference): Verdict[] {
  const { shown, accepted, later, seconds } = preference;
  if (seconds < MIN_SECONDS) return [];
  const shownPart = accepted > 0 ? shown.slice(0, accepted) : shown;
  const written = firstLines(later, shownPart);
  const verdict = (text: string, desirable: boolean): Verdict[] =>
    withoutWhitespace(text).length < SHORTEST ? [] : [{ preference, text, desirable }];
  if (withoutWhitespace(later).startsWith(withoutWhitespace(shownPart))) return verdict(shownPart, true);
  if (accepted === 0) {
    // Nothing was typed, or too little to tell.
    const typed = withoutWhitespace(written);
    if (typed.length < SHORTEST) return [];
    if (withoutWhitespace(shownPart).startsWith(typed))
      return typed.length < ENOUGH_TYPED * withoutWhitespace(shownPart).length ? [] : verdict(written, true);
  }
  // If the completion was only corrected, the corrected text is desirable, but the completion does not count as
  // undesirable.
  const isSimilar = similarity(withoutWhitespace(shownPart), withoutWhitespace(written)) >= ALIKE;
  return [...(isSimilar ? [] : verdict(shownPart, false)), ...verdict(written, true)];
}

/** As many lines of the later text as the completion has. */
function firstLines(later: string, shownPart: string): string {
  const lines = shownPart.split('\n').length;
  return later.split('\n').slice(0, lines).join('\n').trimEnd();
}

/** Removes whitespace, because formatters change it. */
const withoutWhitespace = (text: string): string => text.replace(/\s+/g, '');

const similarity = (a: string, b: string): number => 1 - distance(a, b) / Math.max(1, a.length, b.length);

/**
 * The verdicts on all records, oldest first. If the same text was judged twice at a place, the later verdict counts.
 */
export function judgePreferences(preferences: readonly Preference[]): Verdict[] {
  const judged = new Map<string, Verdict>();
  for (const verdict of preferences.flatMap(judgePreference)) {
    const { repository, path, prefix, suffix } = verdict.preference;
    const key = JSON.stringify([repository, path, prefix, suffix, verdict.text]);
    judged.delete(key);
    judged.set(key, verdict);
  }
  return [...judged.values()];
}
