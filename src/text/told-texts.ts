/** Recognises English sentences whose values are filled in by the texts with placeholders that they were made from. */

type Make = (message: string, values: [name: string, value: string][]) => string;

/** A text with fewer letters of its own, such as "{done} of {total}", would recognise what it did not make. */
const LEAST_LETTERS = { sentence: 7, part: 9 };
const MOST_KEPT = 500;
/** A longer text is no message of ours. */
const LONGEST = 1500;
/** Sentences of a text. */
const MOST_SENTENCES = 4;
/** Values may be texts themselves; deeper than this, nothing is one. */
const DEEPEST = 3;

interface Made {
  text: string;
  /** Letters that were not recognised. */
  unknown: number;
}

interface Pattern {
  message: string;
  names: string[];
  /** What is between the values, before the first and after the last. */
  literals: string[];
  letters: number;
}

export class Patterns {
  private readonly exact: ReadonlySet<string>;
  /** The most specific first. */
  private readonly patterns: Pattern[];
  private readonly kept = new Map<string, string>();
  /** Of the text that is being translated: candidates share their values. */
  private readonly parts = new Map<string, Made>();

  /** @param messages English texts, with `{name}` where a value is filled in */
  constructor(messages: readonly string[]) {
    this.exact = new Set(messages);
    this.patterns = messages
      .flatMap((message) => patternOf(message) ?? [])
      .sort((a, b) => b.letters - a.letters);
  }

  /** The sentences of `told`, each made again by `make` if it is recognised; values that are texts, too. */
  translate(told: string, make: Make): string {
    const known = this.kept.get(told);
    if (known !== undefined) return known;
    if (this.kept.size >= MOST_KEPT) this.kept.clear();
    this.parts.clear();
    const text = told.length > LONGEST ? told : this.sentences(told, make, 0).text;
    this.kept.set(told, text);
    return text;
  }

  private sentences(told: string, make: Make, depth: number): Made {
    const parts = told.split(/(?<=[.!?]) (?=["\u201c\p{Lu}{\d/])/u);
    // What is best from each part on. Some texts have several sentences; but a value must not take in known sentences.
    const best: { made: string[]; unknown: number }[] = [];
    best[parts.length] = { made: [], unknown: 0 };
    for (let from = parts.length - 1; from >= 0; from -= 1)
      for (let to = Math.min(parts.length, from + MOST_SENTENCES); to > from; to -= 1) {
        const text = parts.slice(from, to).join(' ');
        const found =
          this.one(text, make, depth) ?? (to === from + 1 ? { text, unknown: lettersOf(text) } : undefined);
        const after = best[to]!;
        if (!found || (best[from]?.unknown ?? Infinity) <= found.unknown + after.unknown) continue;
        best[from] = { made: [found.text, ...after.made], unknown: found.unknown + after.unknown };
      }
    const { made, unknown } = best[0]!;
    return { text: joined(made), unknown };
  }

  private value(told: string, make: Make, depth: number): Made {
    const key = `${depth} ${told}`;
    const known = this.parts.get(key) ?? this.sentences(told, make, depth);
    this.parts.set(key, known);
    return known;
  }

  /** By the text that leaves least of it to values that are not texts themselves; of equal ones, the most specific. */
  private one(told: string, make: Make, depth: number): Made | undefined {
    // A value of one word may be the name of a run or folder, such as "workspace".
    if (this.exact.has(told) && (depth === 0 || told.includes(' ')))
      return { text: make(told, []), unknown: 0 };
    let best: Made | undefined;
    for (const { message, names, literals } of this.patterns) {
      const found = valuesIn(told, literals);
      if (!found) continue;
      const values = found.map((value): Made =>
        depth < DEEPEST ? this.value(value, make, depth + 1) : { text: value, unknown: lettersOf(value) },
      );
      const unknown = values.reduce((sum, value) => sum + value.unknown, 0);
      if (best && best.unknown <= unknown) continue;
      best = {
        text: make(
          message,
          names.map((name, at) => [name, values[at]!.text]),
        ),
        unknown,
      };
    }
    return best;
  }
}

/** Sentences one after the other: with a space between them, except after a Chinese full stop. */
export const joined = (sentences: readonly string[]): string =>
  sentences
    .filter(Boolean)
    .join(' ')
    .replace(/(?<=[。！？]) /gu, '');

/**
 * What is in a text in the places between `literals`; undefined if it was not made of them. Each value is as short as
 * possible, without going back: a text of any kind takes no longer than reading it.
 */
function valuesIn(text: string, literals: readonly string[]): string[] | undefined {
  const [first = '', ...others] = literals;
  const last = others.pop() ?? '';
  const end = text.length - last.length;
  if (end < first.length || !text.startsWith(first) || !text.endsWith(last)) return undefined;
  const values: string[] = [];
  let at = first.length;
  for (const literal of others) {
    const next = indexOf(text, literal, at);
    if (next < 0 || next + literal.length > end) return undefined;
    values.push(text.slice(at, next));
    at = next + literal.length;
  }
  return [...values, text.slice(at, end)];
}

/** Where `literal` begins, from `at` on; a full stop in a number is none. */
function indexOf(text: string, literal: string, at: number): number {
  let next = text.indexOf(literal, at);
  while (literal === '.' && next >= 0 && /\d/.test(text[next + 1] ?? ''))
    next = text.indexOf(literal, next + 1);
  return next;
}

const lettersOf = (text: string): number => text.replace(/\{\w+\}/g, '').match(/\p{L}/gu)?.length ?? 0;

/** Whether sentences made from this text are recognised. */
export const isRecognised = (message: string): boolean =>
  lettersOf(message) >= (/[.?]$/.test(message) ? LEAST_LETTERS.sentence : LEAST_LETTERS.part);

function patternOf(message: string): Pattern | undefined {
  const parts = message.split(/\{(\w+)\}/);
  if (parts.length === 1 || !isRecognised(message)) return undefined;
  return {
    message,
    names: parts.filter((_, at) => at % 2 === 1),
    literals: parts.filter((_, at) => at % 2 === 0),
    letters: lettersOf(message),
  };
}
