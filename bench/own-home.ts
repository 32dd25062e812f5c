/** A data folder of its own for a benchmark's runs, so that they neither see nor are seen by the person's. */
import { mkdir, symlink } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { cacheDir, modelsDir, runtimeDir } from '../src/protocol/paths.ts';

/** What was downloaded and scored before is shared. */
export async function makeOwnHome(home: string): Promise<void> {
  for (const shared of [runtimeDir(), cacheDir(), modelsDir()]) {
    await mkdir(shared, { recursive: true });
    const link = join(home, basename(shared));
    if (!existsSync(link)) await symlink(shared, link, 'junction');
  }
}
