// Bundles and runs benchmarks and tools that use the product's sources, since these are TypeScript.
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/**
 * Bundles each of `entryPoints` into a temporary folder, calls `body` with it, then deletes the folder. Links to dist
 * and media are placed two and three levels above it, as for the sources, which look there for other processes' bundles,
 * the backend's module and reference adapters.
 */
export async function withBundle(entryPoints, body) {
  const { build } = await import('esbuild');
  const { gitleaksPlugin } = await import('./gitleaks-rules.mjs');
  const root = await mkdtemp(join(tmpdir(), 'forget-me-not-bench-'));
  const dir = join(root, 'src', 'bench', 'bundle');
  try {
    await mkdir(dir, { recursive: true });
    await build({
      entryPoints: entryPoints.map((file) => ({ in: file, out: basename(file, '.ts') })),
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      outdir: dir,
      outExtension: { '.js': '.mjs' },
      plugins: [gitleaksPlugin],
      external: ['node-llama-cpp', 'pyodide'],
      logLevel: 'warning',
      banner: {
        js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url); import { fileURLToPath as __fileURLToPath } from 'node:url'; const __filename = __fileURLToPath(import.meta.url); const __dirname = __fileURLToPath(new URL('.', import.meta.url));",
      },
    });
    // External packages are resolved from these links.
    for (const place of [root, join(root, 'src')])
      for (const name of ['dist', 'media', 'node_modules'])
        await symlink(fileURLToPath(new URL(`../${name}`, import.meta.url)), join(place, name), 'junction');
    return await body(dir);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** Imports a TypeScript file, which Node 20 can't. Its bundle is deleted afterwards, so later dynamic imports fail. */
export const importTypeScript = (file) =>
  withBundle([file], (dir) => import(pathToFileURL(join(dir, `${basename(file, '.ts')}.mjs`)).href));
