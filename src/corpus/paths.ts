/** The files of a corpus directory. */
import { join } from 'node:path';
import type { Split } from './manifest.ts';

const filePrefix = (split: Split) => (split === 'train' ? 'train' : 'heldout');

export const manifestPath = (dir: string) => join(dir, 'manifest.jsonl');
export const summaryPath = (dir: string) => join(dir, 'summary.json');
/** int32 each. */
export const tokensPath = (dir: string, split: Split) => join(dir, `${filePrefix(split)}.tokens`);
/** One byte per token: 1 if it is learned. Absent if all are. */
export const learnedPath = (dir: string, split: Split) => join(dir, `${filePrefix(split)}.learned`);
/**
 * Pairs of int32: where a range of tokens begins, and its weight in training in thousandths. Absent if all are 1000.
 */
export const weightsPath = (dir: string) => join(dir, 'train.weights');
/** int32: where each document begins. */
export const startsPath = (dir: string, split: Split) => join(dir, `${filePrefix(split)}.starts`);
