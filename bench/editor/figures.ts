/** What is reported of a typing, and of a version of VS Code. */
import type { Language } from './code-state.ts';
import { listFigures, type ListFigures } from './list.ts';
import { READING_MS } from './suggestions.ts';
import type { Typing } from './typing.ts';

/** Counts of suggestions, and what of the typing they would have saved. */
export interface TypingFigures {
  keys: number;
  shown: number;
  /** Shorter than a person takes to read: 300 ms. */
  livedUnder300: number;
  /** Their first line was what was typed then. */
  right: number;
  /** Of the right ones that could be read, those that would have been accepted. */
  accepted: number;
  /** Of the accepted ones, those that stand in the text to their end. */
  kept: number;
  /** They left nothing open that they had opened. */
  endedWhole: number;
  /** Of the others, those that left only a block open, at their end. */
  beganBlock: number;
  /** In the middle of a string, a comment, a docstring. */
  inText: { string: number; comment: number; docstring: number };
  /** How often one went away and came back. */
  flickers: number;
  /** Of all keys. */
  keysSaved: number;
}

export function typingFigures(typings: readonly Typing[]): TypingFigures {
  const all = typings.flatMap(({ suggestions }) => suggestions);
  const count = (holds: (one: (typeof all)[number]) => boolean) => all.filter(holds).length;
  const sum = (of: (one: Typing) => number) => typings.reduce((total, one) => total + of(one), 0);
  const keys = sum((one) => one.keys);
  const at = (place: string) => count((one) => one.place === place);
  return {
    ...{ keys, shown: all.length },
    livedUnder300: count(({ lived }) => lived < READING_MS),
    right: count(({ right }) => right),
    accepted: sum(({ accepted }) => accepted),
    kept: sum(({ kept }) => kept),
    endedWhole: count(({ leftOpen }) => leftOpen.length === 0),
    beganBlock: count(({ leftOpen, text }) => leftOpen.join() === '{' && text.trimEnd().endsWith('{')),
    inText: { string: at('string'), comment: at('comment'), docstring: at('docstring') },
    flickers: all.reduce((total, one) => total + one.flickers, 0),
    keysSaved: Number((sum(({ saved }) => saved) / keys).toFixed(3)),
  };
}

/** By condition and column: ms of each trial, undefined where the list did not open. */
export type Waits = Record<string, Record<string, (number | undefined)[]>>;

export interface Measured {
  waits: Waits;
  typed: { without: Typing[]; with: Typing[] };
}

export interface VersionFigures extends Partial<TypingFigures> {
  opened?: { without: number; with: number };
  /** Of all columns together. */
  listP95?: { without: number | null; with: number | null };
  byLanguage?: Partial<Record<Language, object>>;
  table: Record<string, Record<string, ListFigures>>;
}

export function versionFigures({ waits, typed }: Measured): VersionFigures {
  const p95 = (condition: string) => listFigures(Object.values(waits[condition] ?? {}).flat()).p95;
  const both = <T>(of: (typings: Typing[]) => T) => ({ without: of(typed.without), with: of(typed.with) });
  const opened = (typings: readonly Typing[]) => typings.reduce((total, one) => total + one.opened, 0);
  const has = typed.with.length > 0;
  const ofLanguage = (language: Language) => {
    const own = (typings: Typing[]) => typings.filter((one) => one.language === language);
    const figures = typingFigures(own(typed.with));
    return [language, { opened: both((typings) => opened(own(typings))), ...figures }];
  };
  return {
    ...(has && { opened: both(opened) }),
    ...(waits['on'] &&
      waits['not installed'] && { listP95: { without: p95('not installed'), with: p95('on') } }),
    ...(has && typingFigures(typed.with)),
    ...(has && { byLanguage: Object.fromEntries(typed.with.map(({ language }) => ofLanguage(language))) }),
    table: mapValues(waits, (row) => mapValues(row, listFigures)),
  };
}

const mapValues = <A, B>(object: Record<string, A>, of: (value: A) => B): Record<string, B> =>
  Object.fromEntries(Object.entries(object).map(([key, value]) => [key, of(value)]));
