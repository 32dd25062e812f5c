import { copyFile, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { findReferenceAdapter, referenceAdapters } from '../../../src/base-models/reference-adapters.ts';
import { knownBases } from '../../../src/base-models/registry.ts';
import { dataDir } from '../../../src/platform/files/paths.ts';
import { readAdapterGguf } from '../../../src/weights/index.ts';
import { ownHome } from '../../support/own-home.ts';

const MEDIA = 'media/reference';
ownHome();

it.each(referenceAdapters)('$file is for a known base, complete and small', async ({ base, file, rank }) => {
  expect(knownBases.map(({ sha256 }) => sha256)).toContain(base);
  const path = join(MEDIA, file);
  const { layers, baseSha256 } = await readAdapterGguf(path);
  expect(baseSha256).toBe(base);
  expect(new Set(layers.map((layer) => layer.rank))).toEqual(new Set([rank]));
  expect((await stat(path)).size).toBeLessThan(12e6);
  const damaged = vi.fn();
  expect(await findReferenceAdapter({ sha256: base }, MEDIA, damaged)).toBe(path);
  expect(damaged).not.toHaveBeenCalled();
});

it('goes without one that is missing or damaged, and says which', async () => {
  const [{ base, file }] = referenceAdapters as [(typeof referenceAdapters)[number]];
  const [damaged, home] = [vi.fn(), dataDir()];
  const find = () => findReferenceAdapter({ sha256: base }, home, damaged);
  expect(await find()).toBeUndefined();
  await copyFile(join(MEDIA, file), join(home, file));
  await truncate(join(home, file), 1000);
  expect(await find()).toBeUndefined();
  expect(damaged.mock.calls).toEqual([[join(home, file)], [join(home, file)]]);
});

it('has none for another base', async () => {
  const damaged = vi.fn();
  expect(await findReferenceAdapter({ sha256: 'ab'.repeat(32) }, MEDIA, damaged)).toBeUndefined();
  expect(damaged).not.toHaveBeenCalled();
});
