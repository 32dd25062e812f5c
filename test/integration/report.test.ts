/** report.html in a real browser. */
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeReport } from '../../src/cli/report/write.ts';
import type { RunSnapshot } from '../../src/protocol/panel.ts';
import { charts } from '../../webview/charts/index.ts';
import { makeRun, panelOf, withSamples, withStrengths, writeRun } from '../unit/webview/fixtures.ts';
import { chromiumPath, inkOf, openDetails, seriousFaults, watchPage } from './panel-page.ts';

let browser: Browser;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fmn-report-'));
  browser = await chromium.launch({ executablePath: chromiumPath(), args: ['--no-sandbox'] });
});
afterAll(async () => {
  await browser?.close();
  await rm(folder, { recursive: true, force: true });
});

let count = 0;
async function open(runs: RunSnapshot[], options: Parameters<Browser['newPage']>[0] = {}) {
  const dirs = await Promise.all(
    runs.map((run) => writeRun(join(folder, `runs-${count}`, run.spec.id), run)),
  );
  const path = await writeReport(dirs, join(folder, `report-${count++}.html`));
  const page = await browser.newPage({ viewport: { width: 1180, height: 900 }, ...options });
  const problems = await watchPage(page);
  await page.goto(pathToFileURL(path).href);
  await page.waitForFunction(() => document.querySelector<HTMLElement>('#app')?.dataset['run'] !== undefined);
  return { page, problems, path };
}
const shown = (page: Page) =>
  page
    .locator('[data-chart]:visible')
    .evaluateAll((cards) => cards.map((card) => card.getAttribute('data-chart')));

describe('report.html', () => {
  it('draws every chart without console output, policy violations or network', async () => {
    const other = makeRun({ id: 'other', method: 'full', name: 'other' });
    const runs = [withStrengths(makeRun()), other];
    const { page, problems } = await open(runs);
    expect(await page.getByLabel('Strength: how much of the trained change is applied').isVisible()).toBe(
      true,
    );
    await page.locator('#strength').press('End');
    expect(await page.getByText('Use This Strength', { exact: true }).isVisible()).toBe(false);
    // All that have something to draw, of the runs as they were before they went through files and a page.
    const panel = panelOf(runs, { compared: ['other'] });
    const drawn = charts.filter((chart) => chart.read(panel, {}) !== undefined);
    const [always, inDetails] = [true, false].map((open) =>
      drawn.filter((chart) => Boolean(chart.open) === open).map(({ id }) => id),
    ) as [string[], string[]];
    expect(always).toEqual(expect.arrayContaining(['your-code', 'commits', 'humaneval', 'forgetting']));
    expect(inDetails).toContain('strength');
    expect(await shown(page)).toEqual(always);
    await openDetails(page);
    expect(await shown(page)).toEqual([...always, ...inDetails]);
    for (const id of await shown(page)) expect(await inkOf(page, id!), `ink of ${id}`).toBeGreaterThan(200);
    expect(await page.locator('#sentence').textContent()).toBe(makeRun().summary!.sentence);
    expect(await page.locator('.comparisons tbody tr:not(.setting)').count()).toBe(6);
    expect(await page.locator('.verdict-card .sentence').textContent()).toMatch(/^Better than before: /);
    expect(await page.getByText('Use for completion', { exact: true }).isVisible()).toBe(false);
    expect(problems).toEqual([]);
    await page.close();
  });

  it.each(['light', 'dark'] as const)('has no serious accessibility fault in %s', async (colorScheme) => {
    const { page } = await open([makeRun()], { colorScheme });
    // With everything open.
    await openDetails(page);
    for (const summary of await page.locator('.card summary:visible').all()) await summary.click();
    expect(await seriousFaults(page)).toEqual([]);
    await page.close();
  });

  it('is accessible in high contrast, without runs, and with a failed run', async () => {
    const failed = makeRun({
      upTo: 21,
      state: {
        status: 'failed',
        error: { code: 'diverged', message: 'The loss became NaN.', next: 'Lower the rate.' },
      },
    });
    for (const [runs, options] of [
      [[makeRun()], { contrast: 'more', colorScheme: 'dark' }],
      [[makeRun()], { contrast: 'more', colorScheme: 'light' }],
      [[], {}],
      [[failed], {}],
    ] as const) {
      const { page, problems } = await open([...runs], options);
      expect(await seriousFaults(page)).toEqual([]);
      expect(problems).toEqual([]);
      if (runs.length === 0) expect(await page.getByText('No runs yet').isVisible()).toBe(true);
      await page.close();
    }
  });

  it('the accessibility check finds a fault', async () => {
    const { page } = await open([]);
    await page.evaluate(() => document.querySelector('main')!.append(document.createElement('img')));
    expect(await seriousFaults(page)).toEqual([expect.stringContaining('image-alt')]);
    await page.close();
  });

  it('describes the data of a chart in words and in a table', async () => {
    const { page } = await open([makeRun()]);
    const words = await page.locator('[data-chart=humaneval] canvas').getAttribute('aria-label');
    expect(words).toContain('before 5.0% [1.0%, 9.0%], after 4.0% [0.5%, 7.5%]');
    await page.locator('[data-chart=humaneval] summary').click();
    expect(await page.locator('[data-chart=humaneval] table').textContent()).toContain('4.0% [0.5%, 7.5%]');
    await page.close();
  });

  it('shows held-out lines as an editor does, base and result side by side, or stacked if narrow', async () => {
    const { page } = await open([makeRun()], { viewport: { width: 1180, height: 900 } });
    const places = page.locator('.place');
    expect(await places.count()).toBe(3);
    const [base, result] = await places.first().locator('.editor').all();
    expect(await base!.innerText()).toMatch(/^Before\s+✗ not as written/);
    expect(await result!.innerText()).toMatch(/^Tuned on your code\s+✓ as written/);
    expect(await result!.locator('.line').last().innerText()).toMatch(
      /^42\s+const body = await request.json\(\);$/,
    );
    expect(await places.first().locator('.actual').innerText()).toBe(
      'As you wrote it: await request.json();',
    );
    const [left, right] = [(await base!.boundingBox())!, (await result!.boundingBox())!];
    expect([left.y, right.x > left.x + left.width]).toEqual([right.y, true]);
    await page.setViewportSize({ width: 800, height: 900 });
    const [above, below] = [(await base!.boundingBox())!, (await result!.boundingBox())!];
    expect([above.x, below.y > above.y + above.height]).toEqual([below.x, true]);
    await page.close();
  });

  it('shows names and completions as plain text', async () => {
    const hostile = '</script><script>window.hacked = 1</script><img src=x onerror="window.hacked = 1"><!--';
    const run = makeRun({ name: hostile });
    run.summary!.places!.shown[0]!.after = hostile;
    const { page, problems } = await open([run]);
    expect(await page.evaluate(() => 'hacked' in window)).toBe(false);
    expect(await page.locator('.places').textContent()).toContain(hostile);
    expect(problems).toEqual([]);
    await page.close();
  });

  it('saves a chart as a picture', async () => {
    const { page } = await open([makeRun()]);
    const downloading = page.waitForEvent('download');
    await page.locator('[data-chart=loss]').getByText('PNG', { exact: true }).click();
    const download = await downloading;
    expect(download.suggestedFilename()).toMatch(/-loss\.png$/);
    const png = await readFile(await download.path());
    expect(png.subarray(1, 4).toString()).toBe('PNG');
    expect(png.readUInt32BE(16)).toBeGreaterThan(500);
    await page.close();
  });

  it('saves a chart as numbers and as vectors', async () => {
    const { page, problems } = await open([makeRun({ checkpoints: 3 })]);
    await openDetails(page);
    for (const [format, begins] of [
      ['SVG', '<svg xmlns="http://www.w3.org/2000/svg"'],
      ['CSV', '\ufeffrun,figure,step,value'],
    ] as const) {
      const downloading = page.waitForEvent('download');
      await page.locator('[data-chart=trade-off]').getByText(format, { exact: true }).click();
      const file = await readFile(await (await downloading).path(), 'utf8');
      expect(file.startsWith(begins)).toBe(true);
    }
    expect(problems).toEqual([]);
    await page.close();
  });

  it('compares runs with the first one, or says why it cannot', async () => {
    const { page, problems } = await open([
      withSamples(makeRun({ id: 'first' })),
      withSamples(makeRun({ id: 'second', method: 'full' })),
    ]);
    const answer = page.locator('.comparison-answer');
    expect(await answer.textContent()).toContain('What differs');
    expect(await answer.locator('table').first().textContent()).toContain('method');
    const words = await page.locator('[data-chart=loss] canvas').getAttribute('aria-label');
    expect(words).toContain('LoRA r=16');
    expect(words).toContain('full fine-tuning');
    expect(await seriousFaults(page)).toEqual([]);
    expect(problems).toEqual([]);
    await page.close();
    const live = await open([makeRun({ id: 'first' }), makeRun({ id: 'live', upTo: 9 })]);
    expect(await live.page.locator('.comparison-answer').textContent()).toContain('live');
    await live.page.close();
  });

  it('reads the intact lines of a damaged run, and counts the others', async () => {
    const dir = await writeRun(join(folder, 'damaged'), makeRun({ upTo: 12 }));
    await appendFile(
      join(dir, 'events.jsonl'),
      '{"type":"step","lo\n\u0000\u0000\n{"type":"unknown"}\n{"type":"st',
    );
    const path = await writeReport([dir], join(folder, 'damaged.html'));
    const page = await browser.newPage();
    await page.goto(pathToFileURL(path).href);
    await page.waitForFunction(() => document.querySelector<HTMLElement>('#app')?.dataset['run']);
    // The last line counts as unfinished, not as broken.
    await openDetails(page);
    expect(await page.locator('.notes').textContent()).toContain('3 lines of events.jsonl could not be read');
    expect(await page.locator('[data-chart=loss] canvas').getAttribute('aria-label')).toContain(
      'at step 12.',
    );
    await page.close();
  });

  it('switches runs with the keyboard', async () => {
    const { page } = await open([
      makeRun({ id: 'first' }),
      makeRun({ id: 'second', name: 'second', method: 'full' }),
    ]);
    await openDetails(page);
    expect(await page.locator('.facts').textContent()).toContain('LoRA r=16');
    await page.locator('header vscode-dropdown').focus();
    await page.keyboard.press('End');
    await page.waitForFunction(
      () => document.querySelector<HTMLElement>('#app')?.dataset['run'] === 'second',
    );
    expect(await page.locator('.facts').textContent()).toContain('full fine-tuning');
    await page.close();
  });

  it('refuses a folder without a run, and an unwritable path', async () => {
    await expect(writeReport([join(folder, 'nothing')], join(folder, 'x.html'))).rejects.toMatchObject({
      code: 'run-not-found',
    });
    const dir = await writeRun(join(folder, 'good'), makeRun());
    // There is a folder at the file's path.
    await expect(writeReport([dir], folder)).rejects.toMatchObject({ code: 'bad-argument' });
  });
});
