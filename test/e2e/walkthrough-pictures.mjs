// Pictures of every step of the walkthrough in a real VS Code: 1400 and 800 pixels wide, light and dark, in each
// language. `node test/e2e/walkthrough-pictures.mjs FOLDER [de,zh-cn] [--chat]` writes them to FOLDER, by default in
// English and German; with --chat in the newest VS Code, next to its chat.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { packageExtension } from '../../scripts/package.mjs';
import { ensureChromium } from '../../scripts/setup.mjs';
import { openBrowser } from './browser.mjs';
import { startVsCode } from './vscode.mjs';
import { writeSource } from './workplace.mjs';

const { values, positionals } = parseArgs({ options: { chat: { type: 'boolean' } }, allowPositionals: true });
const [folder, languages = 'en,de'] = positionals;
if (!folder) {
  console.error('Usage: node test/e2e/walkthrough-pictures.mjs FOLDER [LANGUAGES] [--chat]');
  process.exit(1);
}
const themes = { light: 'Default Light Modern', dark: 'Default Dark Modern' };
const widths = [1400, 800];
const besideChat = {
  'chat.disableAIFeatures': false,
  'workbench.secondarySideBar.defaultVisibility': 'visible',
};
const executablePath = await ensureChromium();
const vsix = await packageExtension();
const place = mkdtempSync(join(tmpdir(), 'forget-me-not-walkthrough-'));
const workspace = join(place, 'garden');
mkdirSync(workspace);
writeSource(workspace, 'apple');

/** Opened by the extension itself, as after an installation: no command is used, so that each language works alike. */
async function takeAll(language, theme) {
  const vscode = await startVsCode({
    vsix,
    language: language === 'en' ? undefined : language,
    settings: {
      'workbench.colorTheme': themes[theme],
      'workbench.welcomePage.walkthroughs.openOnInstall': true,
      ...(values.chat && besideChat),
    },
    newest: values.chat,
    env: { FORGET_ME_NOT_HOME: join(place, `${language}-${theme}`) },
  });
  const browser = await openBrowser(place, executablePath);
  const { page } = browser.workbench;
  try {
    await browser.workbench.open(vscode.url(workspace));
    const steps = page.locator('.getting-started-step');
    await steps.first().waitFor();
    for (const width of widths) {
      await page.setViewportSize({ width, height: 900 });
      for (let step = 0; step < (await steps.count()); step += 1) {
        await steps.nth(step).locator('.step-title').click();
        // The page on the right is a separate webview, which is drawn after the step has opened.
        await page.waitForTimeout(2000);
        const name = `walkthrough-${language}-${theme}-${width}-${step + 1}.png`;
        await page.screenshot({ path: join(resolve(folder), name) });
        console.log(name);
      }
    }
  } catch (error) {
    await page.screenshot({ path: join(resolve(folder), 'failed.png') });
    throw new Error(vscode.log(), { cause: error });
  } finally {
    await browser.close();
    await vscode.stop();
  }
}

try {
  for (const language of languages.split(','))
    for (const theme of Object.keys(themes)) await takeAll(language, theme);
} finally {
  rmSync(place, { recursive: true, force: true });
}
