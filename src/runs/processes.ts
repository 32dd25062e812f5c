/** Is a process still there, and is it still the same one? */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

export function isProcessAlive(pid: number): boolean {
  // To the system, 0 and what is below are groups of processes, or all there are.
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    // EPERM: it lives and belongs to someone else.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Fields of /proc/PID/stat from the state on; empty where there are none. */
function procStat(pid: number): string[] {
  if (process.platform !== 'linux') return [];
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name before them is in brackets and may hold anything.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}

/** Dead, but its parent has not asked for its exit code: in a container without an init, perhaps never. */
const isZombie = (pid: number) => ['Z', 'X'].includes(procStat(pid)[0] ?? '');

/**
 * When a process started, in a form that only serves comparison; undefined where the system doesn't tell. A pid
 * is used again sooner or later (after a restart of the machine, soon), so it alone doesn't name a process.
 */
export function processStart(pid: number): string | undefined {
  if (process.platform === 'darwin') return startByPs(pid);
  const ticks = procStat(pid)[19];
  if (!ticks) return undefined;
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}:${ticks}`;
  } catch {
    return undefined;
  }
}

/** To the second; in UTC, or it would change with the time zone. */
function startByPs(pid: number): string | undefined {
  const env = { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' };
  const { stdout } = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { env, encoding: 'utf8' });
  return stdout?.trim() || undefined;
}

/** Is it the process that started then? Where the system doesn't tell when one did, any that lives under this pid. */
export const isSameProcess = (pid: number, started: string | undefined): boolean =>
  isProcessAlive(pid) && started === processStart(pid);
