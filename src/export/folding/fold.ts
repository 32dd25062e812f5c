/**
 * Makes the folded copy of an adapter on its base, if it is of use: it has to give the adapter's distributions, in less
 * time than the adapter on its base takes here.
 */
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { judge, QUANTISED_LIMIT, servedRows } from '../check-export.ts';
import { CHECK_TOKENS, SAMPLE } from '../check-text.ts';
import { openTokenizer } from '../../llama-cpp/tokenizer.ts';
import { freeSpace } from '../../platform/files/disk.ts';
import { openGguf } from '../../gguf/index.ts';
import { exportAdapterGguf, readAdapterGguf, type Adapter } from '../../weights/adapter.ts';
import { exportFoldedGguf, partsToFold } from '../../weights/fold.ts';
import { storeCopy, type CopyInfo, type CopyMeasurement } from '../../serving/folding/copies.ts';
import { MAX_BUSY_PROCESSORS } from '../../platform/machine/machine-load.ts';
import { availableMemory } from '../../platform/machine/available-memory.ts';
import { timeBoth } from './time-both.ts';

export interface FoldOptions {
  base: string;
  adapter: string;
  /** Threads with which the copy will be used. */
  threads: number;
  signal?: AbortSignal | undefined;
  /** How long both take; for tests. */
  time?: typeof timeBoth;
}

/** What a copy has to save of a token's time to be worth its place. */
const GAIN = 0.95;
/** Reading a prompt may take no longer. */
const PROMPT = 1.02;
/** The copy may differ from the adapter on its base by this share of what the adapter changes. */
const LOST = 0.1;
/** Nats per token that rounding alone makes; where the adapter changes little, the copy may differ by as much. */
const ROUNDING = 1e-3;
/** In sizes of the base: the copy's file, and what is in memory while both are timed. */
const [DISK, MEMORY] = [2, 2.5];

/** Makes and keeps the copy, or notes why there is none. Throws like openGguf, readAdapterGguf and openLlamaHost. */
export function foldCopy({
  base,
  adapter,
  threads,
  signal,
  time = timeBoth,
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
    const { adapted, copy, othersBusy } = await time([base, adapter], [files.model, rest], threads, signal);
    const [tokenTime, promptTime] = [copy.token / adapted.token, copy.prompt / adapted.prompt];
    if (othersBusy > MAX_BUSY_PROCESSORS) throw new Error('Other programs are at work, so times say little.');
    const worth = tokenTime <= GAIN && promptTime <= PROMPT;
    return {
      ...(!worth && { unfit: 'it is not faster' }),
      ...{ meanKl, change, tokenTime, promptTime },
    };
  });
}

/** The adapter's layers; unfit if most of its rows, which is what costs time, would stay beside the copy. */
async function readParts(
  basePath: string,
  adapterPath: string,
): Promise<(Adapter & ReturnType<typeof partsToFold>) | { unfit: string }> {
  const base = await openGguf(basePath);
  try {
    const adapter = await readAdapterGguf(adapterPath, base);
    const parts = partsToFold(base, adapter.layers);
    const rows = (layers: Adapter['layers']) => layers.reduce((sum, { out }) => sum + out, 0);
    if (rows(parts.folded) < rows(parts.beside)) return { unfit: 'the numbers of the base are too coarse' };
    return { ...adapter, ...parts };
  } finally {
    await base.close();
  }
}

/** Throws an Error, and then nothing is noted: there may be room another time. */
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
  const tokenizer = await openTokenizer(base);
  const tokens = tokenizer.encode(SAMPLE).slice(0, CHECK_TOKENS);
  await tokenizer.dispose();
  const now = await servedRows(base, adapter, tokens, signal);
  const then = await servedRows(copy, beside, tokens, signal);
  const { meanKl, change, ok } = judge(
    { trained: now.adapted, base: now.model, written: then.adapted },
    QUANTISED_LIMIT,
  );
  const lost = Math.max(LOST * change, Math.min(ROUNDING, change / 2));
  return { meanKl, change, ok: ok && meanKl <= lost };
}
