// A user's first hour on a bare Linux: VS Code is started with an empty PATH (no Node, Python, compiler, git or shell)
// and an empty data directory. `node test/e2e/bare.mjs FOLDER [MINUTES]` installs the package, completes with the
// untuned model, fine-tunes on FOLDER, uses the result, and prints the time and the bytes on disk after each step. It
// really downloads: about 800 MB. `npm test` does not run it.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { packageExtension } from '../../scripts/package.mjs';
import { ensureChromium } from '../../scripts/setup.mjs';
import { openBrowser } from './browser.mjs';
import { shown } from './steps.mjs';
import { until } from './until.mjs';
import { startVsCode } from './vscode.mjs';

const HOUR_MS = 3_600_000;
const [folder, minutes = '10'] = process.argv.slice(2);
if (!folder) {
  console.error('Usage: node test/e2e/bare.mjs FOLDER [MINUTES]');
  process.exit(1);
}
const executablePath = await ensureChromium();
const vsix = await packageExtension();
const place = mkdtempSync(join(tmpdir(), 'forget-me-not-bare-'));
const home = join(place, 'home');
const empty = join(place, 'empty');
mkdirSync(empty);

const megabytes = (dir) =>
  Math.round(
    readdirSync(dir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .reduce((sum, entry) => sum + statSync(join(entry.parentPath ?? entry.path, entry.name)).size, 0) / 1e6,
  );
let since = Date.now();
function tell(what, dir) {
  const seconds = Math.round((Date.now() - since) / 1000);
  console.log(`${what}: ${seconds} s${dir ? `, ${megabytes(dir)} MB in the data directory` : ''}`);
  since = Date.now();
}

const vscode = await startVsCode({
  vsix,
  settings: { 'forgetMeNot.training.minutes': Number(minutes) },
  env: { PATH: empty, FORGET_ME_NOT_HOME: home },
});
const browser = await openBrowser(join(place, 'shots'), executablePath);
const { workbench } = browser;
const scratch = join(resolve(folder), 'forget-me-not-scratch.py');
try {
  await workbench.open(vscode.url(resolve(folder)));
  tell('VS Code with the extension');

  await workbench.command('Forget-Me-Not: Get Started');
  await workbench.page.getByRole('button', { name: 'Turn It On' }).first().click();
  await workbench.confirm('Completion needs a download', 'Download');
  await workbench.notification('completes your code now', HOUR_MS);
  writeFileSync(scratch, 'def mean(values):\n    """The mean of some numbers."""\n    ');
  await workbench.openFile('forget-me-not-scratch.py');
  await workbench.page.keyboard.press('Control+End');
  await workbench.type('return ');
  const text = await until('ghost text', () => shown(workbench));
  await workbench.screenshot('untuned');
  tell(`from the click to ghost text of the untuned model ("${text.split('\n')[0]}")`, home);

  await workbench.dismissNotifications();
  await workbench.command('Forget-Me-Not: Fine-tune on Workspace');
  await workbench.asked.enterFirst('What should the model learn, and how?');
  await workbench.confirm('Fine-tuning needs a download', 'Download');
  const finished = await workbench.notification(/Use for Completion|Show Results/, HOUR_MS);
  await workbench.screenshot('finished');
  tell('from the question to the result', home);
  console.log((await finished.innerText()).replace(/\s+/g, ' '));
} catch (error) {
  await workbench.screenshot('failed');
  throw error;
} finally {
  console.log(`Screenshots: ${join(place, 'shots')}`);
  await browser.close();
  await vscode.stop();
  rmSync(scratch, { force: true });
  rmSync(home, { recursive: true, force: true });
}
