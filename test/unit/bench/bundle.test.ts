import { realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { withBundle } from '../../../scripts/bundle.mjs';

it('finds the bundles, packages and assets of the processes from a bench as from the sources', async () => {
  await withBundle(['src/platform/processes/bundles.ts', 'src/llama-cpp/llama.ts'], async (dir: string) => {
    const load = (name: string) => import(pathToFileURL(join(dir, name)).href);
    const { bundlePath } = (await load('bundles.mjs')) as { bundlePath(name: string): string };
    expect(realpathSync(dirname(bundlePath('scorer-worker')))).toBe(resolve('dist'));
    const { packageRoot } = (await load('llama.mjs')) as { packageRoot(): string };
    expect(realpathSync(join(packageRoot(), 'node_modules'))).toBe(resolve('node_modules'));
  });
});
