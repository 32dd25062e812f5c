/** Recognises English sentences whose values are filled in by the texts with placeholders that they were made from. */

type Make = (message: string, values: [name: string, value: string][]) => string;

/** A text with fewer letters of its own, such as "{done} of {total}", would recognise what it did not make. */
const LEAST_LETTERS = { sentence: 7, part: 9 };
const MOST_KEPT = 500;
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
  matches: RegExp;
  letters: number;
}

export class Patterns {
  private readonly exact: ReadonlySet<string>;
  /** The most specific first. */
  private readonly patterns: Pattern[];
  private readonly kept = new Map<string, string>();

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
    const { text } = this.sentences(told, make, 0);
    this.kept.set(told, text);
    return text;
  }

  private sentences(told: string, make: Make, depth: number): Made {
    const parts = told.split(/(?<=[.!?]) (?=["\u201c\p{Lu}{\d/])/u);
    const made: string[] = [];
    let unknown = 0;
    for (let from = 0; from < parts.length;) {
      // The longest text that is known: some have several sentences.
      let to = parts.length;
      let found: Made | undefined;
      for (; to > from; to -= 1) {
        found = this.one(parts.slice(from, to).join(' '), make, depth);
        if (found) break;
      }
      found ??= { text: parts[from]!, unknown: lettersOf(parts[from]!) };
      made.push(found.text);
      unknown += found.unknown;
      from = Math.max(to, from + 1);
    }
    return { text: joined(made), unknown };
  }

  /** By the text that leaves least of it to values that are not texts themselves; of equal ones, the most specific. */
  private one(told: string, make: Make, depth: number): Made | undefined {
    if (this.exact.has(told)) return { text: make(told, []), unknown: 0 };
    let best: Made | undefined;
    for (const { message, names, matches } of this.patterns) {
      const found = matches.exec(told);
      if (!found) continue;
      const values = found
        .slice(1)
        .map((value): Made =>
          depth < DEEPEST
            ? this.sentences(value, make, depth + 1)
            : { text: value, unknown: lettersOf(value) },
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

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');

const lettersOf = (text: string): number => text.replace(/\{\w+\}/g, '').match(/\p{L}/gu)?.length ?? 0;

/** Whether sentences made from this text are recognised. */
export const isRecognised = (message: string): boolean =>
  lettersOf(message) >= (/[.?]$/.test(message) ? LEAST_LETTERS.sentence : LEAST_LETTERS.part);

function patternOf(message: string): Pattern | undefined {
  const parts = message.split(/\{(\w+)\}/);
  if (parts.length === 1 || !isRecognised(message)) return undefined;
  const names = parts.filter((_, at) => at % 2 === 1);
  const source = parts.map((part, at) => (at % 2 ? '(.*?)' : escaped(part))).join('');
  return { message, names, letters: lettersOf(message), matches: new RegExp(`^${source}$`, 's') };
}
