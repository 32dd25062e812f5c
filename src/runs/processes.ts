/** Tells whether a process is still alive, and still the same one. */
import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { outputSync } from '../platform/processes/start.ts';

export function isProcessAlive(pid: number): boolean {
  // To the system, pids of 0 and below mean process groups, or all processes.
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    // EPERM: alive, but owned by another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Fields of /proc/PID/stat starting with the state; empty if there is no such file. */
function procStat(pid: number): string[] {
  if (process.platform !== 'linux') return [];
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name before them is in parentheses and may contain anything.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}

/** Dead, but not yet reaped by its parent, which may never happen in a container without an init process. */
const isZombie = (pid: number) => ['Z', 'X'].includes(procStat(pid)[0] ?? '');

let ownStart: string | undefined;

/**
 * When a process started, in a form only for comparison; undefined if the system does not report it. A pid alone does
 * not identify a process, because pids are reused (soon, after a reboot).
 */
export function processStart(pid: number): string | undefined {
  // Each try to take a lock asks for ours, and `ps` blocks.
  return pid === process.pid ? (ownStart ??= readStart(pid)) : readStart(pid);
}

function readStart(pid: number): string | undefined {
  if (process.platform === 'darwin') return startTimeFromPs(pid);
  const ticks = procStat(pid)[19];
  if (!ticks) return undefined;
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}:${ticks}`;
  } catch {
    return undefined;
  }
}

/** Precise to the second; in UTC, so that it does not change with the time zone. */
function startTimeFromPs(pid: number): string | undefined {
  const env = { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' };
  return outputSync('ps', ['-o', 'lstart=', '-p', String(pid)], env).trim() || undefined;
}

/** Whether `pid` is the process that started then; any live process if the system does not report start times. */
export const isSameProcess = (pid: number, started: string | undefined): boolean =>
  isProcessAlive(pid) && started === processStart(pid);

/**
 * On Linux, identifies the pid namespace (containers have their own pids) until the next reboot. Elsewhere, processes of
 * one machine see all of its pids.
 */
function namespaceFacts(): string[] {
  try {
    return [readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'), readlinkSync('/proc/self/ns/pid')];
  } catch {
    return [process.platform];
  }
}

/** A digest, so as not to reveal a host name. */
const digestOf = (facts: readonly string[]): string =>
  createHash('sha256').update(facts.join('\n')).digest('hex').slice(0, 12);

let machine: string | undefined;
/** Identifies this machine or container, for folders shared with other machines. */
export const machineId = (): string => (machine ??= digestOf([hostname(), ...namespaceFacts()]));

let namespace: string | undefined;
/**
 * Identifies the processes that can look up each other's pids. Excludes the host name, which changes with the network.
 */
export const pidNamespace = (): string => (namespace ??= digestOf(namespaceFacts()));

/** Whether pids that were recorded there can be looked up here. Earlier versions did not record it. */
export const isHere = (recorded: string | undefined): boolean =>
  recorded === undefined || recorded === pidNamespace();

/** Maximum age of what a live process renews every 2 s. */
export const FRESH_MS = 15_000;
/** A clock may be set back a little meanwhile; a time further in the future is not from a live process. */
const AHEAD_MS = 5_000;

/** Whether a live process may have renewed something at this time, in ms. */
export function isFresh(time: number): boolean {
  const age = Date.now() - time;
  return age < FRESH_MS && age > -AHEAD_MS;
}

const startIn = (pid: number): string => processStart(pid)?.replace(/\W/g, '') ?? '';

/** Identifies this process in the names of temporary folders: `PID-START`. */
export const processMark = (): string => `${process.pid}-${startIn(process.pid)}`;

/** Whether the process with such a mark is still alive. */
export function isMarkedProcessAlive(mark: string): boolean {
  const [, pid, started] = /^(\d+)-(\w*)$/.exec(mark) ?? [];
  return pid !== undefined && isProcessAlive(Number(pid)) && startIn(Number(pid)) === started;
}
