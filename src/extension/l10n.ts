/**
 * Texts in the language of the editor. An English text is its own key in `l10n/bundle.l10n.LANGUAGE.json`. This file
 * does not import the editor, so that what makes texts can be tested without it: English is spoken until `speak` is
 * called.
 */
import { forButtons, titleOf, type NextStep } from '../protocol/next-step.ts';

export type Values = Record<string, string | number>;
export type Translate = (message: string, values: Values) => string;

const inEnglish: Translate = (message, values) =>
  message.replace(/\{(\w+)\}/g, (placeholder, name: string) => String(values[name] ?? placeholder));

let translate = inEnglish;
let spoken = 'en';

/** @param language as the editor names it, for numbers and dates */
export function speak(language: string, by: Translate = inEnglish): void {
  spoken = language;
  translate = by;
}

/**
 * The text with `{name}` filled in. `message` is a literal, so that the test finds it and asks for its translations.
 * Called where a text is shown, never while a file is loaded: the language is not known then.
 */
export const t = (message: string, values: Values = {}): string => translate(message, values);

/** For English texts from outside of this folder; the test has a list of their sources. */
export const tKnown = (message: string): string => translate(message, {});

/** The title of a step's button. */
export const titleIn = (step: Pick<NextStep, 'id'>): string => tKnown(titleOf(step));

/** As forButtons; the text names the buttons as they are shown here. */
export const withButtons = (text: string) => forButtons(text, titleIn);

/** "2.4" or "2,4": a number with so many decimal places. */
export const decimal = (value: number, digits: number): string =>
  value.toLocaleString(spoken, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
    useGrouping: false,
  });

/** "14:03". */
export const timeOfDay = (date: Date): string =>
  date.toLocaleTimeString(spoken, { hour: '2-digit', minute: '2-digit' });

/** "12 Mar", or "12 March" if it is `long`. */
export const dayOf = (date: Date, month: 'short' | 'long' = 'short'): string =>
  date.toLocaleDateString(spoken, { day: 'numeric', month });

export const fullDate = (date: Date): string => date.toLocaleDateString(spoken);

export const fullTime = (date: Date): string => date.toLocaleString(spoken);
