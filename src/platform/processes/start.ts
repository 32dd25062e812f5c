/**
 * The only place where processes and threads start; a lint rule sees to it. None opens a window on Windows, and none gets
 * the completion server's token unless its starter adds it.
 */
import { execFile, spawn, spawnSync, type ChildProcess, type SpawnOptions } from 'node:child_process';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { Worker, type WorkerOptions } from 'node:worker_threads';

interface Environment {
  /** Added to our environment; undefined takes a variable away. */
  env?: NodeJS.ProcessEnv | undefined;
  /** Instead: the whole environment, with nothing of ours. */
  onlyEnv?: NodeJS.ProcessEnv;
}

export interface StartOptions
  extends Environment, Pick<SpawnOptions, 'stdio' | 'detached' | 'serialization'> {
  cwd?: string | undefined;
  /** Ends the process as by SIGTERM. */
  signal?: AbortSignal | undefined;
}

export interface NodeOptions extends StartOptions {
  /** Default: the Node that runs this process. */
  command?: string;
  /** Arguments of Node itself, before the script. */
  flags?: readonly string[];
}

/** Starts another program. A child with a channel ("ipc") sees it close when this process ends. */
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

/** Starts a script of ours, by its path. */
export const startNode = (
  script: string,
  args: readonly string[],
  { command = process.execPath, flags = [], ...options }: NodeOptions = {},
): ChildProcess => startProcess(command, [...flags, script, ...args], options);

/** Starts a thread. `script`: its path, or its code with `eval`. */
export const startThread = (script: string, options: WorkerOptions = {}): Worker =>
  new Worker(script, { execArgv: [], ...options });

export interface OutputOptions extends Environment {
  /** Milliseconds after which it is ended by `killSignal`, SIGTERM by default. */
  timeout?: number;
  killSignal?: NodeJS.Signals;
  signal?: AbortSignal | undefined;
  /** Most bytes of each stream. Default: 1 MiB. */
  maxBuffer?: number;
}

/** An error of `outputOf`: how the program ended, and what it printed until then. */
export interface OutputError extends Error {
  /** Its exit status, or why it could not be started: "ENOENT". */
  code?: number | string;
  signal?: NodeJS.Signals;
  /** It took longer than `timeout`. */
  killed?: boolean;
  stdout?: string;
  stderr?: string;
}

/** What a program prints until it ends with status 0. Throws an OutputError. */
export const outputOf = (
  command: string,
  args: readonly string[],
  { env, onlyEnv, ...options }: OutputOptions = {},
): Promise<{ stdout: string; stderr: string }> =>
  promisify(execFile)(command, [...args], {
    ...options,
    windowsHide: true,
    env: environmentOf(command, { env, ...(onlyEnv && { onlyEnv }) }),
  });

/** What a program prints; empty if it can't be started. For what can't wait for others. */
export const outputNow = (command: string, args: readonly string[], env: NodeJS.ProcessEnv): string =>
  spawnSync(command, args, { env, encoding: 'utf8', windowsHide: true }).stdout ?? '';

function environmentOf(command: string, { env, onlyEnv }: Environment): NodeJS.ProcessEnv {
  // The editor's own executable would start an editor.
  const asNode =
    command === process.execPath && process.versions['electron'] ? { ELECTRON_RUN_AS_NODE: '1' } : {};
  return { ...(onlyEnv ?? { ...process.env, FORGET_ME_NOT_TOKEN: undefined }), ...asNode, ...env };
}

export interface ChildEnd {
  /** Its exit status, or the signal that ended it. */
  how: number | string | null;
  /** Why it could not be started. */
  error?: Error;
}

/**
 * How a process ended; never rejects. At "close", all that it wrote or sent has come; one whose channel this process
 * closed says only "exit".
 */
export const endOf = (child: ChildProcess, at: 'close' | 'exit' = 'close'): Promise<ChildEnd> =>
  new Promise((resolve) =>
    child
      .on(at, (status: number | null, by: string | null) => resolve({ how: status ?? by }))
      .on('error', (error) => resolve({ how: 1, error })),
  );

/** Reads a stream, and keeps its last `most` characters for an error text. */
export function lastOf(stream: Readable, most: number): () => string {
  let last = '';
  stream.setEncoding('utf8').on('data', (text: string) => (last = (last + text).slice(-most)));
  return () => last;
}

/** Kills a detached process together with those that it has started. */
export function killGroup(pid: number): void {
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
