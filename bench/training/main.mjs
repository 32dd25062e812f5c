// `npm run bench:training`: installs what it needs, bundles the benchmark into a temporary folder and runs it there.
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, ensureDependencies, ensureNativeTools, run } from '../../scripts/setup.mjs';
import { withBundle } from '../../scripts/bundle.mjs';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
// With --json, only the figures go to standard output.
if (process.argv.includes('--json')) console.log = console.error;

await ensureDependencies();
const stop = new AbortController();
process.once('SIGINT', () => stop.abort());
process.once('SIGTERM', () => stop.abort());
try {
  await withBundle([here('driver.ts'), here('product.ts')], async (dir) => {
    const { main } = await import(pathToFileURL(join(dir, 'driver.mjs')));
    await main(process.argv.slice(2), {
      dir,
      product: join(dir, 'product.mjs'),
      pytorch: here('pytorch.py'),
      requirements: here('requirements.txt'),
      signal: stop.signal,
      async installRuntime() {
        await ensureNativeTools();
        await build();
        const onLine = (line) => console.error(line);
        await run(process.execPath, ['dist/cli.mjs', 'runtime', 'install', '--yes'], { onLine });
      },
    });
  });
} catch (error) {
  console.error([error.message, error.next].filter(Boolean).join(' '));
  process.exitCode = 1;
}
