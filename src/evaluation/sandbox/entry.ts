/** Finds the bundles of the sandbox's process and thread. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type * as esbuild from 'esbuild';
import { removeFolder } from '../../platform/files/write-file.ts';

const HOST = 'sandbox-host.mjs';
const here = dirname(fileURLToPath(import.meta.url));

/**
 * Path of the host's bundle; the interpreter's is next to it. It is next to this bundle; when run from source (vitest),
 * it is built on first use.
 */
export async function hostEntry(): Promise<string> {
  const built = join(here, HOST);
  return existsSync(built) ? built : buildFromSource();
}

async function buildFromSource(): Promise<string> {
  const hash = createHash('sha256');
  for (const name of (await readdir(here)).sort()) hash.update(await readFile(join(here, name)));
  const cache = join(here, '..', '..', '..', 'node_modules', '.cache', 'forget-me-not');
  const folder = join(cache, `sandbox-${hash.digest('hex').slice(0, 16)}`);
  if (existsSync(folder)) return join(folder, HOST);
  const name = 'esbuild'; // A variable, so that the bundler itself is never bundled.
  const { build } = createRequire(import.meta.url)(name) as typeof esbuild;
  // By rename, because other processes may build it at the same time.
  const partial = `${folder}-${process.pid}`;
  await mkdir(partial, { recursive: true });
  await build({
    entryPoints: {
      'sandbox-host': join(here, 'host.ts'),
      'sandbox-interpreter': join(here, 'interpreter.ts'),
    },
    outdir: partial,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
  });
  await rename(partial, folder).catch(() => removeFolder(partial));
  return join(folder, HOST);
}
