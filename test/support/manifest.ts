/** package.json as VS Code shows it: a text that is a `%key%` is replaced by that key's text in package.nls*.json. */
import { readFileSync } from 'node:fs';

export const translations = ['de', 'zh-cn'] as const;
/** English is in package.nls.json, which VS Code also uses for languages without a file. */
export type Language = 'en' | (typeof translations)[number];

export const textsIn = (language: Language): Record<string, string> =>
  JSON.parse(readFileSync(`package.nls${language === 'en' ? '' : `.${language}`}.json`, 'utf8')) as Record<
    string,
    string
  >;

/** What the extension shows at run time: each English text and its translation. */
export const bundleIn = (language: (typeof translations)[number]): Record<string, string> =>
  JSON.parse(readFileSync(`l10n/bundle.l10n.${language}.json`, 'utf8')) as Record<string, string>;

/** The key of a text that consists of a key, as VS Code looks it up; else undefined. */
export const keyOf = (text: string): string | undefined => /^%(.+)%$/.exec(text)?.[1];

/** @throws if a key has no text in that language */
export function manifestIn<Manifest>(language: Language): Manifest {
  const texts = textsIn(language);
  return JSON.parse(readFileSync('package.json', 'utf8'), (_, value: unknown) => {
    const key = typeof value === 'string' && keyOf(value);
    if (!key) return value;
    if (!(key in texts)) throw new Error(`No text for %${key}% in ${language}.`);
    return texts[key];
  }) as Manifest;
}
