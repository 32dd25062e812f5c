// The end-to-end test: a real VS Code server, the packaged extension, Chromium, and a person's way through it.
// `node test/e2e/run.mjs [parts of scenarios' names, with commas]`. Screenshots go to test-results/e2e.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageExtension } from '../../scripts/package.mjs';
import { ensureChromium } from '../../scripts/setup.mjs';
import { openBrowser } from './browser.mjs';
import { scenarios } from './scenarios.mjs';
import { startVsCode } from './vscode.mjs';
import { makeWorkplace, root } from './workplace.mjs';

const wanted = process.argv[2];
const shots = join(root, 'test-results/e2e');
const chromium = await ensureChromium();
if (!chromium) process.exit(1);
rmSync(shots, { recursive: true, force: true });

const vsix = await packageExtension();
const place = await makeWorkplace();
const settings = {
  'forgetMeNot.base': place.base,
  'forgetMeNot.training.backend': place.backend,
  // For a base of random weights: it learns fast, and programs from it would all fail.
  'forgetMeNot.training.options':
    '--seq 128 --rank 32 --lr 0.003 --optimizer adamw --dropout 0 --humaneval 0 --retention 2 --held-out-windows 4'.split(
      ' ',
    ),
};

let failed = 0;
let passed = 0;
let vscode;
let browser;
/** Ends everything that was started, in any case. */
async function cleanUp() {
  await browser?.close().catch(() => undefined);
  await vscode?.stop();
  place.remove();
}
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => void cleanUp().then(() => process.exit(1)));

try {
  vscode = await startVsCode({ vsix, settings, env: { FORGET_ME_NOT_HOME: place.home } });
  browser = await openBrowser(shots, chromium);
  await browser.workbench.open(vscode.url(place.workspace));
  for (const [name, scenario] of Object.entries(scenarios)) {
    if (wanted && !wanted.split(',').some((one) => name.includes(one))) continue;
    const started = Date.now();
    try {
      await scenario(browser.workbench, place);
      passed += 1;
      console.log(`ok    ${name} (${Math.round((Date.now() - started) / 1000)} s)`);
    } catch (error) {
      failed += 1;
      console.log(`FAIL  ${name} (${Math.round((Date.now() - started) / 1000)} s)\n${error.stack}`);
      await browser.workbench.screenshot('failed').catch(() => undefined);
      writeFileSync(join(shots, 'server.log'), vscode.log());
      // The extension's own log lives in the editor only.
      await browser.workbench.command('Forget-Me-Not: Show Log').catch(() => undefined);
      await browser.workbench.screenshot('log').catch(() => undefined);
      console.log(`Screenshots and logs: ${shots}`);
      break;
    }
  }
} catch (error) {
  failed += 1;
  console.log(error.stack);
} finally {
  await cleanUp();
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed || passed === 0 ? 1 : 0);
