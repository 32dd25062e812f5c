/** Before an adapter is offered: is it what it says, and does it belong to this base? */
import { access } from 'node:fs/promises';
import { examine } from '../../base-models/checksums.ts';
import type { ModelFile } from '../../base-models/llama.ts';
import { readAdapterGguf } from '../../weights/index.ts';
import { UserError } from '../../protocol/errors.ts';

/**
 * How many matrices the adapter changes. Throws UserError `adapter-damaged` for what is no whole GGUF LoRA adapter,
 * `adapter-mismatch` for one that was made for another base: by its shapes, or by the base's sha256 where the adapter
 * names one. The message names both.
 */
export async function checkAdapter(path: string, base: ModelFile): Promise<number> {
  if (!(await exists(path)))
    throw new UserError(
      'adapter-damaged',
      `There is no adapter file ${path}.`,
      'Check the path, or export the adapter again from its run.',
    );
  const { layers, baseSha256 } = await readAdapterGguf(path, base);
  if (!baseSha256) return layers.length;
  const actual = (await examine(base.path)).sha256;
  if (baseSha256 === actual) return layers.length;
  throw new UserError(
    'adapter-mismatch',
    `The adapter ${path} was trained on another base (sha256 ${baseSha256.slice(0, 12)}) than ${base.path} (${actual.slice(0, 12)}).`,
    'Use it with the base that it was trained on.',
  );
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );
