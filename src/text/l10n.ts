/**
 * Texts in the editor's language. An English text is its own key in `l10n/bundle.l10n.LANGUAGE.json`. The language is
 * English until `setLanguage` is called, which only the extension and its panel do: child processes, the command line,
 * reports and files are in English.
 */
import { forButtons, titleOf, type NextStep } from './next-step.ts';
import { english, fill, filled, type Text } from './message.ts';

type Values = Record<string, string | number>;
/** English texts with their translations. */
export type Bundle = Readonly<Record<string, string>>;

const ENGLISH = 'en';
let locale = ENGLISH;
let bundle: Bundle | undefined;

/**
 * @param language the editor's language tag, used for numbers and dates
 * @param texts the translations; without them, everything stays English
 */
export function setLanguage(language: string, texts?: Bundle): void {
  locale = texts ? language : ENGLISH;
  bundle = texts;
}

export const isTranslated = (): boolean => bundle !== undefined;

/** Runs `make` in English, for machine-readable output. */
export function inEnglish<T>(make: () => T): T {
  const before = [locale, bundle] as const;
  setLanguage(ENGLISH);
  try {
    return make();
  } finally {
    [locale, bundle] = before;
  }
}

const inBundle = (message: string): string =>
  bundle && Object.hasOwn(bundle, message) ? bundle[message]! : message;

/**
 * The translated text with `{name}` filled in. `message` must be a literal, so that a test can check its translations.
 * Don't call it while a module is loaded, because the language is not known then.
 */
export const t = (message: string, values: Values = {}): string => fill(inBundle(message), values);

/** Like `t`, for constant English texts in a table; the test has a list of these tables. */
export const tKnown = (message: string): string => t(message);

/** Translates a message of a process or file. */
export function translate(text: Text): string {
  if (!bundle || typeof text === 'string') return english(text);
  // The 2.31 of "glibc 2.31" is not a number.
  const isNumber = !text.message.includes('glibc');
  const say = (value: Text) => (typeof value === 'string' && isNumber ? numberHere(value) : translate(value));
  return unspaced(filled(text, say, inBundle(text.message)));
}

export const joined = (sentences: readonly string[]): string => unspaced(sentences.filter(Boolean).join(' '));

/** Removes spaces after Chinese full stops. */
const unspaced = (text: string): string => text.replace(/(?<=[。！？]) /gu, '');

/** Localises a value that is just an English number, optionally with its unit. */
function numberHere(value: string): string {
  const [, number, unit] = /^([+-]?\d{1,3}(?:,?\d{3})*(?:\.\d+)?)( (?:GB|MB|kB|s|min)|%)?$/.exec(value) ?? [];
  if (number === undefined) return value;
  const [group, point] = [whole(11111).replaceAll('1', ''), decimal(0.1, 1).replace(/\d/g, '')];
  const written = number.replace(/[,.]/g, (sign) => (sign === ',' ? group : point));
  return `${written}${unit ?? ''}`;
}

/** The title of a step's button. */
export const titleIn = (step: Pick<NextStep, 'id'>): string => tKnown(titleOf(step));

/** Like forButtons, with the translated button titles. */
export const withButtons = (...texts: Text[]) =>
  forButtons(joined(texts.map(translate)), (step) => t('"{button}"', { button: titleIn(step) }));

/** "1,234" or "1.234". */
export const whole = (value: number): string => grouped(value, 0);

/** Like `decimal`, with thousands separators. */
export const grouped = (value: number, digits: number): string =>
  value.toLocaleString(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** "2.4" or "2,4": a number with a fixed number of decimal places. */
export const decimal = (value: number, digits: number): string => withPoint(value.toFixed(digits));

/** Replaces the decimal point of a formatted number by the language's. */
export function withPoint(written: string): string {
  if (locale === ENGLISH) return written;
  const point = new Intl.NumberFormat(locale).formatToParts(0.5).find(({ type }) => type === 'decimal');
  return written.replace('.', point?.value ?? '.');
}

/** "42%" or "42 %" for a share of 0.42. */
export const percent = (share: number, digits = 0): string =>
  t('{number}%', { number: decimal(100 * share, digits) });

/** "14:03". */
export const timeOfDay = (date: Date): string =>
  date.toLocaleTimeString(locale, { hour: '2-digit', minute: '2-digit' });

/** "12 Mar", or "12 March" if `long`. */
export const dayOf = (date: Date, month: 'short' | 'long' = 'short'): string =>
  date.toLocaleDateString(locale, { day: 'numeric', month });

export const fullDate = (date: Date): string => date.toLocaleDateString(locale);

export const fullTime = (date: Date): string => date.toLocaleString(locale);

/** "24 Nov 2026, 14:05", in the reader's time zone. */
export const dayAndTime = (date: Date): string =>
  date.toLocaleString(locale === ENGLISH ? 'en-GB' : locale, {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
  });
