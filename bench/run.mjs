// `node bench/run.mjs NAME [ARGUMENTS]` runs bench/NAME.ts: its `main` gets the arguments.
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, ensureDependencies, ensureNativeTools } from '../scripts/setup.mjs';
import { withBundle } from './bundle.mjs';

const [name, ...args] = process.argv.slice(2);
await ensureDependencies();
await ensureNativeTools();
await build();
try {
  await withBundle([fileURLToPath(new URL(`${name}.ts`, import.meta.url))], async (dir) => {
    const { main } = await import(pathToFileURL(join(dir, `${name}.mjs`)));
    await main(args);
  });
} catch (error) {
  console.error([error.message, error.next].filter(Boolean).join(' '));
  process.exitCode = 1;
}
