import { appendFile, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keepPreference } from '../../../../src/corpus/preferences/keeper.ts';
import {
  addPreference,
  deletePreferences,
  describePreferences,
  preferencesFile,
  readPreferences,
} from '../../../../src/corpus/preferences/store.ts';
import { planted } from '../../../support/planted-secrets.ts';
import { preference } from './help.ts';

let home: string;
const before = process.env['FORGET_ME_NOT_HOME'];
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'preferences-'));
  process.env['FORGET_ME_NOT_HOME'] = home;
});
afterEach(async () => {
  if (before === undefined) delete process.env['FORGET_ME_NOT_HOME'];
  else process.env['FORGET_ME_NOT_HOME'] = before;
  await rm(home, { recursive: true });
});

describe('the preferences of a folder', () => {
  it('are stored by its full path', () => {
    expect(preferencesFile('/a/shop')).not.toBe(preferencesFile('/b/shop'));
    expect(preferencesFile('/a/shop')).toMatch(/preferences[\\/]shop-[\da-f]{12}\.jsonl$/);
  });

  it('are kept in order, readable only by their user', async () => {
    const file = preferencesFile('/a/shop');
    expect(await describePreferences(file)).toBeUndefined();
    const all = [preference(), preference({ time: '2026-11-27T10:00:00.000Z', accepted: 11 })];
    for (const one of all) await addPreference(file, one);
    expect(await readPreferences(file)).toEqual({ preferences: all, broken: 0 });
    const { size, mode } = await stat(file);
    expect(await describePreferences(file)).toEqual({ count: 2, bytes: size, since: all[0]!.time });
    if (process.platform !== 'win32') expect(mode & 0o777).toBe(0o600);
    await deletePreferences(file);
    expect(await describePreferences(file)).toBeUndefined();
    await deletePreferences(file);
  });

  it('lose their older half, in whole lines, when too large', async () => {
    const file = preferencesFile('/a/shop');
    const line = JSON.stringify(preference()).length + 1;
    const times = Array.from({ length: 25 }, (_, i) => `2026-11-26T10:00:${String(i).padStart(2, '0')}.000Z`);
    for (const time of times) await addPreference(file, preference({ time }), 10 * line);
    const { preferences, broken } = await readPreferences(file);
    expect(broken).toBe(0);
    expect(preferences.length).toBeGreaterThanOrEqual(4);
    expect(preferences.length).toBeLessThanOrEqual(10);
    expect(preferences.map(({ time }) => time)).toEqual(times.slice(-preferences.length));
    if (process.platform !== 'win32') expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('skip a damaged line', async () => {
    const file = preferencesFile('/a/shop');
    await addPreference(file, preference());
    await appendFile(file, '{"time":"2026\n{"shown":1}\n');
    await addPreference(file, preference({ later: 'after' }));
    const { preferences, broken } = await readPreferences(file);
    expect(preferences.map(({ later }) => later)).toEqual(['sum(items)', 'after']);
    expect(broken).toBe(2);
  });

  it('contain no secret, in any field of a record', async () => {
    const file = preferencesFile('/a/shop');
    const secret = planted['keys/dsa.ts']!;
    for (const place of ['prefix', 'suffix', 'shown', 'later'] as const)
      expect(await keepPreference({ file, preference: preference({ [place]: secret }) })).toBe(false);
    // It is a secret only together with the text before it.
    const [head, tail] = [secret.slice(0, 50), secret.slice(50)];
    expect(await keepPreference({ file, preference: preference({ prefix: head, later: tail }) })).toBe(false);
    expect(await describePreferences(file)).toBeUndefined();
    expect(await keepPreference({ file, preference: preference() })).toBe(true);
    expect(await readFile(file, 'utf8')).toBe(`${JSON.stringify(preference())}\n`);
  });
});
