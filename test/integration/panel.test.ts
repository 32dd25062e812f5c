/** The panel as in VS Code, with the same content security policy and a fake of the editor's side. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FromPanel, RunSnapshot, ToPanel, WholePanel } from '../../src/protocol/panel.ts';
import { PanelFeed } from '../../src/extension/panel/panel-feed.ts';
import {
  makeComparison,
  makeRun,
  makeSweep,
  panelOf,
  withSamples,
  withStrengths,
} from '../unit/webview/fixtures.ts';
import { charts as allCharts } from '../../webview/charts/index.ts';
import { builtPanel, launchChromium, inkOf, openDetails, seriousFaults, watchPage } from './panel-page.ts';

/** Timeout for what the page does asynchronously, generous for a busy machine. */
const patient = { timeout: 30_000 };
const origin = 'http://panel.test';
const nonce = 'bm9uY2U';
const html = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Results</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'nonce-${nonce}'; style-src ${origin}; font-src ${origin}; img-src ${origin}">
<link rel="stylesheet" href="${origin}/main.css"></head>
<body class="vscode-dark" data-vscode-theme-kind="vscode-dark"><div id="app"></div><script nonce="${nonce}" src="${origin}/main.js"></script></body></html>`;
/** Set on the root element's style, as in VS Code. */
const darkTheme = {
  '--vscode-foreground': '#cccccc',
  '--vscode-descriptionForeground': '#9d9d9d',
  '--vscode-editor-background': '#1f1f1f',
  '--vscode-font-family': 'sans-serif',
  '--vscode-font-size': '13px',
  '--vscode-charts-blue': '#3794ff',
  '--vscode-errorForeground': '#f85149',
  '--vscode-charts-green': '#89d185',
  '--vscode-button-background': '#0078d4',
  '--vscode-button-foreground': '#ffffff',
};

const light = {
  '--vscode-foreground': '#3b3b3b',
  '--vscode-descriptionForeground': '#616161',
  '--vscode-editor-background': '#ffffff',
  '--vscode-errorForeground': '#b01011',
  '--vscode-charts-green': '#2b7a2b',
  '--vscode-button-background': '#005fb8',
  '--vscode-button-secondaryBackground': '#e5e5e5',
  '--vscode-button-secondaryForeground': '#3b3b3b',
  '--vscode-dropdown-background': '#ffffff',
  '--vscode-dropdown-foreground': '#3b3b3b',
  '--vscode-input-background': '#ffffff',
  '--vscode-input-foreground': '#3b3b3b',
  '--vscode-input-placeholderForeground': '#616161',
};
const contrast = (text: string, ground: string) => ({
  '--vscode-foreground': text,
  '--vscode-descriptionForeground': text,
  '--vscode-editor-background': ground,
  '--vscode-errorForeground': text,
  '--vscode-charts-green': text,
  '--vscode-contrastBorder': text,
  '--vscode-button-background': ground,
  '--vscode-button-foreground': text,
  '--vscode-button-secondaryBackground': ground,
  '--vscode-button-secondaryForeground': text,
  '--vscode-dropdown-background': ground,
  '--vscode-dropdown-foreground': text,
  '--vscode-input-background': ground,
  '--vscode-input-foreground': text,
  '--vscode-input-placeholderForeground': text,
});
const themes: Record<string, Record<string, string>> = {
  'vscode-light': light,
  'vscode-high-contrast': contrast('#ffffff', '#000000'),
  'vscode-high-contrast-light': contrast('#000000', '#ffffff'),
};

let browser: Browser;
let files: Record<string, string>;

beforeAll(async () => {
  files = await builtPanel();
  browser = await launchChromium();
});
afterAll(() => browser?.close());

async function open() {
  const page = await browser.newPage({ viewport: { width: 1000, height: 800 } });
  const problems = await watchPage(page);
  const posted: FromPanel[] = [];
  const shown: string[][] = [];
  await page.exposeFunction('posted', (message: FromPanel) =>
    message.type === 'show' ? shown.push(message.runs) : posted.push(message),
  );
  await page.addInitScript(() => {
    const view = window as unknown as { posted(message: unknown): void; acquireVsCodeApi(): unknown };
    view.acquireVsCodeApi = () => ({
      postMessage: (message: unknown) => view.posted(message),
      // Survives a reload of the page, as in the editor.
      getState: () => JSON.parse(sessionStorage.getItem('kept') ?? 'null') ?? undefined,
      setState: (state: unknown) => sessionStorage.setItem('kept', JSON.stringify(state)),
    });
  });
  await page.route('**/*', (route) => {
    const { pathname } = new URL(route.request().url());
    const body = files[pathname];
    const contentType = pathname.endsWith('.js')
      ? 'text/javascript'
      : pathname.endsWith('.css')
        ? 'text/css'
        : 'text/html';
    return route.fulfill({ contentType, body: body ?? (pathname === '/' ? html : '') });
  });
  await page.goto(`${origin}/`);
  await page.evaluate((theme) => {
    for (const [name, value] of Object.entries(theme))
      document.documentElement.style.setProperty(name, value);
  }, darkTheme);
  return { page, problems, posted, shown };
}

/** Sends a message as the extension does; resolves once it is drawn. */
async function send(
  page: Page,
  runs: RunSnapshot[],
  more: Partial<Omit<WholePanel, 'type'>> = {},
): Promise<void> {
  await tell(page, { type: 'runs', runs, sweeps: [], ...more });
}
async function tell(page: Page, message: ToPanel): Promise<void> {
  await page.evaluate((one) => window.postMessage(one), message);
  await page.evaluate(
    () =>
      new Promise((drawn) => setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(drawn)), 50)),
  );
}
const box = (page: Page, name: string) => page.locator(`.run-list vscode-checkbox[aria-label*="${name}"]`);
const live = (upTo: number, steps = 60) =>
  makeRun({ upTo, steps, state: { phase: 'Training', heartbeat: new Date().toISOString(), etaSeconds: 90 } });

describe('the panel in VS Code', () => {
  it('says ready first, then follows a run from its start to its result', async () => {
    const { page, problems, posted } = await open();
    expect(posted).toEqual([{ type: 'ready' }]);
    await send(page, []);
    expect(await page.getByText('No runs yet').isVisible()).toBe(true);
    await page.locator('.empty vscode-button').click();
    expect(posted.pop()).toEqual({ type: 'step', step: { id: 'train', subject: '' } });
    await send(page, [live(12)]);
    expect(await page.locator('.status-line').textContent()).toContain('step 12 of 60, about 2 min left');
    expect(await page.locator('progress').getAttribute('max')).toBe('60');
    expect(await page.locator('[data-chart=forgetting]').isVisible()).toBe(false);
    expect(await seriousFaults(page)).toEqual([]);
    await send(page, [makeRun()]);
    expect(await page.locator('#sentence').isVisible()).toBe(true);
    expect(await page.locator('progress').isVisible()).toBe(false);
    expect(await inkOf(page, 'forgetting')).toBeGreaterThan(200);
    expect(await seriousFaults(page)).toEqual([]);
    expect(problems).toEqual([]);
    await page.close();
  });

  it("sends the user's requests to the host", async () => {
    const { page, posted } = await open();
    const running = live(12);
    const done = makeRun({ id: 'done-run' });
    await send(page, [running]);
    await page.getByText('Stop', { exact: true }).click();
    await send(page, [done]);
    await page.getByText('Use for completion', { exact: true }).click();
    await send(page, [{ ...done, summary: { ...done.summary!, pending: ['retention'] } }]);
    await page.locator('.comparisons').getByText('Measure Result', { exact: true }).click();
    await page.locator('[data-chart=loss]').getByText('PNG', { exact: true }).click();
    await expect.poll(() => posted.length, patient).toBe(5);
    expect(posted.slice(1, 4)).toEqual([
      { type: 'step', step: { id: 'cancel', subject: running.spec.id } },
      { type: 'useForCompletion', run: 'done-run' },
      { type: 'step', step: { id: 'evaluate', subject: 'done-run' } },
    ]);
    const saved = posted[4] as Extract<FromPanel, { type: 'save' }>;
    expect(saved.name).toBe('done-run-loss.png');
    expect(Buffer.from(saved.base64, 'base64').subarray(1, 4).toString()).toBe('PNG');
    await send(page, [done], { inUse: 'done-run' });
    expect(await page.getByText('In use for completion').isVisible()).toBe(true);
    expect(await page.getByText('Use for completion', { exact: true }).isVisible()).toBe(false);
    await page.close();
  });

  it('has a strength slider for the keyboard, which stays where it is until another strength is used', async () => {
    const { page, posted, problems } = await open();
    await send(page, [makeRun()]);
    const slider = page.getByLabel('Strength: how much of the trained change is applied');
    expect(await slider.isVisible()).toBe(false);
    const run = withStrengths(makeRun({ id: 'weaker' }));
    await send(page, [run]);
    const use = page.getByText('Use This Strength', { exact: true });
    const text = () => slider.getAttribute('aria-valuetext');
    expect(await text()).toContain('Strength 0.5 (chosen, in use): on your code');
    expect(await use.isVisible()).toBe(false);
    await page.locator('.strength summary').click();
    await slider.focus();
    await page.keyboard.press('End');
    await expect
      .poll(text, patient)
      .toContain('Strength 1: on your code worse; elsewhere far from the base.');
    await page.keyboard.press('Home');
    await expect.poll(text, patient).toContain('Strength 0: as if nothing had been trained');
    expect(await use.isVisible()).toBe(false);
    for (let step = 0; step < 5; step += 1) await page.keyboard.press('ArrowRight');
    await expect.poll(text, patient).toContain('Strength 0.25: on your code');
    expect(await page.locator('.strength tr.at').textContent()).toMatch(/^0\.25/);
    // Something else in the run changes.
    await send(page, [{ ...run, summary: { ...run.summary!, sentence: 'Another one.' } }]);
    expect(await text()).toContain('Strength 0.25');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('strength');
    expect(await seriousFaults(page)).toEqual([]);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await expect
      .poll(() => posted.at(-1), patient)
      .toEqual({ type: 'strength', run: 'weaker', strength: 0.25 });
    await send(page, [withStrengths(makeRun({ id: 'weaker' }), 0.5, 0.25)]);
    expect(await text()).toContain('Strength 0.25 (in use)');
    expect(await use.isVisible()).toBe(false);
    // Set on the command line, between two steps of the slider.
    await send(page, [withStrengths(makeRun({ id: 'weaker' }), 0.5, 0.33)]);
    expect(await text()).toBe('Strength 0.33 (in use): not measured.');
    expect(await use.isVisible()).toBe(false);
    const measuring = { status: 'evaluating', heartbeat: new Date().toISOString() } as const;
    await send(page, [withStrengths(makeRun({ id: 'weaker', state: measuring }), 0.5)]);
    await slider.press('End');
    expect(await use.isVisible()).toBe(false);
    expect(problems).toEqual([]);
    await page.close();
  });

  it('keeps zoom, focus, scroll position and open details while a run goes on', async () => {
    const { page } = await open();
    await send(page, [live(30)]);
    const canvas = page.locator('[data-chart=loss] canvas');
    const holder = page.locator('[data-chart=loss] .canvas');
    const box = (await canvas.boundingBox())!;
    await page.mouse.move(box.x + 200, box.y + 120);
    await page.mouse.down();
    await page.mouse.move(box.x + 500, box.y + 120, { steps: 4 });
    await page.mouse.up();
    const reset = page.locator('[data-chart=loss]').getByText('Reset zoom');
    expect(await reset.isVisible()).toBe(true);
    await page.locator('[data-chart=loss] summary').click();
    // With its rows, the page is tall enough to scroll.
    await page.locator('[data-chart=loss] tbody tr').first().waitFor();
    await holder.focus();
    await page.evaluate(() => {
      window.scrollTo(0, 150);
      document.querySelectorAll('canvas').forEach((each) => (each.dataset['kept'] = 'yes'));
    });
    await send(page, [live(31)]);
    await send(page, [live(40)]);
    expect(await reset.isVisible()).toBe(true);
    expect(
      await page.evaluate(() => [
        window.scrollY,
        document.activeElement?.className,
        document.querySelector<HTMLDetailsElement>('[data-chart=loss] details')?.open,
      ]),
    ).toEqual([150, 'canvas', true]);
    expect(await page.locator('canvas:not([data-kept])').count()).toBe(0);
    expect(await page.locator('[data-chart=loss] table').textContent()).toContain('40');
    await page.keyboard.press('0');
    expect(await reset.isVisible()).toBe(false);
    await page.keyboard.press('+');
    expect(await reset.isVisible()).toBe(true);
    await page.close();
  });

  it('keeps the chosen run until the host selects another', async () => {
    const { page, posted } = await open();
    const runs = [makeRun({ id: 'a' }), makeRun({ id: 'b' }), makeRun({ id: 'c' })];
    const run = () => page.locator('#app').getAttribute('data-run');
    await send(page, runs, { selected: 'a' });
    await page.locator('header vscode-dropdown').focus();
    await page.keyboard.press('End');
    await expect.poll(run, patient).toBe('c');
    expect(posted.at(-1)).toEqual({ type: 'select', run: 'c' });
    // A snapshot that was already on its way.
    await send(page, runs, { selected: 'a' });
    expect(await run()).toBe('c');
    await send(page, runs, { selected: 'b' });
    expect(await run()).toBe('b');
    expect(
      await page.locator('header vscode-dropdown').evaluate((element) => (element as HTMLInputElement).value),
    ).toBe('b');
    await page.close();
  });

  it('restores compared runs, zoom, filter, open table and scroll position after it was hidden', async () => {
    const { page, posted, shown, problems } = await open();
    const runs = ['one', 'two', 'three'].map((name) => makeRun({ id: `run-${name}`, name }));
    await send(page, runs, { selected: 'run-two' });
    await box(page, 'three').click();
    await page.locator('[data-chart=loss] .canvas').press('+');
    await page.locator('[data-chart=loss] summary').click();
    await page.locator('.run-comparison vscode-text-field input').fill('three');
    // Not at the end, where another line would move it.
    await page.evaluate(() => window.scrollTo(0, 300));
    await page.mouse.wheel(0, 400);
    const now = () =>
      page.evaluate(() => ({
        zoomed: !document.querySelector('[data-chart=loss] .card-head vscode-button')!.hasAttribute('hidden'),
        open: document.querySelector<HTMLDetailsElement>('[data-chart=loss] details')!.open,
        rows: document.querySelectorAll('.run-list tbody tr').length,
        scroll: Math.round(window.scrollY),
        kept: JSON.parse(sessionStorage.getItem('kept')!) as { scroll: number },
      }));
    // The wheel turns later than the call ends.
    await expect
      .poll(async () => {
        const { kept, scroll } = await now();
        return scroll > 300 && kept.scroll === scroll;
      }, patient)
      .toBe(true);
    const before = await now();
    expect(before).toMatchObject({ zoomed: true, open: true, rows: 1 });
    expect(before.kept).toMatchObject({ run: 'run-two', compared: ['run-three'], filter: 'three' });

    // When shown again, the page is reloaded; after a reload of the window, the host has selected no run.
    await page.reload();
    await expect.poll(() => posted.filter(({ type }) => type === 'ready').length, patient).toBe(2);
    // The host only sends events once it knows which run is shown.
    await send(
      page,
      runs.map((run) => ({ ...run, events: [] })),
    );
    expect(shown.at(-1)).toEqual(['run-two', 'run-three']);
    await send(page, runs);
    expect(await page.locator('#app').getAttribute('data-run')).toBe('run-two');
    expect(await box(page, 'three').evaluate((element) => (element as HTMLInputElement).checked)).toBe(true);
    await expect.poll(now, patient).toEqual(before);
    expect(problems).toEqual([]);
    await page.close();
  });

  it('has buttons to resume a stopped run and for the next steps in texts', async () => {
    const { page, posted } = await open();
    const stopped = makeRun({ id: 'stopped-run', upTo: 12, state: { status: 'cancelled' } });
    await send(page, [stopped]);
    await page.getByText('Resume Training', { exact: true }).click();
    const old = 'measure with "forget-me-not evaluate stopped-run".';
    const warning = {
      type: 'warning',
      time: stopped.spec.createdAt,
      message: `It ended early; ${old}`,
    } as const;
    await send(page, [{ ...stopped, events: [...stopped.events, warning] }]);
    await page.locator('.warnings').getByText('Measure Result', { exact: true }).click();
    await expect.poll(() => posted.length, patient).toBe(3);
    expect(posted.slice(1)).toEqual([
      { type: 'step', step: { id: 'resume', subject: 'stopped-run' } },
      { type: 'step', step: { id: 'evaluate', subject: 'stopped-run' } },
    ]);
    expect(await page.locator('body').innerText()).not.toContain('forget-me-not ');
    await page.close();
  });

  it('redraws its charts in the colours of a new theme', async () => {
    const { page } = await open();
    await send(page, [makeRun()]);
    await openDetails(page);
    const colours = () =>
      page.locator('[data-chart=learning-rate] canvas').evaluate((element) => {
        const canvas = element as HTMLCanvasElement;
        const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
        let red = 0;
        for (let at = 0; at < data.length; at += 4)
          if (data[at]! > 200 && data[at + 1]! < 60 && data[at + 2]! < 60 && data[at + 3]! > 200) red++;
        return red;
      });
    expect(await colours()).toBe(0);
    await page.evaluate(() => {
      document.documentElement.style.setProperty('--vscode-charts-blue', '#ff0000');
      document.body.className = 'vscode-light';
    });
    await expect.poll(colours, patient).toBeGreaterThan(100);
    await page.close();
  });

  it('applies changes to a run, and asks for a snapshot if it missed one', async () => {
    const { page, posted, problems } = await open();
    const feed = new PanelFeed();
    const next = (upTo: number) => ({ ...feed.nextMessage([live(upTo)]), sweeps: [] }) as ToPanel;
    await tell(page, next(3));
    await tell(page, next(9));
    const line = page.locator('.status-line');
    expect(await line.textContent()).toContain('step 9 of 60');
    expect(await page.locator('[data-chart=loss] canvas').getAttribute('aria-label')).toContain('at step 9.');
    // This one is lost, as in a hidden panel.
    next(12);
    await tell(page, next(15));
    expect(await line.textContent()).toContain('step 9 of 60');
    expect(posted.filter(({ type }) => type === 'ready')).toHaveLength(2);
    feed.forget();
    await tell(page, next(15));
    expect(await line.textContent()).toContain('step 15 of 60');
    expect(problems).toEqual([]);
    await page.close();
  });

  it('compares runs, asks the host what differs, and keeps the focus', async () => {
    const { page, posted, problems } = await open();
    const [first, second] = [
      withSamples(makeRun({ id: 'a', checkpoints: 6, best: 50 })),
      withSamples(makeRun({ id: 'b', method: 'full', checkpoints: 6 })),
    ];
    const third = makeRun({ id: 'c', name: 'elsewhere', folder: '/home/me/else' });
    await send(page, [first, second, third], { selected: 'a', sweeps: [makeSweep()] });
    const boxes = page.locator('.run-list vscode-checkbox');
    expect(await boxes.count()).toBe(3);
    await box(page, 'full fine-tuning').focus();
    await page.keyboard.press('Space');
    await expect.poll(() => posted.at(-1), patient).toEqual({ type: 'compare', runs: ['a', 'b'] });
    await tell(page, { type: 'comparison', ...makeComparison(first, second) });
    const answer = page.locator('.comparison-answer');
    expect(await answer.textContent()).toContain('learning rate1e-31e-4');
    expect(await answer.textContent()).toContain('no difference seen');
    expect(await page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toContain('full');
    const words = (chart: string) => page.locator(`[data-chart=${chart}] canvas`).getAttribute('aria-label');
    await openDetails(page);
    for (const chart of ['trade-off', 'loss', 'pass-at-k', 'diversity', 'learning-rate'])
      expect(await words(chart), chart).toContain('full fine-tuning');
    expect(await page.locator('[data-chart=loss] .chart-warning').isVisible()).toBe(false);
    // Another folder is allowed, and the chart says so.
    await box(page, 'elsewhere').click();
    await expect.poll(() => posted.at(-1), patient).toEqual({ type: 'compare', runs: ['a', 'b', 'c'] });
    expect(await page.locator('[data-chart=loss] .chart-warning').textContent()).toContain('different texts');
    await tell(page, { type: 'comparison', of: ['a', 'b', 'c'], problem: 'Run c was not evaluated.' });
    expect(await answer.textContent()).toContain('Run c was not evaluated.');
    await page.locator('.comparison-tools vscode-text-field').click();
    await page.keyboard.type('elsewhere');
    await expect.poll(() => boxes.count(), patient).toBe(1);
    expect(await seriousFaults(page)).toEqual([]);
    expect(problems).toEqual([]);
    await page.close();
  });

  it('asks again for a comparison that failed once a run was unticked and ticked', async () => {
    const { page, posted, shown } = await open();
    const runs = ['one', 'two'].map((name) => makeRun({ id: `run-${name}`, name }));
    await send(page, runs, { selected: 'run-one' });
    const asked = () => posted.filter(({ type }) => type === 'compare').length;
    await box(page, 'two').click();
    await expect.poll(asked, patient).toBe(1);
    await tell(page, { type: 'comparison', of: ['run-one', 'run-two'], problem: 'Node was not found.' });
    await box(page, 'two').click();
    await expect.poll(() => shown.at(-1), patient).toEqual(['run-one']);
    expect(asked()).toBe(1);
    await box(page, 'two').click();
    await expect.poll(asked, patient).toBe(2);
    await page.close();
  });

  it('shows forgetting by the chosen metric', async () => {
    const { page } = await open();
    await send(page, [withSamples(makeRun({ checkpoints: 6 }))]);
    await openDetails(page);
    const card = page.locator('[data-chart=trade-off]');
    const words = () => card.locator('canvas').getAttribute('aria-label');
    expect(await words()).toContain('step 60 (final evaluation) learned 0.195');
    await card.locator('vscode-dropdown').nth(1).focus();
    await page.keyboard.press('End');
    await expect.poll(words, patient).toContain('points');
    await page.close();
  });

  it('saves charts as pictures, vectors and numbers', async () => {
    const { page, posted, problems } = await open();
    const run = withSamples(makeRun({ checkpoints: 6, best: 50 }));
    const sweeps = [makeSweep()];
    await send(page, [run], { sweeps });
    await openDetails(page);
    const file = async (chart: string, format: string) => {
      const before = posted.length;
      await page.locator(`[data-chart=${chart}]`).getByText(format, { exact: true }).click();
      await expect.poll(() => posted.length, patient).toBe(before + 1);
      const { name, base64 } = posted.at(-1) as Extract<FromPanel, { type: 'save' }>;
      expect(name).toBe(`${run.spec.id}-${chart}.${format.toLowerCase()}`);
      return Buffer.from(base64, 'base64').toString();
    };
    const charts = await page
      .locator('[data-chart]:visible')
      .evaluateAll((cards) => cards.map((card) => card.getAttribute('data-chart')!));
    const known = panelOf([run], { sweeps });
    const drawn = allCharts.filter((chart) => chart.read(known, {}) !== undefined).map(({ id }) => id);
    expect(charts.toSorted()).toEqual(drawn.toSorted());
    for (const chart of charts) {
      const svg = await file(chart, 'SVG');
      expect(svg).not.toContain('<image');
      const drawn = await page.evaluate((text) => {
        const { documentElement: root } = new DOMParser().parseFromString(text, 'image/svg+xml');
        const texts = [...root.querySelectorAll('text')];
        return {
          tag: root.tagName,
          paths: root.querySelectorAll('path, rect').length,
          texts: texts.map(({ textContent }) => textContent),
          fonts: texts.every((one) => Number.parseFloat(one.getAttribute('font-size') ?? '') >= 11),
        };
      }, svg);
      expect(drawn.tag, chart).toBe('svg');
      expect(drawn.paths, chart).toBeGreaterThan(5);
      expect(drawn.texts.length, chart).toBeGreaterThan(5);
      expect(drawn.fonts, chart).toBe(true);
      expect(await file(chart, 'CSV'), chart).toMatch(
        /^\ufeffrun,figure,[a-z ]+,value,low,high,n,unit,setting\r\n/,
      );
    }
    expect(await file('trade-off', 'SVG')).toContain('learned: fall of held-out loss, nats/token');
    const csv = (await file('loss', 'CSV')).split('\r\n');
    expect(csv.filter((line) => line.includes(',training loss,'))).toHaveLength(60);
    expect(problems).toEqual([]);
    await page.close();
  });

  it.each(['vscode-light', 'vscode-high-contrast', 'vscode-high-contrast-light'])(
    'has no serious accessibility fault in %s with everything shown',
    async (theme) => {
      const { page, problems } = await open();
      await page.evaluate(
        ([kind, colours]) => {
          for (const [name, value] of Object.entries(colours as Record<string, string>))
            document.documentElement.style.setProperty(name, value);
          document.body.className = kind as string;
        },
        [theme, themes[theme]!] as const,
      );
      const runs = [
        {
          ...withStrengths(withSamples(makeRun({ id: 'a', checkpoints: 6, best: 50 })), 0.5, 0.25),
          brokenLines: 2,
        },
        withSamples(makeRun({ id: 'b', method: 'full', folder: '/else' })),
      ];
      await send(page, runs, { selected: 'a', sweeps: [makeSweep()] });
      await box(page, 'full fine-tuning').click();
      await tell(page, { type: 'comparison', ...makeComparison(runs[0]!, runs[1]!) });
      await openDetails(page);
      for (const summary of await page.locator('.card summary:visible').all()) await summary.click();
      expect(await page.locator('.notes').textContent()).toContain(
        '2 lines of events.jsonl could not be read',
      );
      expect(await seriousFaults(page)).toEqual([]);
      expect(problems).toEqual([]);
      await page.close();
    },
  );

  it('draws and follows twenty thousand steps and a thousand checkpoints', async () => {
    const { page, problems } = await open();
    const long = makeRun({ steps: 20_000, checkpoints: 1000 });
    const feed = new PanelFeed();
    await tell(page, { ...feed.nextMessage([long]), sweeps: [] } as ToPanel);
    await openDetails(page);
    for (const chart of ['trade-off', 'loss']) expect(await inkOf(page, chart)).toBeGreaterThan(1000);
    await tell(page, {
      ...feed.nextMessage([
        { ...long, events: [...long.events, { type: 'warning', time: '', message: 'One more.' }] },
      ]),
    } as ToPanel);
    expect(await page.locator('.notes li').textContent()).toBe('One more.');
    await page.locator('[data-chart=trade-off] summary').click();
    const rows = page.locator('[data-chart=trade-off] tbody tr');
    await expect.poll(() => rows.count(), patient).toBeGreaterThan(100);
    expect(await rows.count()).toBeLessThan(250);
    expect(problems).toEqual([]);
    await page.close();
  });

  it('draws no more of thousands of steps than can be seen', async () => {
    const { page, problems } = await open();
    await send(page, [live(5000, 6000)]);
    await send(page, [live(5001, 6000)]);
    expect(await inkOf(page, 'loss')).toBeGreaterThan(1000);
    await page.locator('[data-chart=loss] summary').click();
    const rows = page.locator('[data-chart=loss] tbody tr');
    await expect.poll(() => rows.count(), patient).toBeGreaterThan(10);
    expect(await rows.count()).toBeLessThan(80);
    expect(problems).toEqual([]);
    await page.close();
  });

  it('ignores an unknown message', async () => {
    const { page, problems } = await open();
    await send(page, [live(3)]);
    await page.evaluate(() => window.postMessage({ type: 'runs', runs: [{ nonsense: true }] }));
    await send(page, [live(4)]);
    expect(await page.locator('.status-line').textContent()).toContain('step 4 of 60');
    expect(problems).toEqual([expect.stringContaining('received an invalid message')]);
    await page.close();
  });
});
