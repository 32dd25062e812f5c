/** The thread that finds next edits, as the extension uses it: what happens when it ends. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { ToFinder } from '../../../src/next-edit-finder/finder.ts';
import { FinderThread } from '../../../src/next-edit-finder/finder-thread.ts';

/** For what a thread does asynchronously. */
const patient = { timeout: 30_000 };
let dir: string;
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), 'fmn-thread-'))));
afterEach(() => rmSync(dir, { recursive: true }));

it.each([
  ['ends by itself', 'process.exit(0)'],
  ['fails', 'throw new Error("failed")'],
])('a finder that %s is restarted by the next request', async (_, ending) => {
  const script = join(dir, 'finder.mjs');
  writeFileSync(
    script,
    `import { parentPort } from 'node:worker_threads';
parentPort.on('message', ({ id }) => { if (id === 1) ${ending}; parentPort.postMessage({ id, offers: [] }); });`,
  );
  const answer = vi.fn();
  const lost = vi.fn();
  const finder = new FinderThread(script, { answer, lost });
  finder.ask({ id: 1 } as ToFinder);
  await vi.waitFor(() => expect(lost).toHaveBeenCalledOnce(), patient);
  finder.ask({ id: 2 } as ToFinder);
  await vi.waitFor(() => expect(answer).toHaveBeenCalledWith({ id: 2, offers: [] }), patient);
  await finder.dispose();
  expect(lost).toHaveBeenCalledOnce();
});
