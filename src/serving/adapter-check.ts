/** Before a file is offered: is it what it says, and does the adapter belong to this base? */
import { access } from 'node:fs/promises';
import { examine } from '../base-models/checksums.ts';
import { readAdapterGguf } from '../export/index.ts';
import { openGguf } from '../gguf/index.ts';
import { UserError } from '../protocol/errors.ts';

/** Throws UserError `base-not-found`, or what openGguf throws for a file that is no whole GGUF. */
export async function checkModel(path: string): Promise<void> {
  if (!(await exists(path)))
    throw new UserError(
      'base-not-found',
      `There is no model file ${path}.`,
      'Check the path, or run {models}.',
    );
  await (await openGguf(path)).close();
}

/**
 * How many matrices the adapter changes. Throws UserError `adapter-damaged` for what is no whole GGUF LoRA adapter,
 * `adapter-mismatch` for one that was made for another base: by its shapes, or by the base's sha256 where the adapter
 * names one. The message names both.
 */
export async function checkAdapter(path: string, basePath: string): Promise<number> {
  if (!(await exists(path)))
    throw new UserError(
      'adapter-damaged',
      `There is no adapter file ${path}.`,
      'Check the path, or export the adapter again from its run.',
    );
  const base = await openGguf(basePath);
  await base.close();
  const { layers, baseSha256 } = await readAdapterGguf(path, base);
  if (!baseSha256) return layers.length;
  const actual = (await examine(basePath)).sha256;
  if (baseSha256 === actual) return layers.length;
  throw new UserError(
    'adapter-mismatch',
    `The adapter ${path} was trained on another base (sha256 ${baseSha256.slice(0, 12)}) than ${basePath} (${actual.slice(0, 12)}).`,
    'Use it with the base that it was trained on.',
  );
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );
