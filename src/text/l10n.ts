/**
 * Texts in the language of the editor. An English text is its own key in `l10n/bundle.l10n.LANGUAGE.json`. English is
 * spoken until `setLanguage` is called, which only the extension and its panel do: child processes, the command line and
 * reports are in English, and so are the files that they write.
 */
import { forButtons, titleOf, type NextStep } from './next-step.ts';
import { english, fill, filled, type Text } from './message.ts';

export type Values = Record<string, string | number>;
/** English texts with their translations. */
export type Bundle = Readonly<Record<string, string>>;

const ENGLISH = 'en';
let spoken = ENGLISH;
let bundle: Bundle | undefined;

/**
 * @param language as the editor names it, for numbers and dates
 * @param texts without them, everything stays English
 */
export function setLanguage(language: string, texts?: Bundle): void {
  spoken = texts ? language : ENGLISH;
  bundle = texts;
}

/** Whether there are translations; else the English texts are shown as they are. */
export const isTranslated = (): boolean => bundle !== undefined;

/** Runs `make` in English, for what programs read. */
export function inEnglish<T>(make: () => T): T {
  const before = [spoken, bundle] as const;
  setLanguage(ENGLISH);
  try {
    return make();
  } finally {
    [spoken, bundle] = before;
  }
}

const inBundle = (message: string): string =>
  bundle && Object.hasOwn(bundle, message) ? bundle[message]! : message;

/**
 * The text with `{name}` filled in. `message` is a literal, so that the test finds it and asks for its translations.
 * Called where a text is shown, never while a file is loaded: the language is not known then.
 */
export const t = (message: string, values: Values = {}): string => fill(inBundle(message), values);

/** For fixed English texts that stand in a table; the test has a list of these tables. */
export const tKnown = (message: string): string => t(message);

/** A message of a process or a file in the language of the editor. */
export function translate(text: Text): string {
  if (!bundle || typeof text === 'string') return english(text);
  // glibc 2.31 is no number.
  const isNumber = !text.message.includes('glibc');
  const say = (value: Text) => (typeof value === 'string' && isNumber ? numberHere(value) : translate(value));
  return unspaced(filled(text, say, inBundle(text.message)));
}

/** Sentences one after the other. */
export const joined = (sentences: readonly string[]): string => unspaced(sentences.filter(Boolean).join(' '));

/** Without spaces after Chinese full stops. */
const unspaced = (text: string): string => text.replace(/(?<=[。！？]) /gu, '');

/** A value that is nothing but an English number, perhaps with its unit, as the language writes it. */
function numberHere(value: string): string {
  const [, number, unit] = /^([+-]?\d{1,3}(?:,?\d{3})*(?:\.\d+)?)( (?:GB|MB|kB|s|min)|%)?$/.exec(value) ?? [];
  if (number === undefined) return value;
  const [group, point] = [whole(11111).replaceAll('1', ''), decimal(0.1, 1).replace(/\d/g, '')];
  const written = number.replace(/[,.]/g, (sign) => (sign === ',' ? group : point));
  return `${written}${unit ?? ''}`;
}

/** The title of a step's button. */
export const titleIn = (step: Pick<NextStep, 'id'>): string => tKnown(titleOf(step));

/** As forButtons; it names the buttons as they are shown here. */
export const withButtons = (...texts: Text[]) =>
  forButtons(joined(texts.map(translate)), (step) => t('"{button}"', { button: titleIn(step) }));

/** "1,234" or "1.234". */
export const whole = (value: number): string => grouped(value, 0);

/** As `decimal`, with the language's thousands apart. */
export const grouped = (value: number, digits: number): string =>
  value.toLocaleString(spoken, { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** "2.4" or "2,4": a number with so many decimal places, the same digits in each language. */
export const decimal = (value: number, digits: number): string => withPoint(value.toFixed(digits));

/** A number that is written already, with the language's decimal point. */
export function withPoint(written: string): string {
  if (spoken === ENGLISH) return written;
  const point = new Intl.NumberFormat(spoken).formatToParts(0.5).find(({ type }) => type === 'decimal');
  return written.replace('.', point?.value ?? '.');
}

/** "42%" or "42 %"; 1 is all. */
export const percent = (share: number, digits = 0): string =>
  t('{number}%', { number: decimal(100 * share, digits) });

/** "14:03". */
export const timeOfDay = (date: Date): string =>
  date.toLocaleTimeString(spoken, { hour: '2-digit', minute: '2-digit' });

/** "12 Mar", or "12 March" if it is `long`. */
export const dayOf = (date: Date, month: 'short' | 'long' = 'short'): string =>
  date.toLocaleDateString(spoken, { day: 'numeric', month });

export const fullDate = (date: Date): string => date.toLocaleDateString(spoken);

export const fullTime = (date: Date): string => date.toLocaleString(spoken);

/** "24 Nov 2026, 14:05", in the reader's time zone. */
export const dayAndTime = (date: Date): string =>
  date.toLocaleString(spoken === ENGLISH ? 'en-GB' : spoken, {
    ...{ day: 'numeric', month: 'short', year: 'numeric' },
    ...{ hour: '2-digit', minute: '2-digit' },
  });
