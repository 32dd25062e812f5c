/** Opens the folded copy of an adapter, which answers sooner than the adapter on its base. */
import type { LlamaModel } from 'node-llama-cpp';
import { loadUntried } from '../../llama-cpp/llama.ts';
import { availableMemory } from '../../platform/machine/available-memory.ts';
import type { AdapterFile, FoldedCopies } from '../host-types.ts';
import { endedWith, whileMarked } from './crash-mark.ts';
import type { Loaded } from './loaded.ts';
import { isOutOfMemory } from './place-base.ts';

/** Memory that has to be free besides the copy: its context, and what others take meanwhile. */
const MARGIN = 256e6;

export interface OpenCopy {
  path: string;
  bytes: number;
  loaded: Loaded;
  /** What the copy could not take. */
  beside: AdapterFile | undefined;
}

/**
 * What `open` makes of the copy. Undefined if there is none, no room for it, if it can't be opened, or if a server ended
 * while it opened it, probably for lack of memory. It was written from a base that was checked, and has its vocabulary,
 * which would take a second to read again. `room`: bytes.
 */
export async function openCopy<T>(
  folded: FoldedCopies,
  adapter: AdapterFile,
  base: Loaded,
  room: number,
  open: (copy: OpenCopy) => Promise<T>,
): Promise<T | undefined> {
  const found = await folded.find(adapter).catch(() => undefined);
  if (!found || found.bytes > Math.min(room, (await availableMemory()) - MARGIN)) return undefined;
  const mark = `${found.model}.opening`;
  if (await endedWith(mark)) return undefined;
  return whileMarked(mark, async () => {
    let model: LlamaModel | undefined;
    try {
      // Its maker, a process of its own, has opened it, and it is as it was then (folding/copies.ts).
      model = await loadUntried({ path: found.model });
      const beside = found.beside === undefined ? undefined : { name: adapter.name, path: found.beside };
      return await open({ path: found.model, bytes: found.bytes, loaded: { ...base, model }, beside });
    } catch (error) {
      await model?.dispose();
      // It is of no use, unless only memory was short.
      const { cause = error } = error as Error;
      if (!isOutOfMemory(cause)) await folded.remove(adapter).catch(() => undefined);
      return undefined;
    }
  });
}
