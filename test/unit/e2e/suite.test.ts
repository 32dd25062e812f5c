/** The end-to-end suite without an editor: what happens if a scenario fails. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { runSuite } from '../../e2e/suite.mjs';

let dir: string;
let printed: string[];
let happened: string[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'fmn-suite-'));
  [printed, happened] = [[], []];
  vi.spyOn(console, 'log').mockImplementation((line: string) => void printed.push(line));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(dir, { recursive: true, force: true });
});

const note = (what: string) => void happened.push(what);
let opened = 0;
const made = {
  makePlace: () => ({
    home: dir,
    discardUnfinished: () => note('discard'),
    resetSettings: () => note('reset'),
    remove: () => note('remove'),
  }),
  open: () => {
    const name = `window ${(opened += 1)}`;
    note(`open ${name}`);
    return Promise.resolve({
      vscode: { dir, log: () => '' },
      workbench: {
        page: { screenshot: () => Promise.resolve(note('screenshot')) },
        describe: () => Promise.resolve('status bar: ready'),
        clear: () => Promise.resolve(note('clear')),
        does: (what: string) => note(`${what} in ${name}`),
      },
      close: () => Promise.resolve(note(`close ${name}`)),
    });
  },
};
type Workbench = Awaited<ReturnType<typeof made.open>>['workbench'];
const does = (what: string) => (workbench: Workbench) => Promise.resolve(workbench.does(what));
const fails = () => Promise.reject(new Error('no such button'));

it('continues from a fresh state after a failed scenario, and counts both', async () => {
  const chosen: [string, (workbench: Workbench) => Promise<void>][] = [
    ['one', does('one')],
    ['two', does('two')],
    ['three', fails],
    ['four', does('four')],
  ];
  opened = 0;
  const results = await runSuite(chosen, { shots: join(dir, 'shots'), vsix: '', chromium: '' }, made);
  expect(results).toEqual({ passed: 3, failed: 1 });
  expect(happened).toEqual([
    ...['open window 1', 'clear', 'one in window 1', 'reset', 'clear', 'two in window 1', 'reset', 'clear'],
    ...['screenshot', 'close window 1', 'discard', 'reset'],
    ...['open window 2', 'clear', 'four in window 2', 'reset', 'close window 2', 'remove'],
  ]);
  const text = printed.join('\n');
  expect(text).toMatch(
    /ok +one[^]*ok +two[^]*FAIL +three[^]*no such button[^]*status bar: ready[^]*failed-1-three[^]*ok +four/,
  );
});
