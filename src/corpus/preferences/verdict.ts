/**
 * Judges shown completions, and what was written instead. What counts is the text that was kept, not the key that
 * accepted it. Pure functions.
 */
import { distance } from 'fastest-levenshtein';
import type { Preference } from '../../protocol/preferences.ts';

/** A text at a place, and whether the model should generate it there. */
export interface Verdict {
  preference: Preference;
  text: string;
  desirable: boolean;
}

/** Shorter texts say nothing; in characters without white space. */
const SHORTEST = 3;
/**
 * Seconds. If a completion was checked sooner (its file or VS Code was closed), there was no time to change it. All
 * later checks count the same; otherwise nothing from the last five minutes of a session would count.
 */
const SOONEST = 30;
/** Texts with this similarity (1 - edit distance / length of the longer) or more count as the same. */
const ALIKE = 0.7;
/** Share of a completion that has to be typed before we can tell whether the text agrees with it. */
const BEGUN = 0.5;

/** Zero, one or two verdicts: on the completion, and on the text that is there instead. */
export function verdictsOf(preference: Preference): Verdict[] {
  const { shown, accepted, later, seconds } = preference;
  if (seconds < SOONEST) return [];
  const said = accepted > 0 ? shown.slice(0, accepted) : shown;
  const stands = sameReach(later, said);
  const verdict = (text: string, desirable: boolean): Verdict[] =>
    bare(text).length < SHORTEST ? [] : [{ preference, text, desirable }];
  if (bare(later).startsWith(bare(said))) return verdict(said, true);
  if (accepted === 0) {
    // Nothing was typed, or too little to tell.
    const typed = bare(stands);
    if (typed.length < SHORTEST) return [];
    if (bare(said).startsWith(typed))
      return typed.length < BEGUN * bare(said).length ? [] : verdict(stands, true);
  }
  // If the completion was only corrected, the corrected text is right, but the completion does not count as wrong.
  const alike = similarity(bare(said), bare(stands)) >= ALIKE;
  return [...(alike ? [] : verdict(said, false)), ...verdict(stands, true)];
}

/** The first lines of the later text: as many as the completion had. */
function sameReach(later: string, said: string): string {
  const lines = said.split('\n').length;
  return later.split('\n').slice(0, lines).join('\n').trimEnd();
}

/** Without white space, because formatters change it. */
const bare = (text: string): string => text.replace(/\s+/g, '');

const similarity = (a: string, b: string): number => 1 - distance(a, b) / Math.max(1, a.length, b.length);

/** The verdicts of all records, oldest first. If the same text was judged twice at a place, the later one counts. */
export function verdictsOfAll(preferences: readonly Preference[]): Verdict[] {
  const judged = new Map<string, Verdict>();
  for (const verdict of preferences.flatMap(verdictsOf)) {
    const { repository, path, prefix, suffix } = verdict.preference;
    const key = JSON.stringify([repository, path, prefix, suffix, verdict.text]);
    judged.delete(key);
    judged.set(key, verdict);
  }
  return [...judged.values()];
}
