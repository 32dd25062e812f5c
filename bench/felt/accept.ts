/** How much of a suggestion a person accepts who knows what they are going to type. Pure. */

/** Characters: shorter texts are typed faster than they are read. */
export const LEAST_ACCEPTED = 3;

export interface Accepted {
  kind: 'all' | 'line' | 'word';
  text: string;
}

/**
 * All of it if it is right; else its first line if that is right; else its first word. `wanted` is what is still to be
 * typed. Undefined if nothing of at least `least` characters is right.
 */
export function acceptOf(shown: string, wanted: string, least = LEAST_ACCEPTED): Accepted | undefined {
  const longEnough = (accepted: Accepted) => (accepted.text.trim().length >= least ? accepted : undefined);
  const whole = shown.trimEnd();
  if (isRight(whole, wanted)) return longEnough({ kind: 'all', text: whole });
  const line = /^\n*[^\n]*/.exec(whole)![0];
  if (line !== whole && isRight(line, wanted)) return longEnough({ kind: 'line', text: line });
  const word = /^\s*(?:\w+|[^\w\s]+)/.exec(whole)?.[0] ?? '';
  return word !== '' && wanted.startsWith(word) && !splitsWord(word, wanted)
    ? longEnough({ kind: 'word', text: word })
    : undefined;
}

/** Whether a text is what is typed, up to the end of a line or of everything. */
const isRight = (text: string, wanted: string) =>
  wanted.startsWith(text) && /^(?:[ \t]*\n|\s*$)/.test(wanted.slice(text.length));

const splitsWord = (text: string, wanted: string) =>
  /\w$/.test(text) && /^\w/.test(wanted.slice(text.length));
