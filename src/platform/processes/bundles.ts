/** Where the bundles of other processes are. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Path of `name`.mjs: beside the bundle that runs; when run from source (vitest), in the repository's dist. */
export function bundlePath(name: string): string {
  const beside = fileURLToPath(new URL(`./${name}.mjs`, import.meta.url));
  return existsSync(beside) ? beside : fileURLToPath(new URL(`../../../dist/${name}.mjs`, import.meta.url));
}
