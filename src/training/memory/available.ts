/** How much memory a new process may take here without anything else having to go. */
import { readFile } from 'node:fs/promises';
import { freemem, totalmem } from 'node:os';
import { dirname, join } from 'node:path';

/** Bytes. Linux: what the kernel calls available, within the limits of the control groups this process is in. */
export async function availableMemory(root = '/', platform: string = process.platform): Promise<number> {
  // macOS counts as free only what nothing was ever in; most of the rest can be had.
  if (platform === 'darwin') return Math.max(freemem(), 0.7 * totalmem());
  if (platform !== 'linux') return freemem();
  const info = await textOf(join(root, 'proc/meminfo'));
  const kilobytes = /^MemAvailable:\s+(\d+) kB$/m.exec(info)?.[1];
  const machine = kilobytes ? Number(kilobytes) * 1024 : freemem();
  return Math.min(machine, ...(await groupRooms(root)));
}

/** Room left in each control group from this process's up; caches that the kernel would drop count as room. */
async function groupRooms(root: string): Promise<number[]> {
  const rooms: number[] = [];
  for (const line of (await textOf(join(root, 'proc/self/cgroup'))).split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    const version =
      controllers === '' ? unified : controllers?.split(',').includes('memory') ? legacy : undefined;
    if (!version || path === undefined) continue;
    for (let group = path; ; group = dirname(group)) {
      const folder = join(root, version.mount, group);
      const limit = await numberIn(join(folder, version.limit));
      const used = await numberIn(join(folder, version.used));
      const stat = await textOf(join(folder, 'memory.stat'));
      const cache = Number(new RegExp(`^${version.cache} (\\d+)$`, 'm').exec(stat)?.[1] ?? 0);
      // The limit is "max", or absurd, where there is none.
      if (limit !== undefined && used !== undefined) rooms.push(Math.max(0, limit - used + cache));
      if (group === '/' || group === '.') break;
    }
  }
  return rooms;
}

const unified = {
  mount: 'sys/fs/cgroup',
  limit: 'memory.max',
  used: 'memory.current',
  cache: 'inactive_file',
};
const legacy = {
  mount: 'sys/fs/cgroup/memory',
  limit: 'memory.limit_in_bytes',
  used: 'memory.usage_in_bytes',
  cache: 'total_inactive_file',
};

const textOf = (path: string) => readFile(path, 'utf8').catch(() => '');

async function numberIn(path: string): Promise<number | undefined> {
  const text = (await textOf(path)).trim();
  return /^\d+$/.test(text) ? Number(text) : undefined;
}
