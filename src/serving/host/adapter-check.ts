/** Checks that an adapter is complete and fits the base before it is served. */
import { examine } from '../../base-models/checksums.ts';
import type { ModelFile } from '../../llama-cpp/llama.ts';
import { readAdapterGguf } from '../../weights/index.ts';
import { exists } from '../../platform/files/exists.ts';
import { msg, UserError, reasonOf } from '../../text/errors.ts';
import type { AdapterFile } from '../host-types.ts';

/**
 * Returns how many matrices the adapter changes. Throws UserError `adapter-damaged` if the file is not a complete
 * GGUF LoRA adapter, `adapter-mismatch` if it was made for another base: judged by its shapes, and by the base's
 * SHA-256 if the adapter contains one. The message names both.
 */
export async function checkAdapter(path: string, base: ModelFile): Promise<number> {
  if (!(await exists(path)))
    throw new UserError(
      'adapter-damaged',
      msg`There is no adapter file ${path}.`,
      msg`Check the path, or export the adapter again from its run.`,
    );
  const { layers, baseSha256 } = await readAdapterGguf(path, base);
  if (!baseSha256) return layers.length;
  const actual = (await examine(base.path)).sha256;
  if (baseSha256 === actual) return layers.length;
  throw new UserError(
    'adapter-mismatch',
    msg`The adapter ${path} was trained on another base (sha256 ${baseSha256.slice(0, 12)}) than ${base.path} (${actual.slice(0, 12)}).`,
    msg`Use it with the base that it was trained on.`,
  );
}

/** The error for an adapter that passed our checks but that llama.cpp refuses. */
export function loadError({ name, path }: AdapterFile, error: unknown): UserError {
  return new UserError(
    'adapter-damaged',
    msg`llama.cpp could not load the adapter "${name}" (${path}): ${reasonOf(error)}.`,
    msg`Export it again from its run.`,
    { cause: error },
  );
}
