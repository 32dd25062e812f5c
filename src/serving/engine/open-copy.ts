/** Opens the folded copy of an adapter, which answers sooner than the adapter on its base. */
import { loadLlamaModel } from '../../base-models/llama.ts';
import type { AdapterFile, FoldedCopies } from '../host-types.ts';
import type { Loaded } from './loaded.ts';
import { isOutOfMemory } from './place-base.ts';

export interface OpenCopy {
  path: string;
  bytes: number;
  loaded: Loaded;
  /** What the copy could not take. */
  beside: AdapterFile | undefined;
}

/**
 * Undefined if there is none, no room for it, or if it can't be loaded. It was written from a base that was checked,
 * and has its vocabulary, which would take a second to read again. `room`: bytes.
 */
export async function openCopy(
  folded: FoldedCopies,
  adapter: AdapterFile,
  { vocabulary }: Loaded,
  room: number,
): Promise<OpenCopy | undefined> {
  const found = await folded.find(adapter).catch(() => undefined);
  if (!found || found.bytes > room) return undefined;
  try {
    const model = await loadLlamaModel({ path: found.model });
    const beside = found.beside === undefined ? undefined : { name: adapter.name, path: found.beside };
    return { path: found.model, bytes: found.bytes, loaded: { model, vocabulary }, beside };
  } catch (error) {
    await giveUp(folded, adapter, error);
    return undefined;
  }
}

/** After a copy could not be used: it is deleted, unless only memory was short. */
export async function giveUp(folded: FoldedCopies, adapter: AdapterFile, error: unknown): Promise<void> {
  const { cause = error } = error as Error;
  if (!isOutOfMemory(cause)) await folded.remove(adapter).catch(() => undefined);
}
