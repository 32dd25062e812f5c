/**
 * How far to trust the model's own probabilities for a person, from what became of the suggestions they saw. Who takes
 * fewer than usual (whole lines only, or in a language that the model knows badly) is shown only surer ones. Pure.
 */

/** Suggestions in one language. */
export interface UseCounts {
  /** Seen by the person. */
  seen: number;
  /** Of those, the number of which at least a word was accepted. */
  taken: number;
}

/** As if of a hundred suggestions half had been taken: docs/science.md has the simulation. */
const PRIOR = { seen: 100, taken: 50 };
/** Whoever takes words takes at least one of seven in ten suggestions: for them, the probabilities are right. */
const FULL_SHARE = 0.7;
/** The trust in somebody who takes two of five suggestions, fewer than assumed of a new user. */
export const FEW_TAKEN = 0.4 / FULL_SHARE;
/** So much always remains to be seen that a change of habits is noticed, and bad luck is not for ever. */
const LEAST = 0.4;
const MOST = 1.2;
/** Older suggestions fade: no more than the newest five hundred count. */
const MEMORY = 500;

/** The factor on the model's probabilities. */
export function trustOf({ seen, taken }: UseCounts): number {
  const share = (PRIOR.taken + taken) / (PRIOR.seen + seen);
  return Math.min(MOST, Math.max(LEAST, share / FULL_SHARE));
}

/** Adds a suggestion that was seen, or one that was seen before and is taken now. */
export function countUse({ seen, taken }: UseCounts, what: keyof UseCounts): UseCounts {
  if (what === 'taken') return { seen, taken: Math.min(seen, taken + 1) };
  const fade = Math.min(1, (MEMORY - 1) / Math.max(1, seen));
  return { seen: seen * fade + 1, taken: taken * fade };
}
