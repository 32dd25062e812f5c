// `npm run bench:training`: gets what it needs, bundles the benchmark into a temporary folder and runs it from there.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build as buildProduct, ensureDependencies, ensureNativeTools, run } from '../../scripts/setup.mjs';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
// With --json standard output is the figures' alone.
if (process.argv.includes('--json')) console.log = console.error;

await ensureDependencies();
const { build } = await import('esbuild');
const dir = await mkdtemp(join(tmpdir(), 'forget-me-not-bench-'));
const stop = new AbortController();
process.once('SIGINT', () => stop.abort());
process.once('SIGTERM', () => stop.abort());
try {
  await build({
    entryPoints: [here('driver.ts'), here('product.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    outdir: dir,
    outExtension: { '.js': '.mjs' },
    external: ['node-llama-cpp', 'pyodide'],
    logLevel: 'warning',
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  });
  const { main } = await import(pathToFileURL(join(dir, 'driver.mjs')));
  await main(process.argv.slice(2), {
    dir,
    product: join(dir, 'product.mjs'),
    pytorch: here('pytorch.py'),
    requirements: here('requirements.txt'),
    signal: stop.signal,
    async installRuntime() {
      await ensureNativeTools();
      await buildProduct();
      const onLine = (line) => console.error(line);
      await run(process.execPath, ['dist/cli.mjs', 'runtime', 'install', '--yes'], { onLine });
    },
  });
} catch (error) {
  console.error([error.message, error.next].filter(Boolean).join(' '));
  process.exitCode = 1;
} finally {
  await rm(dir, { recursive: true, force: true });
}
