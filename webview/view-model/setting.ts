/** How something was measured, which the evaluator says in English, in the language of the editor. */
import { isTranslated, t, tTold, whole } from '../../src/text/l10n.ts';

const prefixes = (): Record<string, string> => ({
  quick: t('quick'),
  paper: t('as in the paper'),
  'during training': t('during training'),
});

/** "quick: 16 held-out sequences of up to 512 tokens; 40 cursors". */
export function settingIn(setting: string): string {
  const { prefix, rest } = partsOf(setting);
  return prefix === undefined ? rest : t('{what}: {text}', { what: prefix, text: rest });
}

/** The same as a part of a sentence: "(quick) 16 held-out sequences". */
export function settingWithin(setting: string): string {
  const { prefix, rest } = partsOf(setting);
  return prefix === undefined ? rest : t('({what}) {text}', { what: prefix, text: rest });
}

/** What follows the prefix. */
export const settingAlone = (setting: string): string => partsOf(setting).rest;

function partsOf(setting: string): { prefix: string | undefined; rest: string } {
  const [, prefix, rest = setting] = /^(quick|paper|during training): (.*)$/s.exec(setting) ?? [];
  return { prefix: prefix && prefixes()[prefix], rest: restIn(rest) };
}

function restIn(rest: string): string {
  if (!isTranslated()) return rest;
  // The only text with a semicolon of its own.
  if (/^mean of /.test(rest)) return tTold(rest);
  return rest
    .split('; ')
    .map((part) => part.split(JOINT).map(phraseIn).join(t(', ')))
    .join(t('; '));
}

/** What may follow how many there are; a text is recognised only without it. */
const JOINT =
  / (?=from \d+ files?\b)|, (?=\d+ of older and \d+ of new code\b)| (?=of \w+, as no code is held out$)/;

/** Phrases that are too short to be recognised, or have a number that is counted. */
const phrases: readonly [RegExp, (first: string, second: string) => string][] = [
  [/^from 1 file$/, () => t('from 1 file')],
  [/^from (\d+) files$/, (count) => t('from {count} files', { count: here(count) })],
  [/^(\d+) of prose$/, (count) => t('{count} of prose', { count: here(count) })],
  [
    /^(\d+) of older and (\d+) of new code$/,
    (older, newer) =>
      t('{older} of older and {newer} of new code', { older: here(older), newer: here(newer) }),
  ],
  [/^of prose, as no code is held out$/, () => t('of prose, as no code is held out')],
  [/^of data, as no code is held out$/, () => t('of data, as no code is held out')],
  [
    /^(\d+) of these (\d+) items, as time allowed$/,
    (some, all) => t('{some} of these {all} items, as time allowed', { some: here(some), all: here(all) }),
  ],
];
const here = (count: string) => whole(Number(count));

function phraseIn(part: string): string {
  for (const [pattern, say] of phrases) {
    const found = pattern.exec(part);
    if (found) return say(found[1] ?? '', found[2] ?? '');
  }
  // "in 3 files", within another text.
  return tTold(part).replace(/\b(\d+) files?\b/g, (_, count: string) =>
    count === '1' ? t('1 file') : t('{count} files', { count: here(count) }),
  );
}
