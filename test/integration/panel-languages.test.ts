/** The panel in German and Chinese: nothing stays English, and nothing is too wide. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pageHtml } from '../../src/extension/panel/page.ts';
import type { ToPanel } from '../../src/protocol/panel.ts';
import { bundleIn, translations, type Language } from '../support/manifest.ts';
import { makeComparison, makeRun, makeSweep, withSamples, withStrengths } from '../unit/webview/fixtures.ts';
import { builtPanel, launchChromium, openDetails, watchPage } from './panel-page.ts';

const origin = 'http://panel.test';
let browser: Browser;
let files: Record<string, string>;

beforeAll(async () => {
  files = await builtPanel();
  browser = await launchChromium();
});
afterAll(() => browser?.close());

const types: Record<string, string> = { '.js': 'text/javascript', '.css': 'text/css' };

/** The page as the extension writes it, in a window of this width. */
async function openIn(language: Language, width: number) {
  const page = await browser.newPage({ viewport: { width, height: 900 } });
  const problems = await watchPage(page);
  await page.addInitScript(() => {
    const api = { postMessage: () => {}, getState: () => undefined, setState: () => {} };
    Object.assign(window, { acquireVsCodeApi: () => api });
  });
  const html = pageHtml({
    ...{ nonce: 'bm9uY2U', source: origin, style: `${origin}/main.css`, script: `${origin}/main.js` },
    ...{ title: 'Results', language, texts: language === 'en' ? undefined : bundleIn(language) },
  }).replace('<body>', '<body class="vscode-light">');
  await page.route('**/*', (route) => {
    const { pathname } = new URL(route.request().url());
    const contentType = types[/\.\w+$/.exec(pathname)?.[0] ?? ''] ?? 'text/html';
    return route.fulfill({ contentType, body: files[pathname] ?? (pathname === '/' ? html : '') });
  });
  await page.goto(`${origin}/`);
  return { page, problems };
}

async function tell(page: Page, message: ToPanel): Promise<void> {
  await page.evaluate((one) => window.postMessage(one), message);
  await page.evaluate(
    () =>
      new Promise((drawn) => setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(drawn)), 50)),
  );
}

const first = {
  ...withStrengths(withSamples(makeRun({ id: 'a', checkpoints: 6, best: 50 })), 0.5, 0.25),
  brokenLines: 2,
};
const second = withSamples(makeRun({ id: 'b', method: 'full', folder: '/else' }));

/** One run as it first appears; then everything, with all details open. */
async function showAll(page: Page): Promise<void> {
  await page.locator('.run-list vscode-checkbox').last().click();
  await tell(page, { type: 'comparison', ...makeComparison(first, second) });
  await openDetails(page);
  for (const summary of await page.locator('.card summary:visible').all()) await summary.click();
  await page.locator('.card table').last().waitFor();
}

const send = (page: Page) =>
  tell(page, { type: 'runs', runs: [first, second], sweeps: [makeSweep()], selected: 'a', inUse: 'a' });

/** Visible texts and labels. */
const textsOf = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const attributes = ['aria-label', 'title', 'placeholder', 'aria-valuetext'];
    const labels = [...document.querySelectorAll('main *')].flatMap((element) =>
      attributes.flatMap((name) => element.getAttribute(name) ?? []),
    );
    const shown = document.querySelector('main')!.innerText.split(/[\n\t]+/);
    return [...shown, ...labels].map((text) => text.trim()).filter(Boolean);
  });

/** Words that occur in no German text and in no name of the fixtures. */
const english =
  /\b(the|of|and|is|are|were|with|that|this|not|from|before|after|learned|forgot|step|steps|base|held|run|measured|training loss)\b/;
/** Texts of the fixtures, which have no translation. */
const madeUp = /^(shop|src\/|.*forget-me-not )/;

describe.each(translations)('in %s', (language) => {
  it('has no English left, on the first screen and with everything open', async () => {
    const { page, problems } = await openIn(language, 1000);
    await send(page);
    const left = async () =>
      (await textsOf(page)).filter(
        (text) => english.test(text.replace('--replay base', '')) && !madeUp.test(text),
      );
    expect(await left()).toEqual([]);
    await showAll(page);
    expect(await left()).toEqual([]);
    expect(problems).toEqual([]);
    await page.close();
  });

  it.each([600, 1400])('fits into a window of %i pixels', async (width) => {
    const { page } = await openIn(language, width);
    await send(page);
    await showAll(page);
    const wide = await page.evaluate(() => {
      const beyond = document.documentElement.scrollWidth > window.innerWidth ? ['the page'] : [];
      const cut = [
        ...document.querySelectorAll<HTMLElement>('h1, h2, h3, vscode-button, .status, .card-head'),
      ]
        .filter((element) => element.offsetParent && element.scrollWidth > element.clientWidth + 1)
        .map((element) => element.textContent ?? '');
      return [...beyond, ...cut];
    });
    expect(wide).toEqual([]);
    await page.close();
  });
});
