import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makeFolder } from '../../../src/export/unfinished.ts';
import { deadPid } from '../runs/help.ts';

it('what killed exporters left is removed by the next, what living ones make is not', async () => {
  const parent = mkdtempSync(join(tmpdir(), 'fmn-unfinished-'));
  try {
    const mine = await makeFolder(parent);
    const other = mine.replace(/\w{6}$/, 'abcdef');
    const dead = [`.exporting-${deadPid}-1-abcdef`];
    if (process.platform === 'linux') dead.push(`.exporting-${process.pid}-1-abcdef`);
    for (const name of [...dead, '.exporting-mine', 'out.gguf']) mkdirSync(join(parent, name));
    mkdirSync(other);
    const next = await makeFolder(parent);
    expect(readdirSync(parent).sort()).toEqual(
      [mine, other, next, join(parent, '.exporting-mine'), join(parent, 'out.gguf')]
        .map((path) => path.slice(parent.length + 1))
        .sort(),
    );
  } finally {
    rmSync(parent, { recursive: true });
  }
});

it('what an earlier version left, which names no process, is removed once nothing in it is younger than a day', async () => {
  const parent = mkdtempSync(join(tmpdir(), 'fmn-unfinished-'));
  const now = Date.now() / 1000;
  const put = (name: string, days: number, fileDays?: number) => {
    mkdirSync(join(parent, name));
    if (fileDays !== undefined) {
      const file = join(parent, name, 'written');
      writeFileSync(file, 'x');
      utimesSync(file, now - fileDays * 86_400, now - fileDays * 86_400);
    }
    utimesSync(join(parent, name), now - days * 86_400, now - days * 86_400);
  };
  try {
    put('.exporting-Ab3xYz', 2, 2);
    put('.exporting-empty1', 2);
    put('.exporting-young1', 0.5, 0.5);
    // A long export still writes its file.
    put('.exporting-growin', 2, 0.1);
    put('.exporting-somebodys', 9, 9);
    const mine = await makeFolder(parent);
    const kept = ['.exporting-growin', '.exporting-somebodys', '.exporting-young1'];
    expect(readdirSync(parent).sort()).toEqual([mine.slice(parent.length + 1), ...kept].sort());
  } finally {
    rmSync(parent, { recursive: true });
  }
});
