// The setup for `npm start`, `npm test` and `npm run vscode`. Uses only Node's own modules, because nothing is
// installed yet.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  readFileSync,
  readdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { clearInterval, setInterval } from 'node:timers';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const windows = process.platform === 'win32';

/**
 * Exits with a message if Node is too old.
 * @param {string[]} least minimum versions such as '20.11', one per supported major; newer majors are accepted
 */
export function needNode(...least) {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const enough = least.some((one, index) => {
    const [a, b] = one.split('.').map(Number);
    return (major === a || (index === least.length - 1 && major > a)) && (major > a || minor >= b);
  });
  if (enough) return;
  console.error(
    `This needs Node ${least.join(', or ')} or newer, but this is ${process.versions.node}: install a newer one from nodejs.org or with your package manager.`,
  );
  process.exit(1);
}
needNode('20.11');

/**
 * Runs a program. Its output goes to the terminal, or to `onLine` if given. Rejects unless its exit status is 0.
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: Record<string, string>, onLine?: (line: string) => void }} [options]
 * @returns {Promise<void>}
 */
export function run(command, args, { cwd = root, env = {}, onLine } = {}) {
  return new Promise((resolve, reject) => {
    // On Windows, npm and npx are scripts, which only a shell can start.
    const shell = windows && /^(npm|npx)$/.test(command);
    const stdio = onLine ? ['ignore', 'pipe', 'pipe'] : 'inherit';
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio, shell });
    const last = [];
    const take = (line) => {
      last.push(line);
      if (last.length > 30) last.shift();
      onLine(line);
    };
    for (const output of [child.stdout, child.stderr])
      if (output) createInterface({ input: output }).on('line', take);
    child.on('error', (error) =>
      reject(new Error(`${command} could not be started (${error.code ?? error.message})`)),
    );
    child.on('close', (status, signal) => {
      if (status === 0) resolve();
      else
        reject(
          new Error(
            [`${command} ${args.slice(0, 3).join(' ')} ended with ${signal ?? status}`, ...last].join('\n'),
          ),
        );
    });
  });
}

/** A progress line, redrawn on a terminal, otherwise printed at every quarter. */
function progressLine(label, total) {
  const started = Date.now();
  let done = 0;
  let quarter = -1;
  const text = () => {
    const share = Math.min(1, done / total);
    const bar = '='.repeat(Math.round(share * 24)).padEnd(24);
    return `${label} [${bar}] ${Math.floor(share * 100)}%  ${Math.round((Date.now() - started) / 1000)} s`;
  };
  const draw = () => process.stdout.write(`\r${text()} `);
  const timer = process.stdout.isTTY ? setInterval(draw, 250) : undefined;
  const tell = () => {
    const now = Math.floor(Math.min(1, done / total) * 4);
    if (!process.stdout.isTTY && now > quarter) console.log(text());
    quarter = Math.max(quarter, now);
  };
  tell();
  return {
    step() {
      // Leave 100% to end(), because npm still unpacks files after the last download.
      done = Math.min(done + 1, total - 1);
      tell();
    },
    end() {
      done = total;
      clearInterval(timer);
      if (process.stdout.isTTY) process.stdout.write(`\r${text()} \n`);
      else tell();
    },
    fail() {
      clearInterval(timer);
      if (process.stdout.isTTY) process.stdout.write('\n');
    },
  };
}

/** Prints a line in place of a progress line, which is drawn again below it. */
const say = (line) => console.log(process.stdout.isTTY ? `\r\x1b[2K${line}` : line);

const sha256 = (path) => createHash('sha256').update(readFileSync(path)).digest('hex');
const modified = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);

const packagesOf = (dir) => JSON.parse(readFileSync(join(dir, 'package-lock.json'), 'utf8')).packages;

/** Whether the packages of `dir`'s package-lock.json are installed in `dir`. */
function installed(dir, { tools }) {
  const lock = join(dir, 'package-lock.json');
  const { devDependencies = {} } = packagesOf(dir)[''] ?? {};
  if (tools && !Object.keys(devDependencies).every((name) => existsSync(join(dir, 'node_modules', name))))
    return false;
  // npm writes this file last, so an interrupted installation has none.
  const done = join(dir, 'node_modules/.package-lock.json');
  if (!existsSync(done)) return false;
  if (modified(done) >= modified(lock)) return true;
  // Compares contents, because git may update the times of unchanged files.
  const stamp = join(dir, 'node_modules/.installed-lock');
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === sha256(lock);
}

/** Number of packages that npm will download, excluding those for other systems. */
function countPackages(dir, { tools }) {
  const fits = (list, own) => !list || list.includes(own);
  return Object.entries(packagesOf(dir)).filter(
    ([path, one]) =>
      path &&
      !one.link &&
      (tools || !one.dev) &&
      fits(one.os, process.platform) &&
      fits(one.cpu, process.arch),
  ).length;
}

/**
 * Installs `dir`'s packages from its lock file unless they are installed. If that fails, the process ends, once `beside`
 * has. `tools: false` leaves out what only tests, checks and packaging need (devDependencies): two fifths of the bytes.
 */
export async function ensureDependencies(dir = root, { beside, tools = true } = {}) {
  if (installed(dir, { tools })) return;
  const line = progressLine('Packages', countPackages(dir, { tools }));
  try {
    // npm's http log has a line per downloaded package; npm's own progress bar needs a terminal.
    const scope = tools ? '--include=dev' : '--omit=dev';
    await run('npm', ['ci', scope, '--no-audit', '--no-fund', '--loglevel=http'], {
      cwd: dir,
      onLine: (text) => /http (fetch|cache) .*\.tgz/.test(text) && line.step(),
    });
    line.end();
  } catch (error) {
    line.fail();
    console.error(
      `The packages could not be installed. Check the network and npm's configuration (npm config list), then try again.\n${error.message}`,
    );
    await beside;
    process.exit(1);
  }
  writeFileSync(join(dir, 'node_modules/.installed-lock'), sha256(join(dir, 'package-lock.json')));
}

/** Time of the latest change to a file or within a folder, in ms; 0 if it does not exist. */
function newest(path) {
  if (!existsSync(path)) return 0;
  if (!statSync(path).isDirectory()) return modified(path);
  return readdirSync(path, { recursive: true }).reduce(
    (latest, name) => Math.max(latest, modified(join(path, name))),
    0,
  );
}

/** Bundles into dist/ unless dist/ is newer than all its inputs. */
export async function build() {
  const stamp = join(root, 'dist/.built');
  const inputs = [
    ...['src', 'webview', 'media', 'esbuild.mjs', 'scripts/notices.mjs', 'scripts/licences'],
    ...['scripts/gitleaks-rules.mjs', 'package.json', 'package-lock.json'],
  ];
  if (inputs.every((name) => newest(join(root, name)) < modified(stamp))) return;
  const started = Date.now();
  await run(process.execPath, ['esbuild.mjs']);
  writeFileSync(stamp, '');
  console.log(`Built dist/ in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}

function find(...names) {
  for (const name of names.filter(Boolean))
    for (const dir of (process.env.PATH ?? '').split(delimiter)) {
      const path = name.includes('/') ? name : join(dir, name);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // Try the next one.
      }
    }
  return undefined;
}

/** Installs Debian packages. Returns false if that is not possible (not root, no apt-get) or fails. */
async function aptInstall(what, packages) {
  if (process.getuid?.() !== 0 || !find('apt-get')) return false;
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const started = Date.now();
  say(`${what}: installing Debian's ${packages.join(', ')} ...`);
  try {
    await run('apt-get', ['update', '-q'], { env, onLine: () => {} });
    await run('apt-get', ['install', '-q', '-y', '--no-install-recommends', ...packages], {
      env,
      onLine: () => {},
    });
  } catch (error) {
    console.error(error.message);
    return false;
  }
  say(`${what}: installed after ${Math.round((Date.now() - started) / 1000)} s`);
  return true;
}

export const findChromium = () =>
  find(process.env.CHROMIUM, 'chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome');

/** Path of a Chromium for the end-to-end tests, installed if needed; undefined if there is none. */
export async function ensureChromium() {
  if (!findChromium()) await aptInstall('Chromium', ['chromium']);
  const path = findChromium();
  if (!path)
    console.error(
      'The end-to-end tests need Chromium, which was not found. Install it (Debian: sudo apt install chromium) or set CHROMIUM to its path.',
    );
  return path;
}

const succeeds = (command, args) =>
  run(command, args, { onLine: () => {} }).then(
    () => true,
    () => false,
  );

/**
 * Whether WebGPU finds a GPU, possibly a software one. In a separate process, because a failure is cached per process.
 */
const hasAdapter = () =>
  succeeds(process.execPath, [
    '--input-type=module',
    '--eval',
    "const { create } = await import('webgpu'); process.exit((await create([]).requestAdapter()) ? 0 : 1);",
  ]);

/**
 * Fetches Dawn and llama.cpp's build for Vulkan, and installs Mesa's llvmpipe if there is no GPU. Returns false, after
 * printing what is missing, if there is still none.
 */
export async function ensureVulkan() {
  try {
    // Not at the top, because it imports this file.
    const { linkGpuPackages } = await import('./platform-packages.mjs');
    await linkGpuPackages();
  } catch (error) {
    console.error(`The tests of WebGPU need Dawn, which could not be fetched. ${error.message}`);
    return false;
  }
  if (await hasAdapter()) return true;
  if ((await aptInstall('A software GPU', ['mesa-vulkan-drivers'])) && (await hasAdapter())) return true;
  console.error(
    'The tests of WebGPU need a GPU or a software one. Install one: sudo apt install mesa-vulkan-drivers',
  );
  return false;
}

/**
 * Installs a C++ compiler, which builds TensorFlow's binding; without one, training uses a GPU or wasm. Returns whether
 * there is one, or none is needed.
 */
export async function ensureCompiler() {
  if (process.platform !== 'linux' || find(process.env.CXX, 'c++', 'g++', 'clang++')) return true;
  const installed = await aptInstall('A C++ compiler', ['g++']);
  if (!installed)
    console.error("TensorFlow's installation needs a C++ compiler. Install one: sudo apt install g++");
  return installed;
}

/** Installs Python with pip, which tests and benchmarks run; the product needs neither. */
export async function ensurePython() {
  if (process.platform !== 'linux' || (await succeeds('python3', ['-m', 'pip', '--version']))) return;
  if (!(await aptInstall('Python with pip', ['python3', 'python3-pip'])))
    console.error(
      'Some tests and benchmarks need Python with pip. Install it: sudo apt install python3 python3-pip',
    );
}
