/** A separate data folder for a benchmark's runs, so that they don't mix with the user's runs. */
import { mkdir, symlink } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { cacheDir, modelsDir, runtimeDir } from '../src/platform/files/paths.ts';

/** Makes `home`, with links to the user's runtime, cache and models, to avoid downloading and scoring again. */
export async function makeOwnHome(home: string): Promise<void> {
  await mkdir(home, { recursive: true });
  for (const shared of [runtimeDir(), cacheDir(), modelsDir()]) {
    await mkdir(shared, { recursive: true });
    const link = join(home, basename(shared));
    if (!existsSync(link)) await symlink(shared, link, 'junction');
  }
}
