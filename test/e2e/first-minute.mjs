// The first minute, with the model already there: `node test/e2e/first-minute.mjs FILE FOLDER [--newest] [--times N]`
// puts the base FILE (a known one) into an empty data directory each time, opens FOLDER in a real VS Code, turns
// completion on in the walkthrough, types, and prints the seconds until each thing appeared. Pictures go to
// test-results/first-minute.
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { importTypeScript } from '../../scripts/bundle.mjs';
import { packageExtension } from '../../scripts/package.mjs';
import { ensureChromium } from '../../scripts/setup.mjs';
import { openBrowser } from './browser.mjs';
import { shown } from './steps.mjs';
import { until } from './until.mjs';
import { startVsCode } from './vscode.mjs';
import { root } from './workplace.mjs';

const { values, positionals } = parseArgs({
  options: { newest: { type: 'boolean' }, times: { type: 'string', default: '1' } },
  allowPositionals: true,
});
const [file, folder] = positionals;
const { knownBases } = await importTypeScript(join(root, 'src/base-models/registry.ts'));
const { knownBasePath } = await importTypeScript(join(root, 'src/base-models/known-base.ts'));
const base = knownBases.find((one) => file && one.file === basename(file));
if (!base || !folder) {
  console.error('Usage: node test/e2e/first-minute.mjs FILE FOLDER [--newest] [--times N]');
  process.exit(1);
}
const executablePath = await ensureChromium();
const vsix = await packageExtension();
const shots = join(root, 'test-results/first-minute');
rmSync(shots, { recursive: true, force: true });

/** The extension's log: what it started, with times. */
const logOf = ({ dir }) =>
  readdirSync(dir, { recursive: true })
    .filter((name) => name.endsWith('Forget-Me-Not.log'))
    .map((name) => readFileSync(join(dir, name), 'utf8'))
    .join('');

async function firstMinute(time) {
  const home = mkdtempSync(join(tmpdir(), 'forget-me-not-minute-'));
  process.env.FORGET_ME_NOT_HOME = home;
  const place = knownBasePath(base);
  mkdirSync(dirname(place), { recursive: true });
  copyFileSync(file, place);
  const scratch = join(resolve(folder), 'forget-me-not-scratch.py');
  const settings = { 'forgetMeNot.base': base.id };
  const vscode = await startVsCode({
    vsix,
    newest: values.newest,
    settings,
    env: { FORGET_ME_NOT_HOME: home },
  });
  const browser = await openBrowser(join(shots, String(time)), executablePath);
  const { workbench } = browser;
  const { page } = workbench;
  try {
    writeFileSync(scratch, 'def mean(values):\n    """The mean of some numbers."""\n    ');
    await workbench.open(vscode.url(resolve(folder)));
    await workbench.command('Forget-Me-Not: Get Started');
    const button = page.getByRole('button', { name: 'Turn It On' }).first();
    await button.waitFor();
    console.log(`Time ${time}, load ${loadavg()[0].toFixed(1)}`);
    const clicked = Date.now();
    const tell = (what) => console.log(`${((Date.now() - clicked) / 1000).toFixed(1)} s ${what}`);
    await button.click();
    await page.locator('.notification-list-item').filter({ hasText: 'Setting up' }).waitFor();
    tell('something is shown');
    await workbench.screenshot('setting-up');
    await workbench.notification('completes your code now');
    tell('it completes');
    await workbench.screenshot('completes');
    await workbench.openFile(basename(scratch));
    await page.keyboard.press('Control+End');
    await workbench.type('return ');
    tell('typed');
    const text = await until('ghost text', () => shown(workbench));
    tell(`ghost text: ${JSON.stringify(text.split('\n')[0])}`);
    await workbench.screenshot('ghost-text');
  } finally {
    console.log(logOf(vscode));
    await browser.close();
    await vscode.stop();
    rmSync(home, { recursive: true, force: true });
    rmSync(scratch, { force: true });
  }
}

for (let time = 1; time <= Number(values.times); time += 1) await firstMinute(time);
