/** All kinds of secret lookalikes. */
import type { Kind } from '../model.ts';
import { encoded, urls } from './data.ts';
import { declarations, patterns } from './declarations.ts';
import { idKeys } from './id-keys.ts';
import { ids } from './ids.ts';
import { labels } from './labels.ts';
import { numbers, versions } from './numbers.ts';
import { passedOn } from './passed-on.ts';
import { placeholders } from './placeholders.ts';
import { publicKeys } from './public-keys.ts';
import { references } from './references.ts';
import { standIns } from './stand-ins.ts';
import { thingNames } from './thing-names.ts';

export const lookalikes: readonly Kind[] = [
  ...ids,
  ...idKeys,
  ...numbers,
  ...versions,
  ...references,
  ...passedOn,
  ...placeholders,
  ...standIns,
  ...labels,
  ...thingNames,
  ...declarations,
  ...patterns,
  ...encoded,
  ...publicKeys,
  ...urls,
];
