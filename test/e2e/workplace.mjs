// What an end-to-end test works on: a workspace of real code, a tiny base made here, a data directory of its own.
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const require = createRequire(import.meta.url);

/** Imports a TypeScript file of the repository, bundled, because Node 20 reads no TypeScript. */
async function importTypeScript(file, into) {
  const outfile = join(into, 'bundle.mjs');
  await build({
    entryPoints: [join(root, file)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'error',
    external: ['node-llama-cpp'],
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  });
  return import(pathToFileURL(outfile).href);
}

/**
 * TensorFlow and downloads are the machine's own, where there are any; runs are the test's.
 * @returns {Promise<{ dir: string, home: string, workspace: string, base: string, backend: string, runs: () => object[], remove: () => void }>}
 */
export async function makeWorkplace() {
  const dir = mkdtempSync(join(tmpdir(), 'forget-me-not-e2e-'));
  const home = join(dir, 'data');
  mkdirSync(home);
  const { runtimeDir } = await importTypeScript('src/protocol/paths.ts', dir);
  const machine = runtimeDir();
  const hasTensorFlow = existsSync(join(machine, 'tensorflow'));
  if (hasTensorFlow) symlinkSync(machine, join(home, 'runtime'), 'junction');

  const workspace = join(dir, 'commander');
  const commander = dirname(require.resolve('commander/package.json'));
  cpSync(join(commander, 'lib'), join(workspace, 'lib'), { recursive: true });
  cpSync(join(commander, 'index.js'), join(workspace, 'index.js'));

  const base = join(dir, 'tiny.gguf');
  const { writeTinyModel } = await importTypeScript('test/support/tiny-model.ts', dir);
  await writeTinyModel(base);

  const runs = () => {
    const folder = join(home, 'runs');
    if (!existsSync(folder)) return [];
    return readdirSync(folder)
      .filter((id) => !id.startsWith('.'))
      .map((id) => {
        const read = (name) => JSON.parse(readFileSync(join(folder, id, name), 'utf8'));
        return { id, dir: join(folder, id), spec: read('run.json'), state: read('state.json') };
      });
  };
  /** Trainers are detached on purpose: a test that fails in the middle must not leave one behind. */
  const remove = () => {
    for (const { state } of runs())
      if (state.pid && ['running', 'evaluating'].includes(state.status))
        try {
          process.kill(state.pid, 'SIGKILL');
        } catch {
          // It has ended meanwhile.
        }
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  };
  return { dir, home, workspace, base, backend: hasTensorFlow ? 'tensorflow' : 'wasm', runs, remove };
}

export function writeFile(folder, name, text) {
  writeFileSync(join(folder, name), text);
}
