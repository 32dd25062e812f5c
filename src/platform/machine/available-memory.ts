/** How much memory a new process can use without displacing anything else. */
import { readFile } from 'node:fs/promises';
import { freemem, totalmem } from 'node:os';
import { dirname, join } from 'node:path';

/** Available bytes. On Linux: the kernel's MemAvailable, within the limits of this process's cgroups. */
export async function availableMemory(root = '/', platform: string = process.platform): Promise<number> {
  // macOS counts only unused memory as free, but most of the rest can be reclaimed.
  if (platform === 'darwin') return Math.max(freemem(), 0.7 * totalmem());
  if (platform !== 'linux') return freemem();
  const info = await textOf(join(root, 'proc/meminfo'));
  const kilobytes = /^MemAvailable:\s+(\d+) kB$/m.exec(info)?.[1];
  const machine = kilobytes ? Number(kilobytes) * 1024 : freemem();
  return Math.min(machine, ...(await cgroupHeadroom(root)));
}

/**
 * Bytes left in each cgroup from this process's up to the root. Caches that the kernel can drop count as available.
 */
async function cgroupHeadroom(root: string): Promise<number[]> {
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
      // Without a limit, the value is "max" or absurdly large.
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
