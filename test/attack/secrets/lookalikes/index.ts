/** All kinds of what only looks like a secret. */
import type { Kind } from '../model.ts';
import { declarations, encoded, patterns, publicKeys, urls } from './code.ts';
import { ids, numbers, versions } from './ids.ts';
import { placeholders, references } from './references.ts';
import { labels, thingNames } from './words.ts';

export const lookalikes: readonly Kind[] = [
  ...ids,
  ...numbers,
  ...versions,
  ...references,
  ...placeholders,
  ...labels,
  ...thingNames,
  ...declarations,
  ...patterns,
  ...encoded,
  ...publicKeys,
  ...urls,
];
