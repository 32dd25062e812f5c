/** Whether the machine is on mains power, since background work should not drain a battery. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { outputOf } from '../processes/start.ts';

/** Linux's folder of power supplies: one entry for mains, one for each battery. */
const SUPPLIES = '/sys/class/power_supply';

/** False if unknown, as on Windows. */
export async function onMains(platform = process.platform, supplies = SUPPLIES): Promise<boolean> {
  try {
    if (platform === 'linux') return await linuxOnMains(supplies);
    if (platform !== 'darwin') return false;
    return /'AC Power'/.test((await outputOf('pmset', ['-g', 'ps'])).stdout);
  } catch {
    return false;
  }
}

/** A machine without a battery is on mains. Batteries of devices, such as a mouse, don't count. */
async function linuxOnMains(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch(() => []);
  const read = (name: string, what: string) =>
    readFile(join(folder, name, what), 'utf8').then(
      (text) => text.trim(),
      () => '',
    );
  let hasBattery = false;
  for (const name of names) {
    const type = await read(name, 'type');
    if (type !== 'Battery' && (await read(name, 'online')) === '1') return true;
    hasBattery ||= type === 'Battery' && (await read(name, 'scope')) !== 'Device';
  }
  return !hasBattery;
}
