// Starts and stops a real VS Code server, with one extension installed or none, in separate directories.
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
  openSync,
  closeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../../scripts/setup.mjs';
import { installVsCode } from './install.mjs';
import { until } from './until.mjs';

/** What a test machine needs: nothing that makes requests or pops up. Suggestions have VS Code's defaults. */
const quietSettings = {
  'telemetry.telemetryLevel': 'off',
  'extensions.autoUpdate': false,
  'extensions.autoCheckUpdates': false,
  'workbench.startupEditor': 'none',
  'workbench.welcomePage.walkthroughs.openOnInstall': false,
  'chat.disableAIFeatures': true,
  'chat.commandCenter.enabled': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'git.enabled': false,
  'security.workspace.trust.enabled': false,
  'files.autoSave': 'off',
  'files.simpleDialog.enable': true,
};

/** VS Code's own texts stay English, as no language pack is installed; extensions use the given language. */
function writeLanguagePack(userData, language) {
  const translations = join(userData, 'no-translations.json');
  writeFileSync(translations, JSON.stringify({ contents: {} }));
  const extensions = [{ extensionIdentifier: { id: `none.${language}` }, version: '1.0.0' }];
  const pack = { hash: 'none', extensions, translations: { vscode: translations }, label: language };
  writeFileSync(join(userData, 'languagepacks.json'), JSON.stringify({ [language]: pack }));
}

/** Ends a detached child and everything it started: first with SIGTERM, then with SIGKILL. */
async function endGroup(child) {
  const signal = (name) => {
    try {
      process.kill(-child.pid, name);
      return true;
    } catch {
      return false;
    }
  };
  signal('SIGTERM');
  for (let waited = 0; waited < 5000 && signal(0); waited += 100) await sleep(100);
  signal('SIGKILL');
}

/**
 * @param vsix file to install; by default none
 * @param settings of the user, in addition to the quiet ones
 * @param env in addition to this process's
 * @param language of extensions, such as "de"
 * @param keep directory for the server's data; by default a fresh one, removed at the end
 * @param newest use VS Code from `test/e2e/newest`, not from `test/e2e`
 * @returns
 * {Promise<{ url: (folder: string) => string, log: () => string, dir: string, setMachine: (settings: object) => void, stop: () => Promise<void> }>}
 */
export async function startVsCode({ vsix, settings = {}, env = {}, language, keep, port, newest = false }) {
  const { node, serverMain } = installVsCode({ newest });
  const dir = keep ?? mkdtempSync(join(tmpdir(), 'forget-me-not-vscode-'));
  const user = join(dir, 'udd/User');
  mkdirSync(user, { recursive: true });
  const settingsFile = join(user, 'settings.json');
  // Changes made by hand in a kept directory stay.
  if (!keep || !existsSync(settingsFile))
    writeFileSync(settingsFile, JSON.stringify({ ...quietSettings, ...settings }, null, 2));
  if (language) writeLanguagePack(join(dir, 'udd'), language);
  const common = [
    '--accept-server-license-terms',
    ...['--server-data-dir', join(dir, 'sdd')],
    ...['--user-data-dir', join(dir, 'udd')],
    ...['--extensions-dir', join(dir, 'exts')],
  ];
  const environment = {
    ...process.env,
    EXTENSIONS_GALLERY: '{"serviceUrl":"","itemUrl":"","resourceUrlTemplate":""}',
    ...env,
  };
  if (vsix) {
    const install = [serverMain, ...common, '--install-extension', vsix, '--force'];
    // Without blocking: another lane installs it, too.
    await run(node, install, { env: environment, onLine: () => undefined }).catch((error) => {
      throw new Error(`The extension could not be installed:\n${error.message}`, { cause: error });
    });
  }

  const logFile = join(dir, 'server.log');
  const out = openSync(logFile, 'w');
  const child = spawn(
    node,
    [
      serverMain,
      '--host',
      '127.0.0.1',
      '--port',
      // 0: chosen by the system, so nobody else can take it in the meantime.
      String(port ?? 0),
      '--without-connection-token',
      ...common,
      '--telemetry-level',
      'off',
      '--disable-workspace-trust',
      ...(language ? ['--locale', language] : []),
    ],
    { env: environment, detached: true, stdio: ['ignore', out, out] },
  );
  closeSync(out);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const log = () => readFileSync(logFile, 'utf8');
  const stop = async () => {
    await endGroup(child);
    if (!keep) rmSync(dir, { recursive: true, force: true, maxRetries: 20 });
  };
  const ready = () => /Extension host agent listening on (\d+)/.exec(log())?.[1];
  try {
    await until("VS Code's server to listen", () => {
      if (child.exitCode !== null) throw new Error("VS Code's server ended.");
      return ready();
    });
  } catch (error) {
    const said = log();
    await stop();
    throw new Error(`${error.message}\n${said}`, { cause: error });
  }
  const machine = join(dir, 'udd/Machine');
  return {
    ended,
    /** Settings of the remote machine, which neither the user nor a workspace can have. */
    setMachine: (settings) => {
      mkdirSync(machine, { recursive: true });
      writeFileSync(join(machine, 'settings.json'), JSON.stringify(settings));
    },
    url: (folder) => `http://127.0.0.1:${ready()}/?folder=${encodeURI(folder)}`,
    log,
    dir,
    pid: child.pid,
    stop,
  };
}
