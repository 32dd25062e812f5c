// Prebuilds TensorFlow's Node binding for a package, so that users need no compiler. Run as a script, it builds the
// bindings of all packages into the cache.
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { withBundle } from './bundle.mjs';
import { targets } from './platform-packages.mjs';
import { root } from './setup.mjs';

/** @returns {Promise<string | undefined>} its path; undefined for a platform without TensorFlow */
export async function prebuiltBinding(target) {
  const [platform, arch] = target.split('-');
  if (platform !== 'linux') return undefined;
  const native = join(root, 'dist/native');
  return withBundle([join(root, 'src/tensor/runtime/prebuild.ts')], async (dir) => {
    const { prebuildBinding } = await import(pathToFileURL(join(dir, 'prebuild.mjs')));
    const sources = { root: native, nodeApi: join(native, 'node-api'), kernels: join(native, 'kernels') };
    return prebuildBinding(arch, sources, (what) => console.error(what));
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  for (const target of Object.keys(targets)) await prebuiltBinding(target);
