/** Which records a training learns from: those of one folder, or of several. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { preferencesOf } from '../../../src/cli/options/preferences-option.ts';
import { LEAST_VERDICTS, selectVerdicts } from '../../../src/preferences/select.ts';
import { addPreference, preferencesFile } from '../../../src/preferences/store.ts';
import { preference } from './help.ts';

const base = { id: 'a-base', path: '/base.gguf', sha256: 'ab12' };
const folders = [
  { path: '/home/me/api', name: 'api' },
  { path: '/home/me/web', name: 'web' },
];
let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'preferences-'));
  vi.stubEnv('FORGET_ME_NOT_HOME', home);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(home, { recursive: true });
});

/** Each gives two texts. Every second minute from `begin` on. */
async function record(folder: string, count: number, begin: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    const time = new Date(Date.UTC(2026, 10, 26) + (begin + 2 * n) * 60_000).toISOString();
    const place = { repository: basename(folder), path: `src/file${n}.ts` };
    await addPreference(
      preferencesFile(folder),
      preference({ time, ...place, later: `other(${n}, ${begin})` }),
    );
  }
}

describe('the records of several folders', () => {
  it('are taken together, the oldest first', async () => {
    const half = LEAST_VERDICTS / 4;
    await record('/home/me/api', half, 0);
    await record('/home/me/web', half, 1);
    const file = preferencesFile('/home/me/api');
    await expect(selectVerdicts({ file, base })).rejects.toMatchObject({ code: 'preferences-too-few' });
    const chosen = await preferencesOf(
      { preferences: true, method: 'lora' },
      { folder: '/home/me/api', folders },
      base,
    );
    expect(chosen.preferences!.files).toHaveLength(2);
    const verdicts = await selectVerdicts({ ...chosen.preferences!, base });
    expect(verdicts).toHaveLength(LEAST_VERDICTS);
    const times = verdicts.map(({ preference: { time } }) => time);
    expect(times).toEqual(times.toSorted());
  });

  it('need not exist for each, but for one', async () => {
    await record('/home/me/web', LEAST_VERDICTS / 2, 0);
    const where = { folder: '/home/me/api', folders };
    const chosen = await preferencesOf({ preferences: true, method: 'lora' }, where, base);
    expect(await selectVerdicts({ ...chosen.preferences!, base })).toHaveLength(LEAST_VERDICTS);
    await rm(preferencesFile('/home/me/web'));
    await expect(selectVerdicts({ ...chosen.preferences!, base })).rejects.toMatchObject({
      code: 'preferences-unreadable',
      message: expect.stringMatching(/^There are no preferences in .*api-.*, .*web-/) as string,
    });
  });
});
