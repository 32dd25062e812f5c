/**
 * What a model is to learn from what became of a completion: the reward is what was kept, not the key that took it. Pure
 * functions.
 */
import { distance } from 'fastest-levenshtein';
import type { Preference } from '../protocol/preferences.ts';

/** A text at a place, and whether the model should say it there. */
export interface Verdict {
  preference: Preference;
  text: string;
  desirable: boolean;
}

/** Shorter texts, in characters that are no white space, say nothing. */
const SHORTEST = 3;
/**
 * Looked at sooner, when its file or VS Code was closed, nobody had the time to change it. From then on all count the same:
 * without those, whatever was written in a session's last five minutes would say nothing.
 */
const SOONEST = 30;
/** Texts that are so much alike (1 - edit distance / length of the longer) are taken as the same. */
const ALIKE = 0.7;
/** Of a completion, as much has to be typed before it can be said whether it begins likewise. */
const BEGUN = 0.5;

/** None, one, or two: what was said, and what stands there instead. */
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
  // Where it was corrected, what it was corrected to is right, and it was not wrong.
  const alike = similarity(bare(said), bare(stands)) >= ALIKE;
  return [...(alike ? [] : verdict(said, false)), ...verdict(stands, true)];
}

/** What stands there, as far as the completion reached: as many lines. */
function sameReach(later: string, said: string): string {
  const lines = said.split('\n').length;
  return later.split('\n').slice(0, lines).join('\n').trimEnd();
}

/** White space does not count: formatters move it. */
const bare = (text: string): string => text.replace(/\s+/g, '');

const similarity = (a: string, b: string): number => 1 - distance(a, b) / Math.max(1, a.length, b.length);

/** Those of all records, the oldest first; where the same was judged twice at a place, the later verdict holds. */
export function verdictsOfAll(preferences: readonly Preference[]): Verdict[] {
  const judged = new Map<string, Verdict>();
  for (const verdict of preferences.flatMap(verdictsOf)) {
    const { path, prefix, suffix } = verdict.preference;
    const key = JSON.stringify([path, prefix, suffix, verdict.text]);
    judged.delete(key);
    judged.set(key, verdict);
  }
  return [...judged.values()];
}
