// `npm run bench:scale [-- --json]`: bundles the simulation into a temporary folder and runs it there.
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ensureDependencies } from '../../scripts/setup.mjs';
import { withBundle } from '../../scripts/bundle.mjs';

// With --json, only the figures go to standard output.
const { log } = console;
if (process.argv.includes('--json')) console.log = console.error;
await ensureDependencies();
console.log = log;
await withBundle([fileURLToPath(new URL('../scale.ts', import.meta.url))], async (dir) => {
  const { main } = await import(pathToFileURL(join(dir, 'scale.mjs')));
  main(process.argv.slice(2));
});
