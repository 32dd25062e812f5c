/**
 * Whether a suggestion is worth a look: the time it is expected to save its reader, less what looking costs. By the
 * keystroke-level model of bench/felt/person.ts, which has the sources; docs/science.md has what this brings. Pure.
 */
import { keysToType, wordOrMarks } from '../code/text.ts';
import { Certainty } from './certainty.ts';

/** Milliseconds for a glance, reading a character, deciding, and a key that accepts. */
export const quickReader = { glance: 230, character: 16, decision: 480, key: 200 };
/** Milliseconds for typing a character. */
const TYPING = 220;
/** One in ten suggestions that begin right and end wrong is accepted and undone, which takes two seconds. */
const OVERLOOKING = 200;
/** Models are more confident than they are right. */
const OVERCONFIDENCE = 1.2;

interface Place {
  end: number;
  /** Keys that type everything up to there. */
  keys: number;
  /** Chance that everything up to there is right. */
  chance: number;
}

/** Keys that are held while others accept word by word, or line by line. */
const held = { words: 1, lines: 2 };

/**
 * Expected milliseconds saved by showing `text` ("\n" line ends). Half of the readers accept the words that are right,
 * the others only whole lines. Infinity if the model gives no probabilities.
 * @param endsLine the text was not cut within a line
 * @param trust factor on the model's probabilities (trust.ts)
 */
export function expectedSaving(text: string, certainty: Certainty, endsLine: boolean, trust = 1): number {
  const words: Place[] = [...text.matchAll(wordOrMarks)].map(({ 0: word, index }) => {
    const end = index + word.length;
    const chance = trust * Math.exp(OVERCONFIDENCE * (certainty.upTo(end) ?? Infinity));
    return { end, keys: keysToType(text.slice(0, end)), chance };
  });
  const [first, last] = [words[0], words.at(-1)];
  if (!first || !last) return -quickReader.glance;
  if (last.chance === Infinity) return Infinity;
  const lines = words.filter((place) => (place === last ? endsLine : text[place.end] === '\n'));
  const reading = words.reduce(
    (sum, { keys }, at) =>
      sum + (keys - (words[at - 1]?.keys ?? 0)) * (words[at - 1]?.chance ?? 1) * quickReader.character,
    0,
  );
  const overlooking = (first.chance - last.chance) * OVERLOOKING;
  const saved = (accepted(words, last, held.words) + accepted(lines, last, held.lines)) / 2;
  return saved - quickReader.glance - reading - overlooking;
}

/** Expected milliseconds saved by accepting as many of these steps as are right, if that is faster than typing. */
function accepted(places: readonly Place[], last: Place, heldKeys: number): number {
  return places.reduce((sum, place, at) => {
    const keys = place === last ? 1 : heldKeys + at + 1;
    const saved = Math.max(0, TYPING * place.keys - quickReader.decision - quickReader.key * keys);
    return sum + (place.chance - (places[at + 1]?.chance ?? 0)) * saved;
  }, 0);
}

const certain = new Certainty();
certain.add(0, 0);

/** Whether a text takes longer to read than to type, however certain it is. */
export const isTooShort = (text: string): boolean =>
  expectedSaving(text.replaceAll('\r', ''), certain, true) <= 0;
