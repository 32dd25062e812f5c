/**
 * The only place where processes and threads are started (enforced by a lint rule). None opens a window on Windows, and
 * none inherits the completion server's token unless the caller passes it.
 */
import { execFile, spawn, spawnSync, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { Worker, type WorkerOptions } from 'node:worker_threads';

interface Environment {
  /** Variables added to our environment; undefined removes one. */
  env?: NodeJS.ProcessEnv | undefined;
  /** The complete environment, replacing ours. */
  onlyEnv?: NodeJS.ProcessEnv;
}

interface StartOptions extends Environment, Pick<SpawnOptions, 'stdio' | 'detached' | 'serialization'> {
  cwd?: string | undefined;
  /** Aborting it sends SIGTERM. */
  signal?: AbortSignal | undefined;
}

export interface NodeOptions extends StartOptions {
  /** By default, the Node that runs this process. */
  command?: string;
  /** Options of Node itself, before the script. */
  flags?: readonly string[];
}

/** Starts another program. A child with an IPC channel sees it close when this process ends. */
export const startProcess = (
  command: string,
  args: readonly string[],
  { env, onlyEnv, ...options }: StartOptions = {},
): ChildProcess =>
  spawn(command, args, {
    ...options,
    windowsHide: true,
    env: environmentOf(command, { env, ...(onlyEnv && { onlyEnv }) }),
  });

/** Starts one of our scripts by its path. */
export const startNode = (
  script: string,
  args: readonly string[],
  { command = process.execPath, flags = [], ...options }: NodeOptions = {},
): ChildProcess => startProcess(command, [...flags, script, ...args], options);

/** Starts a thread. `script`: a path or, with `eval`, code. */
export const startThread = (script: string, options: WorkerOptions = {}): Worker =>
  new Worker(script, { execArgv: [], ...options });

interface OutputOptions extends Environment {
  /** Milliseconds after which it is killed with `killSignal`, by default SIGTERM. */
  timeout?: number;
  killSignal?: NodeJS.Signals;
  signal?: AbortSignal | undefined;
  /** Maximum bytes of each stream; by default 1 MiB. */
  maxBuffer?: number;
}

/** An error of `outputOf`: how the program ended, and its output until then. */
export interface OutputError extends Error {
  /** Its exit status, or why it could not be started, such as "ENOENT". */
  code?: number | string;
  signal?: NodeJS.Signals;
  killed?: boolean;
  stdout?: string;
  stderr?: string;
}

/**
 * The working directory of other programs: Windows and Python look there first, and nothing in a folder that happens to
 * be open may run.
 */
export const neutralFolder = dirname(process.execPath);

/**
 * Runs a program and returns its output. Only our own Node starts in our working directory. Throws an OutputError unless
 * it ends with status 0.
 */
export const outputOf = (
  command: string,
  args: readonly string[],
  { env, onlyEnv, ...options }: OutputOptions = {},
): Promise<{ stdout: string; stderr: string }> =>
  promisify(execFile)(command, [...args], {
    ...options,
    cwd: command === process.execPath ? undefined : neutralFolder,
    windowsHide: true,
    env: environmentOf(command, { env, ...(onlyEnv && { onlyEnv }) }),
  });

/** A program's output, synchronously; empty if it can't be started. */
export const outputSync = (command: string, args: readonly string[], env: NodeJS.ProcessEnv): string =>
  spawnSync(command, args, { env, encoding: 'utf8', windowsHide: true }).stdout ?? '';

function environmentOf(command: string, { env, onlyEnv }: Environment): NodeJS.ProcessEnv {
  // Otherwise the editor's executable would start another editor.
  const asNode =
    command === process.execPath && process.versions['electron'] ? { ELECTRON_RUN_AS_NODE: '1' } : {};
  return { ...(onlyEnv ?? { ...process.env, FORGET_ME_NOT_TOKEN: undefined }), ...asNode, ...env };
}

export interface ChildEnd {
  /** The exit status, or the signal that ended it. */
  how: number | string | null;
  /** Why it could not be started. */
  error?: Error;
}

/**
 * Resolves when the process has ended; never rejects. At "close", all of its output and messages have arrived; a
 * process whose channel we closed emits only "exit".
 */
export const endOf = (child: ChildProcess, at: 'close' | 'exit' = 'close'): Promise<ChildEnd> =>
  new Promise((resolve) =>
    child
      .on(at, (status: number | null, by: string | null) => resolve({ how: status ?? by }))
      .on('error', (error) => resolve({ how: 1, error })),
  );

/** Reads a stream and keeps its last `maxCharacters` characters, for an error message. */
export function tailOf(stream: Readable, maxCharacters: number): () => string {
  let last = '';
  stream.setEncoding('utf8').on('data', (text: string) => (last = (last + text).slice(-maxCharacters)));
  return () => last;
}

/** Kills a detached process and all processes that it has started. */
export function killGroup(pid: number): void {
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
