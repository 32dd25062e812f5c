// One bundle per entry point. `node esbuild.mjs [--watch] [--minify]`
// With --watch it says when it builds and when it is done, which .vscode/tasks.json reads.
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { relative, resolve } from 'node:path';
import { build, context } from 'esbuild';
import { gitleaksPlugin, SOURCE as gitleaks } from './scripts/gitleaks-rules.mjs';
import { notices, packageOf } from './scripts/notices.mjs';

const watch = process.argv.includes('--watch');

/** zod brings its messages in fifty languages (260 kB); nothing here shows any but English. */
const englishOnly = {
  name: 'zod-english-only',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
    }));
  },
};

/** `import { z }` keeps all of zod (290 kB of it unused); the same as a namespace lets esbuild drop the rest. */
const zodShaken = {
  name: 'zod-shaken',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/](src|webview)[\\/].*\.ts$/ }, async ({ path }) => ({
      loader: 'ts',
      contents: (await readFile(path, 'utf8')).replace(
        "import { z } from 'zod';",
        "import * as z from 'zod';",
      ),
    }));
  },
};

/** The processes share one bundle of node-llama-cpp: its two hundred files took a quarter of a second to load. */
const sharedLlama = {
  name: 'shared-llama',
  setup({ onResolve }) {
    onResolve({ filter: /^node-llama-cpp$/ }, () => ({ path: './llama-cpp.mjs', external: true }));
  },
};

/** In that bundle, each file finds the package's own files as if it were still among them; they are copied. */
const llamaPlaces = {
  name: 'llama-places',
  setup({ onLoad, onResolve }) {
    // It tests a binary by starting itself, so it stays a file; and we have it do so less often.
    const testing = /[\\/]testBindingBinary\.js$/;
    onResolve({ filter: testing }, ({ kind }) =>
      kind === 'entry-point' ? undefined : { path: resolve('src/llama-cpp/binary-test.ts') },
    );
    onLoad({ filter: /[\\/]node-llama-cpp[\\/]dist[\\/].*\.js$/ }, async ({ path }) => {
      if (testing.test(path)) return undefined;
      const place = JSON.stringify(`./${relative('node_modules', path).replaceAll('\\', '/')}`);
      const code = await readFile(path, 'utf8');
      return { contents: code.replaceAll('import.meta.url', `new URL(${place}, import.meta.url).href`) };
    });
  },
};

const common = {
  bundle: true,
  plugins: [englishOnly, gitleaksPlugin],
  sourcemap: true,
  minify: process.argv.includes('--minify'),
  logLevel: 'warning',
  // The GGUF reader needs this file only, of 300 kB.
  alias: { '@huggingface/tasks': './node_modules/@huggingface/tasks/dist/esm/gguf.js' },
  target: 'node20',
  // Said in THIRD-PARTY-NOTICES.txt.
  legalComments: 'none',
  metafile: true,
};

/** Children of the extension and the command line: plain Node, ESM. */
const processes = {
  ...common,
  plugins: [...common.plugins, zodShaken, sharedLlama],
  platform: 'node',
  format: 'esm',
  outdir: 'dist',
  outExtension: { '.js': '.mjs' },
  entryPoints: {
    trainer: 'src/training/process/trainer.ts',
    'training-worker': 'src/training/process/worker.ts',
    sweeper: 'src/training/sweep/sweeper.ts',
    evaluator: 'src/evaluation/evaluator.ts',
    'scorer-worker': 'src/evaluation/scorer/worker.ts',
    spectrum: 'src/evaluation/spectrum/main.ts',
    devices: 'src/tensor/devices-main.ts',
    exporter: 'src/export/main.ts',
    'cluster-follower': 'src/cluster/main.ts',
    server: 'src/serving/http/server.ts',
    fold: 'src/export/folding/main.ts',
    'try-model': 'src/serving/host/try-model.ts',
    'chat-template': 'src/corpus/datasets/template-main.ts',
    indexer: 'src/repository/indexer.ts',
    'next-edit-finder': 'src/next-edit-finder/finder.ts',
    'sandbox-host': 'src/evaluation/sandbox/host.ts',
    'sandbox-interpreter': 'src/evaluation/sandbox/interpreter.ts',
  },
  // They find native code or assets beside themselves, and don't survive bundling. tfjs requires node-fetch only where
  // there is no fetch; with what it depends on, it is 390 kB.
  external: ['pyodide', 'node-fetch'],
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url); import { fileURLToPath as __fileURLToPath } from 'node:url'; const __filename = __fileURLToPath(import.meta.url); const __dirname = __fileURLToPath(new URL('.', import.meta.url));",
  },
};

/** The command line starts most often, so it loads a command's files only for that command. */
const cli = {
  ...processes,
  entryPoints: { cli: 'src/cli/cli.ts' },
  splitting: true,
  chunkNames: 'cli-[name]-[hash]',
};

const llama = {
  ...common,
  plugins: [llamaPlaces],
  platform: 'node',
  format: 'esm',
  outdir: 'dist',
  outExtension: { '.js': '.mjs' },
  entryPoints: {
    'llama-cpp': 'node-llama-cpp',
    testBindingBinary: 'node_modules/node-llama-cpp/dist/bindings/utils/testBindingBinary.js',
  },
  // llama.cpp's binaries; what only an editor's process or node-llama-cpp's own downloads import.
  external: ['@node-llama-cpp/*', 'electron', '@reflink/reflink'],
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
};

const extension = {
  ...common,
  plugins: [englishOnly, zodShaken],
  // Loading it is most of the activation's time.
  minify: true,
  platform: 'node',
  format: 'cjs',
  outfile: 'dist/extension.cjs',
  entryPoints: ['src/extension/extension.ts'],
  external: ['vscode'],
  // zod looks whether it runs at Cloudflare. VS Code reports whoever reads this global in its extension host.
  define: { navigator: 'undefined' },
};

/**
 * The toolkit's base looks for :focus-visible by writing a style element, which the panel's content security policy
 * forbids and reports. Every browser that runs VS Code has it.
 */
const noStyleProbe = {
  name: 'no-style-probe',
  setup({ onLoad }) {
    const filter = /[\\/]fast-foundation[\\/]dist[\\/]esm[\\/]utilities[\\/]style[\\/]focus\.js$/;
    onLoad({ filter }, () => ({ contents: "export const focusVisible = 'focus-visible';" }));
  },
};

/** svgcanvas reads a font's parts off an element's style attribute, which the same policy forbids; its style object may. */
const noStyleAttribute = {
  name: 'no-style-attribute',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]svgcanvas[\\/]dist[\\/]svgcanvas\.js$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const contents = source.replace(
        /(\w+)\.setAttribute\("style", ?['"]font:['"] ?\+ ?this\.font\)/,
        '$1.style.font = this.font',
      );
      if (contents === source) throw new Error('svgcanvas has changed: its style attribute was not found.');
      return { contents };
    });
  },
};

const webview = {
  ...common,
  plugins: [englishOnly, zodShaken, noStyleProbe, noStyleAttribute],
  // It is also what report.html carries.
  minify: true,
  platform: 'browser',
  target: 'es2022',
  format: 'iife',
  outdir: 'dist/webview',
  entryPoints: { main: 'webview/main.ts' },
  loader: { '.css': 'css' },
};

/** tree-sitter itself, and the grammars of the languages in src/repository/languages. */
const indexedGrammars = [
  ...[
    '',
    '-python',
    '-javascript',
    '-typescript',
    '-tsx',
    '-go',
    '-rust',
    '-java',
    '-cpp',
    '-c-sharp',
    '-ruby',
  ],
  '-php',
];

/** What is read from disk at run time: the binding's C++ sources and headers, grammars, the wasm backend, the driver. */
async function copyAssets() {
  const from = 'node_modules/@tensorflow/tfjs-node-gpu';
  await mkdir('dist/native', { recursive: true });
  await cp(`${from}/binding`, 'dist/native/binding', { recursive: true });
  await cp('src/tensor/native', 'dist/native/kernels', { recursive: true });
  await cp('node_modules/node-api-headers/include', 'dist/native/node-api', { recursive: true });
  // Python packages.
  for (const [from, to] of [
    ['src/cluster/driver', 'cluster'],
    ['src/training/ray-train/ray_train', 'ray_train'],
  ])
    await cp(from, `dist/${to}`, { recursive: true, filter: (path) => !path.endsWith('__pycache__') });
  // Those that src/repository/languages names.
  const grammars = 'node_modules/@vscode/tree-sitter-wasm/wasm';
  await mkdir('dist/grammars', { recursive: true });
  for (const name of indexedGrammars)
    await cp(`${grammars}/tree-sitter${name}.wasm`, `dist/grammars/tree-sitter${name}.wasm`);
  // What node-llama-cpp reads of itself when it looks for its binary.
  for (const name of ['package.json', 'llama/binariesGithubRelease.json', 'llama/llama.cpp.info.json'])
    await cp(`node_modules/node-llama-cpp/${name}`, `dist/node-llama-cpp/${name}`);
  // The module with threads; its worker comes as a string.
  const wasm = 'node_modules/@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd';
  await mkdir('dist/wasm', { recursive: true });
  await cp(`${wasm}.wasm`, 'dist/wasm/threaded-simd.wasm');
  await cp(`${wasm}.js`, 'dist/wasm/threaded-simd.cjs');
  const { wasmWorkerContents } = createRequire(import.meta.url)(`./${wasm}.worker.js`);
  await writeFile('dist/wasm/threaded-simd.worker.cjs', wasmWorkerContents.replaceAll('\n', '\\n'));
}

/** Whose files are copied, or rules translated. */
const copied = [
  '@tensorflow/tfjs-node-gpu',
  'node-api-headers',
  '@tensorflow/tfjs-backend-wasm',
  '@vscode/tree-sitter-wasm',
  gitleaks,
];

/** Beside the bundles, of what is in them; the list of folders is for the package, which has more. */
async function writeNotices(results) {
  const inputs = results.flatMap(({ metafile }) => Object.keys(metafile.inputs));
  const dirs = new Set([
    ...inputs.flatMap((input) => packageOf(input) ?? []),
    ...copied.map((name) => `node_modules/${name}`),
  ]);
  await writeFile('dist/THIRD-PARTY-NOTICES.txt', notices(dirs));
  await writeFile('dist/.packages.json', JSON.stringify([...dirs].sort()));
}

/** A CommonJS package in a chunk of its own has no names; imported through a module of ours, it has them. */
function refuseNameless(results) {
  const nameless = results
    .flatMap(({ metafile }) => Object.values(metafile.outputs))
    .filter(({ entryPoint, exports }) => /^node_modules/.test(entryPoint) && exports.join() === 'default');
  if (nameless.length)
    throw new Error(
      `These are imported dynamically, which loses their names; import a module of ours that exports the names: ${nameless.map(({ entryPoint }) => entryPoint).join(', ')}`,
    );
}

let building = 0;
const saysWhen = {
  name: 'says-when',
  setup({ onStart, onEnd }) {
    onStart(() => {
      if (building++ === 0) console.log('[watch] build started');
    });
    onEnd(() => {
      if (--building === 0) console.log('[watch] build finished');
    });
  },
};

const bundles = [processes, cli, llama, extension, webview];
if (watch) {
  await copyAssets();
  for (const options of bundles) {
    const plugins = [...options.plugins, saysWhen];
    await (await context({ ...options, plugins })).watch();
  }
} else {
  await rm('dist', { recursive: true, force: true });
  const [results] = await Promise.all([Promise.all(bundles.map((options) => build(options))), copyAssets()]);
  refuseNameless(results);
  await writeNotices(results);
}
