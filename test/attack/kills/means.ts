/**
 * What happens to a program at a random moment, besides a kill: its clock jumps, its folder is read-only, its disk
 * full.
 */
import { execFileSync, spawn, spawnSync, type ChildProcess, type StdioOptions } from 'node:child_process';
import { chmodSync, chownSync, closeSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../../support/random.ts';
import type { Trial } from '../campaign.ts';
import { killGroup, within } from '../support.ts';

export const means = ['kill', 'stop', 'clock', 'read-only', 'full'] as const;
export type Means = (typeof means)[number];

/** The random choices of a trial, made before any of them runs: the same seed gives the same trials. */
export interface Draw {
  /** A number from 0 to 1: a share of the time that the work takes without interruption. */
  moment(): number;
  below(count: number): number;
  one<T>(of: readonly T[]): T;
}

function drawFrom(random: Random): Draw {
  return {
    moment: () => random.next(),
    below: (count) => random.integer(count),
    one: (of) => of[random.integer(of.length)]!,
  };
}

export interface Wanted {
  random: Random;
  /** Trials of each means. */
  count: number;
  /** Default: all. */
  kinds?: readonly Means[];
}

/** `run` makes a trial from its random choices. If no small disk can be made, that is reported and skipped. */
export function trialsOf(
  subject: string,
  { random, count, kinds = means }: Wanted,
  run: Record<Means, (draw: Draw) => Promise<void>>,
): Trial[] {
  const why = diskObstacle();
  if (why !== undefined) console.log(`${subject}: no trials with a full disk, because ${why}.`);
  const possible = kinds.filter((kind) => kind !== 'full' || why === undefined);
  return possible.flatMap((kind) =>
    Array.from({ length: count }, (_, index): Trial => {
      const seed = random.integer(2 ** 31);
      return {
        name: `${subject}, ${kind} ${index} (${seed})`,
        run: () => run[kind](drawFrom(new Random(seed))),
      };
    }),
  );
}

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
const MAX_MS = 300_000;

export interface Started {
  child: ChildProcess;
  /** How it ended, and its stderr. */
  ended: Promise<{ how: number | string | null; output: string }>;
}

export interface HowToStart {
  env?: Record<string, string> | undefined;
  /** As a user subject to file permissions: root is not. */
  asNobody?: boolean;
  ipc?: boolean;
}

const preload = () => `--import=${pathToFileURL(resolve('test/attack/kills/preload.mjs')).href}`;

/** Starts Node in a separate process group. */
export function start(args: readonly string[], { env, asNobody, ipc }: HowToStart = {}): Started {
  const stdio: StdioOptions = ['ignore', 'ignore', 'pipe', ...(ipc ? ['ipc' as const] : [])];
  const child = spawn(process.execPath, args, {
    ...{ stdio, detached: true, env: { ...process.env, NODE_OPTIONS: preload(), ...env } },
    ...(asNobody && isRoot && { uid: NOBODY, gid: NOBODY }),
  });
  let output = '';
  child.stderr!.on('data', (text) => (output += String(text)));
  // A child whose channel was closed by its parent never emits "close".
  const read = once(child.stderr!, 'end');
  const exited = new Promise<number | string | null>((done) =>
    child.once('exit', (code, by) => done(by ?? code)),
  );
  return { child, ended: exited.then(async (how) => (await read, { how, output })) };
}

export const startDist = (name: string, args: readonly string[], how?: HowToStart): Started =>
  start([resolve(`dist/${name}.mjs`), ...args], how);

/** Waits for its end, which must come. */
export async function finished({
  child,
  ended,
}: Started): Promise<{ how: number | string | null; output: string }> {
  return within(ended, MAX_MS).finally(() => killGroup(child));
}

/** True if it has not ended by then. */
export const after = ({ ended }: Started, milliseconds: number): Promise<boolean> =>
  Promise.race([sleep(milliseconds, true), ended.then(() => false)]);

export function signal({ child }: Started, name: NodeJS.Signals, group = true): void {
  try {
    process.kill(group ? -child.pid! : child.pid!, name);
  } catch {
    // It has ended.
  }
}

/** The environment of a program whose clock jumps up to three times within this many ms from now. */
export function jumpingClock(draw: Draw, milliseconds: number): Record<string, string> {
  const day = 24 * 3600_000;
  const by = () => draw.one([-1, 1]) * draw.one([10_000, 3600_000, day, 40 * day, 3650 * day]);
  const moments = Array.from({ length: 1 + draw.below(3) }, () => draw.moment()).sort((a, b) => a - b);
  const first = draw.one([0, by()]);
  const jumps = moments.map((moment) => `${Math.round(Date.now() + moment * milliseconds)}:${by()}`);
  return { FMN_CLOCK: [`0:${first}`, ...jumps].join() };
}

/** Gives a folder to the user that programs subject to file permissions run as. */
export function chownToNobody(folder: string): void {
  if (!isRoot) return;
  chmodSync(dirname(folder), 0o755);
  for (const path of [folder, ...inside(folder)]) chownSync(path, NOBODY, NOBODY);
}

/** Nothing can be created, renamed or removed in it; open files stay writable. */
export function setWritable(folder: string, writable: boolean): void {
  const paths = [folder, ...inside(folder, true)];
  for (const path of paths) chmodSync(path, writable ? 0o755 : 0o555);
}

function inside(folder: string, onlyFolders = false): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((one) => !one.isSymbolicLink() && (one.isDirectory() || !onlyFolders))
    .map((one) => join(one.parentPath, one.name));
}

/** Why no test disk can be created here; undefined if one can. */
export const diskObstacle = (): string | undefined =>
  isRoot && spawnSync('mount', ['--version']).status === 0
    ? undefined
    : 'creating a small disk needs root and "mount"';

/** A disk of a few MB in memory. */
export class SmallDisk {
  private readonly filler: string;
  private constructor(readonly folder: string) {
    this.filler = join(folder, 'filler');
  }

  static async mount(folder: string, megabytes: number): Promise<SmallDisk> {
    await mkdir(folder, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder]);
    return new SmallDisk(folder);
  }

  /** Leaves this many bytes free. */
  fill(leave: number): void {
    const file = openSync(this.filler, 'w');
    const page = Buffer.alloc(1 << 20, 1);
    const written: number[] = [];
    try {
      for (;;) written.push(writeSync(file, page));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    } finally {
      closeSync(file);
    }
    const size = Math.max(0, written.reduce((sum, one) => sum + one, 0) - leave);
    execFileSync('truncate', ['-s', String(size), this.filler]);
  }

  free(): void {
    rmSync(this.filler, { force: true });
  }

  unmount(): void {
    execFileSync('umount', ['-l', this.folder]);
  }
}

/** Throws if the last line of a failed program is not one of our sentences. A log may precede it. */
export function mustEndWithSentence(log: string): void {
  const line = log.trim().split('\n').at(-1)!;
  if (!/^\[(?!internal)[a-z-]+\] .*\.$/.test(line)) throw new Error(`no sentence: ${log.trim().slice(-600)}`);
}

/** All files of a folder, by their relative paths. */
export function listing(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((one) => one.isFile())
    .map((one) => join(one.parentPath, one.name).slice(folder.length + 1))
    .sort();
}
