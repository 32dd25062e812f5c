/** The thread that records what became of completions, as the extension starts it. Needs dist/. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import type { KeeperMessage } from '../../src/corpus/preferences/keeper.ts';
import { readPreferences } from '../../src/corpus/preferences/store.ts';
import { preference } from '../unit/corpus/preferences/help.ts';

it('has written everything in order when it ends', async () => {
  const home = await mkdtemp(join(tmpdir(), 'keeper-'));
  try {
    const file = join(home, 'preferences', 'shop.jsonl');
    const records = Array.from({ length: 20 }, (_, seconds) => preference({ seconds }));
    const keeper = new Worker('./dist/preference-keeper.mjs', { execArgv: [] });
    for (const one of records) keeper.postMessage({ file, preference: one } satisfies KeeperMessage);
    keeper.postMessage('end' satisfies KeeperMessage);
    expect(await once(keeper, 'exit')).toEqual([0]);
    expect(await readPreferences(file)).toEqual({ preferences: records, broken: 0 });
  } finally {
    await rm(home, { recursive: true });
  }
});
