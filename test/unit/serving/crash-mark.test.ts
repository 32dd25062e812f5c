/** The mark left by a process that ended while it tried something. */
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { hasCrashedWith } from '../../../src/serving/host/crash-mark.ts';
import { deadPid } from '../runs/help.ts';

let dir: string;
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), 'fmn-mark-'))));
afterEach(() => rmSync(dir, { recursive: true }));

it.each([
  ['just now', 0, true],
  ['two days ago', -48, false],
  ['by a clock that was ahead', 24 * 400, false],
])('a mark made %s', async (_, hours, counts) => {
  const mark = join(dir, 'trying-gpu');
  writeFileSync(mark, `${deadPid}\n`);
  const time = new Date(Date.now() + hours * 3600_000);
  utimesSync(mark, time, time);
  expect(await hasCrashedWith(mark)).toBe(counts);
});
