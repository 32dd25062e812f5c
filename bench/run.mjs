// `node bench/run.mjs NAME [ARGUMENTS]` calls `main(ARGUMENTS)` of bench/NAME.ts, or of the TypeScript file NAME.ts.
import { basename, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, ensureDependencies, ensureNativeTools } from '../scripts/setup.mjs';
import { withBundle } from '../scripts/bundle.mjs';

const [name, ...args] = process.argv.slice(2);
const file = name.endsWith('.ts') ? name : `bench/${name}.ts`;
// With --json, only the figures go to standard output.
const { log } = console;
if (args.includes('--json')) console.log = console.error;
await ensureDependencies();
await ensureNativeTools();
await build();
console.log = log;
try {
  await withBundle([fileURLToPath(new URL(`../${file}`, import.meta.url))], async (dir) => {
    const { main } = await import(pathToFileURL(join(dir, basename(file).replace(/ts$/, 'mjs'))));
    await main(args);
  });
} catch (error) {
  console.error([error.message, error.next].filter(Boolean).join(' '));
  process.exitCode = 1;
}
