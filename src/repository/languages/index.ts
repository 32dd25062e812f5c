import { fileExtension } from '../../corpus/names.ts';
import { cpp } from './c.ts';
import { csharp } from './csharp.ts';
import { go } from './go.ts';
import { java } from './java.ts';
import type { IndexedLanguage } from './language.ts';
import { php } from './php.ts';
import { python } from './python.ts';
import { ruby } from './ruby.ts';
import { rust } from './rust.ts';
import { script } from './script.ts';

export type { IndexedLanguage } from './language.ts';

/** All that can be indexed. */
export const indexedLanguages: readonly IndexedLanguage[] = [
  python,
  ...script,
  go,
  rust,
  java,
  cpp,
  csharp,
  ruby,
  php,
];

const byExtension = new Map(
  indexedLanguages.flatMap((language) => language.extensions.map((name) => [name, language])),
);

/** The language of a file, by its extension; undefined if it is not indexed. */
export const indexedLanguageOf = (path: string): IndexedLanguage | undefined =>
  byExtension.get(fileExtension(path));
