/**
 * Makes a folded copy of a base with an adapter, if it is useful: it must reproduce the adapter's distributions, and be
 * faster than the adapter on its base on this machine.
 */
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { judge, QUANTISED_LIMIT, servedRows } from '../check-export.ts';
import { sampleTokens } from '../check-text.ts';
import { freeSpace } from '../../platform/files/disk.ts';
import { withGguf } from '../../gguf/index.ts';
import { exportAdapterGguf, readAdapterGguf, type Adapter } from '../../weights/adapter.ts';
import { exportFoldedGguf, partsToFold } from '../../weights/fold.ts';
import { storeCopy, type CopyInfo, type CopyMeasurement } from '../../serving/folding/copies.ts';
import { MAX_BUSY_PROCESSORS } from '../../platform/machine/machine-load.ts';
import { availableMemory } from '../../platform/machine/available-memory.ts';
import { timeModels } from './time-models.ts';

export interface FoldOptions {
  base: string;
  adapter: string;
  /** Number of threads the copy will be used with. */
  threads: number;
  signal?: AbortSignal | undefined;
  /** Replaces the timing in tests. */
  time?: typeof timeModels;
}

/** Highest relative time per token at which a copy is worth its disk space. */
const MAX_TOKEN_TIME = 0.95;
/** Highest relative time to read a prompt. */
const MAX_PROMPT_TIME = 1.02;
/** The copy may differ from the adapter on its base by this fraction of the adapter's change. */
const MAX_LOSS_SHARE = 0.1;
/**
 * Difference, in nats per token, caused by rounding alone; if the adapter changes little, the copy may differ by as
 * much.
 */
const ROUNDING = 1e-3;
/** Required disk space and memory (while both are timed), as multiples of the base's size. */
const [DISK, MEMORY] = [2, 2.5];

/** Makes and keeps the copy, or records why there is none. Throws like openGguf, readAdapterGguf and openLlamaHost. */
export function foldCopy({
  base,
  adapter,
  threads,
  signal,
  time = timeModels,
}: FoldOptions): Promise<CopyInfo> {
  return storeCopy(base, adapter, async (files): Promise<CopyMeasurement> => {
    const parts = await readParts(base, adapter);
    if ('unfit' in parts) return parts;
    const { alpha, folded, beside, architecture } = parts;
    await requireRoom(base, dirname(files.model));
    await exportFoldedGguf(files.model, base, { alpha, layers: folded }, signal);
    if (beside.length > 0) await exportAdapterGguf(files.beside, { architecture, alpha, layers: beside });
    const rest = beside.length > 0 ? files.beside : undefined;
    const { meanKl, change, ok } = await compare(base, adapter, files.model, rest, signal);
    if (!ok) return { unfit: 'it differs', meanKl, change };
    const { adapted, copy, otherLoad } = await time([base, adapter], [files.model, rest], threads, signal);
    const [tokenTime, promptTime] = [copy.token / adapted.token, copy.prompt / adapted.prompt];
    if (otherLoad > MAX_BUSY_PROCESSORS) throw new Error('Other programs are at work, so times say little.');
    const isFaster = tokenTime <= MAX_TOKEN_TIME && promptTime <= MAX_PROMPT_TIME;
    return {
      ...(!isFaster && { unfit: 'it is not faster' }),
      meanKl,
      change,
      tokenTime,
      promptTime,
    };
  });
}

/** Splits the adapter's layers; unfit if most of its rows, which determine the cost, would stay outside the copy. */
async function readParts(
  basePath: string,
  adapterPath: string,
): Promise<(Adapter & ReturnType<typeof partsToFold>) | { unfit: string }> {
  return withGguf(basePath, async (base) => {
    const adapter = await readAdapterGguf(adapterPath, base);
    const parts = partsToFold(base, adapter.layers);
    const rows = (layers: Adapter['layers']) => layers.reduce((sum, { out }) => sum + out, 0);
    if (rows(parts.folded) < rows(parts.beside)) return { unfit: 'the numbers of the base are too coarse' };
    return { ...adapter, ...parts };
  });
}

/** Throws an Error, so that nothing is recorded: there may be room another time. */
async function requireRoom(base: string, dir: string): Promise<void> {
  const { size } = await stat(base);
  if ((await freeSpace(dir)) < DISK * size)
    throw new Error(`There is no room on the disk for a copy of ${base}.`);
  if ((await availableMemory()) < MEMORY * size) throw new Error(`There is no memory for a copy of ${base}.`);
}

async function compare(
  base: string,
  adapter: string,
  copy: string,
  beside: string | undefined,
  signal?: AbortSignal,
): Promise<{ meanKl: number; change: number; ok: boolean }> {
  const tokens = await sampleTokens(base);
  const reference = await servedRows(base, adapter, tokens, signal);
  const folded = await servedRows(copy, beside, tokens, signal);
  const { meanKl, change, ok } = judge(
    { trained: reference.adapted, base: reference.model, written: folded.adapted },
    QUANTISED_LIMIT,
  );
  const allowedLoss = Math.max(MAX_LOSS_SHARE * change, Math.min(ROUNDING, change / 2));
  return { meanKl, change, ok: ok && meanKl <= allowedLoss };
}
