// The pictures of the results panel in docs/images: in a real VS Code and as report.html, light and dark.
// `FORGET_ME_NOT_HOME=... node test/e2e/pictures.mjs FOLDER` takes them of the two newest runs in that data directory;
// FOLDER is opened in VS Code. Check them before committing.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageExtension } from '../../scripts/package.mjs';
import { ensureChromium } from '../../scripts/setup.mjs';
import { openBrowser } from './browser.mjs';
import { startVsCode } from './vscode.mjs';
import { root } from './workplace.mjs';

const home = process.env.FORGET_ME_NOT_HOME;
const folder = process.argv[2];
if (!home || !folder) {
  console.error('Usage: FORGET_ME_NOT_HOME=... node test/e2e/pictures.mjs FOLDER');
  process.exit(1);
}
const images = join(root, 'docs/images');
const themes = { light: 'Default Light Modern', dark: 'Default Dark Modern' };
const executablePath = await ensureChromium();
const vsix = await packageExtension();
const place = mkdtempSync(join(tmpdir(), 'forget-me-not-pictures-'));

async function inReport(theme) {
  const runs = readdirSync(join(home, 'runs'))
    .filter((id) => !id.startsWith('.'))
    .sort()
    .slice(-2);
  const file = join(place, 'report.html');
  const ran = spawnSync(process.execPath, [join(root, 'dist/cli.mjs'), 'report', ...runs, '-o', file]);
  if (ran.status !== 0) throw new Error(String(ran.stderr));
  const { chromium } = await import('playwright-core');
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  try {
    const page = await browser.newPage({ viewport: { width: 1180, height: 900 }, colorScheme: theme });
    await page.goto(pathToFileURL(file).href);
    await page.locator('[data-chart=loss] canvas').waitFor();
    await page.waitForTimeout(500);
    const clip = (top, bottom) => ({ x: 0, y: top, width: 1180, height: bottom - top });
    const shot = (name, area) =>
      page.screenshot({ path: join(images, `${name}-${theme}.png`), fullPage: true, clip: area });
    const box = async (selector) => page.locator(selector).boundingBox();
    const [charts, comparison] = [await box('.charts'), await box('.run-comparison')];
    await shot('results', clip(0, charts.y + charts.height + 16));
    await shot('comparison', clip(comparison.y - 8, comparison.y + comparison.height + 16));
  } finally {
    await browser.close();
  }
}

async function inVsCode(theme) {
  const settings = { 'workbench.colorTheme': themes[theme] };
  const vscode = await startVsCode({ vsix, settings, env: { FORGET_ME_NOT_HOME: resolve(home) } });
  const browser = await openBrowser(place, executablePath);
  try {
    const { workbench } = browser;
    workbench.page.setDefaultTimeout(120_000);
    await workbench.open(vscode.url(resolve(folder)));
    await workbench.command('Forget-Me-Not: Show Results', 180_000);
    const panel = workbench.panel();
    await panel.locator('.run-list vscode-checkbox:not([disabled])').first().click();
    await panel.locator('.comparison-answer table').first().waitFor();
    await panel.locator('header').first().scrollIntoViewIfNeeded();
    await workbench.page.waitForTimeout(1000);
    await workbench.page.screenshot({ path: join(images, `vscode-${theme}.png`) });
  } finally {
    await browser.close();
    await vscode.stop();
  }
}

try {
  for (const theme of Object.keys(themes)) {
    await inReport(theme);
    await inVsCode(theme);
  }
} finally {
  rmSync(place, { recursive: true, force: true });
}
