// `node bench/run.mjs NAME [ARGUMENTS]` calls `main(ARGUMENTS)` of bench/NAME.ts, or of the TypeScript file NAME.ts.
// If bench/NAME/process.ts exists, it is bundled next to it as process.mjs, for a separate process.
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, ensureCompiler, ensureDependencies, ensurePython } from '../scripts/setup.mjs';
import { linkGpuPackages } from '../scripts/platform-packages.mjs';
import { withBundle } from '../scripts/bundle.mjs';

const [name, ...args] = process.argv.slice(2);
const file = name.endsWith('.ts') ? name : `bench/${name}.ts`;
const entries = [file, `bench/${name}/process.ts`]
  .map((path) => fileURLToPath(new URL(`../${path}`, import.meta.url)))
  .filter((path) => existsSync(path));
// With --json, only the results go to standard output.
const { log } = console;
if (args.includes('--json')) console.log = console.error;
await ensureDependencies();
await ensureCompiler();
await ensurePython();
if (name === 'webgpu') await linkGpuPackages();
await build();
console.log = log;
try {
  await withBundle(entries, async (dir) => {
    const { main } = await import(pathToFileURL(join(dir, `${basename(file, '.ts')}.mjs`)));
    await main(args);
  });
} catch (error) {
  console.error([error.message, error.next].filter(Boolean).join(' '));
  process.exitCode = 1;
}
