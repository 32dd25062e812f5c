// The first minute with the model there: `node test/e2e/first-minute.mjs FILE FOLDER [--newest] [--times N]` puts the base FILE (a known
// one) into an empty data directory each time, opens FOLDER in a real VS Code with its own settings for suggestions, clicks
// "Complete Code Without Training", and prints how long it took until each thing was seen. Pictures go to test-results/first-minute.
import {
  linkSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
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
if (!file || !folder) {
  console.error('Usage: node test/e2e/first-minute.mjs FILE FOLDER [--newest] [--times N]');
  process.exit(1);
}
const executablePath = await ensureChromium();
const vsix = await packageExtension();
const { knownBases } = await importTypeScript(join(root, 'src/base-models/registry.ts'));
const { knownBasePath } = await importTypeScript(join(root, 'src/base-models/known-base.ts'));
const base = knownBases.find((one) => one.file === basename(file));
const shots = join(root, 'test-results/first-minute');

for (let time = 1; time <= Number(values.times); time += 1) {
  const home = mkdtempSync(join(tmpdir(), 'forget-me-not-minute-'));
  process.env.FORGET_ME_NOT_HOME = home;
  const place = knownBasePath(base);
  mkdirSync(dirname(place), { recursive: true });
  copyFileSync(file, place);
  const vscode = await startVsCode({
    vsix,
    newest: values.newest,
    settings: {
      'forgetMeNot.base': base.id,
      'editor.quickSuggestions': undefined,
      'editor.suggestOnTriggerCharacters': undefined,
    },
    env: { FORGET_ME_NOT_HOME: home },
  });
  const browser = await openBrowser(shots, executablePath);
  const { workbench } = browser;
  const { page } = workbench;
  try {
    await workbench.open(vscode.url(resolve(folder)));
    await workbench.command('Forget-Me-Not: Get Started');
    const button = page.getByRole('button', { name: 'Turn It On' }).first();
    await button.waitFor();
    await page.waitForTimeout(5000);
    console.log(
      `Time ${time}, load ${loadavg()
        .map((one) => one.toFixed(2))
        .join(' ')}`,
    );
    const clicked = Date.now();
    const tell = (what) => console.log(`  ${((Date.now() - clicked) / 1000).toFixed(1)} s ${what}`);
    await button.click();
    const watch = setInterval(
      () =>
        void page
          .screenshot({
            path: join(shots, `at-${String(Math.round((Date.now() - clicked) / 100)).padStart(4, '0')}.png`),
          })
          .catch(() => undefined),
      1000,
    );
    await workbench.page
      .locator('.notification-list-item', { hasText: 'completes your code now' })
      .first()
      .waitFor();
    clearInterval(watch);
    tell('told that it completes');
    await workbench.screenshot('told');
    await workbench.openFile('scratch.py');
    await page.keyboard.press('Control+End');
    await page.keyboard.type('return ', { delay: 80 });
    tell('typed');
    const text = await until('ghost text', () => shown(workbench));
    tell(`ghost text: ${JSON.stringify(text.slice(0, 60))}`);
    await workbench.screenshot('ghost-text');
  } finally {
    for (const name of readdirSync(vscode.dir, { recursive: true }))
      if (/\.log$/.test(name))
        console.log(name, /Forget/i.test(name) ? readFileSync(join(vscode.dir, name), 'utf8') : '');
    await browser.close();
    await vscode.stop();
    rmSync(home, { recursive: true, force: true });
  }
}
