// A real VS Code from npm alone: code-server's package holds VS Code's own server, which is used without its wrapper.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const here = dirname(fileURLToPath(import.meta.url));
export const vscodeDir = join(here, 'node_modules/code-server/lib/vscode');
const done = join(here, 'node_modules/.forget-me-not-installed');

/** Says what is installed: the lock file decides, so a changed one installs again. */
const wanted = () => readFileSync(join(here, 'package-lock.json'), 'utf8');

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

/** Installs VS Code's server and playwright-core into test/e2e/node_modules, once. About 340 MB and 20 to 60 seconds. */
export function installVsCode() {
  if (existsSync(done) && readFileSync(done, 'utf8') === wanted()) return;
  console.log('Installing VS Code (code-server) for the end-to-end test: about 340 MB, once.');
  npm(here);
  npm(vscodeDir, '--omit=dev', '--legacy-peer-deps');
  npm(join(vscodeDir, 'extensions'), '--omit=dev');
  // The server looks for ripgrep where an install script would have put it.
  const bin = join(vscodeDir, 'node_modules/@vscode/ripgrep/bin');
  mkdirSync(bin, { recursive: true });
  copyFileSync(join(here, 'node_modules/@vscode/ripgrep-linux-x64/bin/rg'), join(bin, 'rg'));
  writeFileSync(done, wanted());
}

// `npm test` has it fetched while other parts compute.
if (process.argv[1] === fileURLToPath(import.meta.url)) installVsCode();
