/** Opens the folded copy of an adapter, which is faster than the adapter on its base. */
import type { LlamaModel } from 'node-llama-cpp';
import { loadWithoutTrial } from '../../llama-cpp/llama.ts';
import { availableMemory } from '../../platform/machine/available-memory.ts';
import type { AdapterFile, FoldedCopies } from '../host-types.ts';
import { hasCrashedWith, withMark } from './crash-mark.ts';
import type { LoadedModel } from './load-model.ts';
import { isOutOfMemory } from './place-base.ts';

/** Memory that has to be free besides the copy: for its context, and for other programs meanwhile. */
const MARGIN = 256e6;

export interface OpenCopy {
  path: string;
  bytes: number;
  loaded: LoadedModel;
  /** What could not be merged into the copy. */
  residualAdapter: AdapterFile | undefined;
}

/**
 * Returns the result of `open` for the copy. Undefined if there is none, if it doesn't fit or can't be opened, or if a
 * server crashed opening it, probably for lack of memory. The copy reuses the vocabulary of its base, which would take
 * a second to read again. `room`: bytes.
 */
export async function openCopy<T>(
  folded: FoldedCopies,
  adapter: AdapterFile,
  base: LoadedModel,
  room: number,
  open: (copy: OpenCopy) => Promise<T>,
): Promise<T | undefined> {
  const copy = await folded.find(adapter).catch(() => undefined);
  if (!copy || copy.bytes > Math.min(room, (await availableMemory()) - MARGIN)) return undefined;
  const mark = `${copy.model}.opening`;
  if (await hasCrashedWith(mark)) return undefined;
  return withMark(mark, async () => {
    let model: LlamaModel | undefined;
    try {
      // The process that made it has opened it, and it is unchanged (folding/copies.ts).
      model = await loadWithoutTrial({ path: copy.model });
      const residualAdapter =
        copy.residualAdapter === undefined ? undefined : { name: adapter.name, path: copy.residualAdapter };
      return await open({ path: copy.model, bytes: copy.bytes, loaded: { ...base, model }, residualAdapter });
    } catch (error) {
      await model?.dispose();
      // The copy is useless, unless memory was the only problem.
      if (!isOutOfMemory(error)) await folded.remove(adapter).catch(() => undefined);
      return undefined;
    }
  });
}
