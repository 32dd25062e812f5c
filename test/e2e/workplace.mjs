// What an end-to-end test works on: a workspace and a tiny base made here, and a separate data directory.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { importTypeScript } from '../../scripts/bundle.mjs';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** VS Code's settings in the workspace. */
export const SETTINGS = '.vscode/settings.json';

/**
 * TensorFlow and downloads are the machine's own, if any; runs are the test's.
 * @returns {Promise<{ dir: string, home: string, workspace: string, base: string, backend: string, runs: () => object[], servers: (within?: string) => number[], isTraining: () => boolean, discardUnfinished: () => void, resetSettings: () => void, remove: () => void }>}
 */
export async function makeWorkplace() {
  const dir = mkdtempSync(join(tmpdir(), 'forget-me-not-e2e-'));
  try {
    return await populate(dir);
  } catch (error) {
    rmSync(dir, { recursive: true, force: true });
    throw error;
  }
}

async function populate(dir) {
  const home = join(dir, 'data');
  mkdirSync(home);
  const { runtimeDir } = await importTypeScript(join(root, 'src/platform/files/paths.ts'));
  const machine = runtimeDir();
  const hasTensorFlow = existsSync(join(machine, 'tensorflow'));
  if (hasTensorFlow) symlinkSync(machine, join(home, 'runtime'), 'junction');

  const workspace = join(dir, 'garden');
  writeWorkspace(workspace);

  const base = join(dir, 'tiny.gguf');
  const { writeTinyModel } = await importTypeScript(join(root, 'test/support/tiny-model.ts'));
  await writeTinyModel(base, { fillInTheMiddle: false });

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
  const killTrainers = () => {
    for (const { state } of runs())
      if (state.pid && !['done', 'failed', 'cancelled'].includes(state.status)) kill(state.pid);
  };
  /** Completion servers on this base, or on any in a folder; other programs' servers on the machine are left alone. */
  const servers = (within = base) =>
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => {
        const given = argumentsOf(pid);
        return given.some((one) => one.endsWith('server.mjs')) && given.some((one) => one.startsWith(within));
      });
  /** The next training is rejected while another one is in progress, which is slightly longer than its run says. */
  const trainingLock = join(home, 'training.lock');
  const isTraining = () => existsSync(trainingLock);
  /** A scenario's settings would apply in those after it. */
  const resetSettings = () => rmSync(join(workspace, SETTINGS), { force: true });
  /** Ends trainings and removes unfinished runs. */
  const discardUnfinished = () => {
    killTrainers();
    // One that was paused during a request would be found again.
    servers(dir).forEach(kill);
    rmSync(trainingLock, { force: true });
    for (const run of runs())
      if (run.state.status !== 'done') rmSync(run.dir, { recursive: true, force: true, maxRetries: 20 });
  };
  const remove = () => {
    killTrainers();
    servers(dir).forEach(kill);
    rmSync(dir, { recursive: true, force: true, maxRetries: 20 });
  };
  return {
    dir,
    home,
    workspace,
    base,
    backend: hasTensorFlow ? 'tensorflow' : 'wasm',
    runs,
    servers,
    isTraining,
    discardUnfinished,
    resetSettings,
    remove,
  };
}

/** Along with what it started: it leads a process group. */
function kill(pid) {
  for (const target of [-pid, pid])
    try {
      return process.kill(target, 'SIGKILL');
    } catch {
      // It is not a group leader, or has already ended.
    }
}

function argumentsOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    // It has ended in the meantime.
    return [];
  }
}

/** Code so regular that a model with random weights learns some of it in a hundred steps. */
function writeWorkspace(folder) {
  mkdirSync(folder);
  const nouns =
    'apple river stone cloud garden window pencil basket candle bridge market forest letter silver mirror ladder';
  for (const noun of nouns.split(' ')) writeSource(folder, noun);
}

/** A file like the workspace's about something. */
export function writeSource(folder, noun) {
  const verbs = 'load save open close find read write send'.split(' ');
  const name = noun[0].toUpperCase() + noun.slice(1);
  const functions = verbs.map(
    (verb) =>
      `export function ${verb}${name}(options) {\n    return registry.${verb}(options, '${noun}');\n}\n`,
  );
  writeFile(folder, `${noun}.js`, `import { registry } from './registry.js';\n\n${functions.join('\n')}`);
}

export function writeFile(folder, name, text) {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
