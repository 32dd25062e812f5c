/** Helpers for tests of the panel in a real browser. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { chromium, type Browser, type Page } from 'playwright-core';
import { findChromium } from '../../scripts/setup.mjs';

export function chromiumPath(): string {
  const found = findChromium();
  if (!found)
    throw new Error('No Chromium was found: run npm test, which installs it, or put its path into CHROMIUM.');
  return found;
}

export const launchChromium = (): Promise<Browser> =>
  chromium.launch({ executablePath: chromiumPath(), args: ['--no-sandbox'] });

/** The panel's bundle, by path in its page. */
export async function builtPanel(): Promise<Record<string, string>> {
  return {
    '/main.js': await readFile('dist/webview/main.js', 'utf8'),
    '/main.css': await readFile('dist/webview/main.css', 'utf8'),
  };
}

/** Collects console errors, exceptions, violations of the content security policy, and requests to the network. */
export async function watchPage(page: Page): Promise<string[]> {
  const problems: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) problems.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => problems.push(`exception: ${error.message}`));
  page.on('request', (request) => {
    if (!request.isNavigationRequest() && !request.url().startsWith('http://panel.test/'))
      problems.push(`request: ${request.url()}`);
  });
  await page.exposeFunction('reportBreach', (text: string) => problems.push(`policy: ${text}`));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
      void (window as unknown as { reportBreach(text: string): void }).reportBreach(
        `${violatedDirective} ${blockedURI}`,
      );
    });
  });
  return problems;
}

/** Opens the details, and waits until they are drawn. */
export async function openDetails(page: Page): Promise<void> {
  await page.locator('details.more > summary').click();
  await page.locator('details.more[open] .facts').waitFor();
}

/** Number of non-empty pixels of a chart's canvas. */
export function inkOf(page: Page, chart: string): Promise<number> {
  return page.locator(`[data-chart="${chart}"] canvas`).evaluate((element) => {
    const canvas = element as HTMLCanvasElement;
    const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
    let ink = 0;
    for (let at = 3; at < data.length; at += 4) if (data[at]! > 0) ink++;
    return ink;
  });
}

interface AxeViolation {
  id: string;
  impact: string | null;
  nodes: { html: string; failureSummary?: string }[];
}

/** axe's serious and critical findings, one line each. axe is injected by the debugger, past the page's policy. */
export async function seriousFaults(page: Page): Promise<string[]> {
  const source = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  await page.evaluate(source);
  const violations = await page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run(): Promise<{ violations: AxeViolation[] }> } };
    return (await axe.run()).violations;
  });
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary ?? ''}`),
    );
}
