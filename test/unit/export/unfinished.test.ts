import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
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
