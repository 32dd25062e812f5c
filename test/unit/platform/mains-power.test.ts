import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { onMains } from '../../../src/platform/machine/mains-power.ts';

/** As Linux presents its power supplies. */
async function of(supplies: Record<string, Record<string, string>>): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'fmn-power-'));
  for (const [name, files] of Object.entries(supplies)) {
    mkdirSync(join(folder, name));
    for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, name, file), `${text}\n`);
  }
  try {
    return await onMains('linux', folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
const battery = { type: 'Battery', status: 'Discharging' };

it('is the plug of a laptop, whatever its battery does', async () => {
  expect(await of({ AC: { type: 'Mains', online: '1' }, BAT0: battery })).toBe(true);
  expect(await of({ AC: { type: 'Mains', online: '0' }, BAT0: battery })).toBe(false);
  expect(await of({ ucsi: { type: 'USB', online: '1' }, BAT0: battery })).toBe(true);
  expect(await of({ BAT0: battery })).toBe(false);
});

it('is true for a machine without a battery, even with a mouse that has one', async () => {
  expect(await of({})).toBe(true);
  expect(await of({ mouse: { ...battery, scope: 'Device' } })).toBe(true);
});

it('is not assumed if it can’t be determined', async () => expect(await onMains('win32')).toBe(false));
