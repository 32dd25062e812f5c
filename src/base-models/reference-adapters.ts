/**
 * Reference adapters: what a base gains from training on raw code and on fill-in-the-middle prompts like ours, whatever
 * the repository. They ship with this program and are made by bench/reference-adapter.ts, which lists the training
 * data.
 */
import { join } from 'node:path';
import { examine } from './checksums.ts';

export interface ReferenceAdapter {
  /** SHA-256 of the base that it was trained on. */
  base: string;
  /** Its name in media/reference. */
  file: string;
  sha256: string;
  rank: number;
}

export const referenceAdapters: readonly ReferenceAdapter[] = [
  {
    base: '1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32',
    file: 'qwen2.5-coder-0.5b.gguf',
    sha256: 'a2a22a74b19d0cc6a77f3b9a5de455ccd8ae649bac6a6fc63033ed533636d160',
    rank: 8,
  },
];

export const knownReferenceAdapter = (base: { sha256: string }): ReferenceAdapter | undefined =>
  referenceAdapters.find((adapter) => adapter.base === base.sha256);

/**
 * The path of a base's reference adapter in `dir` (a media/reference folder), with its checksum verified; undefined if
 * the base has none. Calls `onDamaged` with the path of one that is missing or has the wrong checksum.
 */
export async function findReferenceAdapter(
  base: { sha256: string },
  dir: string,
  onDamaged: (path: string) => void,
): Promise<string | undefined> {
  const known = knownReferenceAdapter(base);
  if (!known) return undefined;
  const path = join(dir, known.file);
  const found = await examine(path).catch(() => undefined);
  if (found?.sha256 === known.sha256) return path;
  onDamaged(path);
  return undefined;
}
