/** Users who publish and fetch, each with a separate data directory. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, vi } from 'vitest';
import { examine } from '../../../src/base-models/checksums.ts';
import type { RunSpec } from '../../../src/protocol/run.ts';
import { readRun } from '../../../src/runs/index.ts';
import { packRun, type PackOptions } from '../../../src/sharing/pack.ts';
import { fetchAdapter, findPublished, type PublishedReference } from '../../../src/sharing/fetch-adapter.ts';
import type { Store } from '../../../src/sharing/stores/store.ts';
import { makeSharedRun } from '../../support/shared-run.ts';
import { writeTinyModel } from '../../support/tiny-model.ts';

export interface Desk {
  root: string;
  base: RunSpec['base'];
  at(...parts: string[]): string;
  /** From now on, everything happens in this user's data directory. */
  switchTo(person: string): void;
  makeRun(patch?: Partial<RunSpec>): Promise<string>;
  publish(dir: string, store: Store, asked?: Partial<PackOptions>): Promise<string>;
  fetch(store: Store, asked: Omit<PublishedReference, 'store'>): ReturnType<typeof fetchAdapter>;
}

export function useDesk(): Desk {
  const desk = { root: '' } as Desk;
  desk.at = (...parts) => join(desk.root, ...parts);
  desk.switchTo = (person) => void vi.stubEnv('FORGET_ME_NOT_HOME', desk.at(person));
  desk.makeRun = (patch) => makeSharedRun(desk.base, desk.at, patch);
  desk.publish = async (dir, store, asked = {}) => {
    const folder = await mkdtemp(desk.at('packing-'));
    const version = ((await store.versions(asked.name ?? 'demo')).at(-1) ?? 0) + 1;
    // The run's files in the real one.
    const writeReport = async (from: string, to: string) =>
      writeFile(to, JSON.stringify(await readRun(from)));
    const packed = await packRun(dir, folder, { name: 'demo', version, writeReport, versions: {}, ...asked });
    await store.publish(packed.manifest.name, version, packed.files, {});
    return packed.sha256;
  };
  desk.fetch = async (store, asked) =>
    fetchAdapter(store, await findPublished({ store, ...asked }), { base: desk.base, versions: {} });
  beforeAll(async () => {
    desk.root = await mkdtemp(join(tmpdir(), 'fmn-sharing-'));
    desk.switchTo('alice');
    await writeTinyModel(desk.at('base.gguf'), { seed: 1 });
    desk.base = { id: 'tiny', ...(await examine(desk.at('base.gguf'))) };
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await rm(desk.root, { recursive: true, force: true });
  });
  return desk;
}

/** All texts below a folder, concatenated. */
export async function allTexts(folder: string): Promise<string> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  return (await Promise.all(files.map((path) => readFile(path, 'latin1')))).join('\n');
}
