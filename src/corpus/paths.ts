/** The files of a corpus directory. */
import { join } from 'node:path';
import type { Split } from './manifest.ts';

const nameOf = (split: Split) => (split === 'train' ? 'train' : 'heldout');

export const manifestPath = (dir: string) => join(dir, 'manifest.jsonl');
export const summaryPath = (dir: string) => join(dir, 'summary.json');
/** int32 each. */
export const tokensPath = (dir: string, split: Split) => join(dir, `${nameOf(split)}.tokens`);
/** A byte each: 1 for what is learned. Not there when everything is. */
export const learnedPath = (dir: string, split: Split) => join(dir, `${nameOf(split)}.learned`);
/** int32 in pairs: where a run of tokens begins, and how much it counts in training, in thousandths. Only where some count less. */
export const weightsPath = (dir: string) => join(dir, 'train.weights');
/** int32: where each document begins. */
export const startsPath = (dir: string, split: Split) => join(dir, `${nameOf(split)}.starts`);
