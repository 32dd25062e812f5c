/**
 * The sandbox for generated programs: a pool of worker threads with Pyodide (sandbox-worker.ts). A program has a
 * time limit and a memory limit, and its worker is ended and replaced when it passes them; what it prints goes nowhere;
 * it has no network, no host files and no processes.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import type * as esbuild from 'esbuild';
import { usableProcessors } from '../protocol/processors.ts';
import { startClock } from './sandbox-clock.ts';

export interface SandboxOptions {
  /**
   * Milliseconds of a processor that a program may take, or of the clock where a thread's time is not told (not Linux).
   * Default 7.5 s: the reference executor's 3 s, for Python that is 2.4 times as slow in WebAssembly.
   */
  timeoutMs?: number;
  /** Ceiling of the interpreter's memory in bytes, the interpreter's own 40 MB included. */
  memoryBytes?: number;
  workers?: number;
}

/** passed: it ran to its end. failed: it raised, or left. */
export type Outcome = 'passed' | 'failed' | 'timed out' | 'out of memory';
export interface Verdict {
  outcome: Outcome;
  /** For `failed`, the exception: "AssertionError". Empty otherwise. */
  message: string;
}

export interface Sandbox {
  /** Judges one Python program; resolves always, rejects only if the sandbox itself cannot start. */
  run(program: string): Promise<Verdict>;
  /** Ends every worker; programs still waiting are rejected. */
  dispose(): Promise<void>;
}

export interface SandboxWorkerData {
  memoryBytes: number;
  /** Pyodide's own module, as a file URL. */
  pyodide: string;
}
export interface SandboxReady {
  ready: true;
  /** Where Linux tells of the worker's thread. */
  thread: string | undefined;
}
export interface SandboxRequest {
  program: string;
}
export interface SandboxReply {
  outcome: 'passed' | 'failed' | 'out of memory';
  message: string;
  /** False when the worker must not be used again. */
  healthy: boolean;
}

interface Job {
  program: string;
  resolve: (verdict: Verdict) => void;
  reject: (error: unknown) => void;
}

const MIB = 1024 * 1024;
const closed = () => new Error('the sandbox was closed');
const require = createRequire(import.meta.url);

export async function openSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { timeoutMs = 7500, memoryBytes = 512 * MIB } = options;
  const size = options.workers ?? Math.min(2, usableProcessors());
  const entry = await workerEntry();
  const workerData: SandboxWorkerData = {
    memoryBytes,
    pyodide: pathToFileURL(require.resolve('pyodide').replace(/\.js$/, '.mjs')).href,
  };

  const queue: Job[] = [];
  const idle: Worker[] = [];
  const alive = new Set<Worker>();
  const threads = new WeakMap<Worker, string>();
  let disposed = false;

  const startWorker = () =>
    new Promise<Worker>((resolve, reject) => {
      const worker = new Worker(entry, {
        workerData,
        env: {},
        execArgv: [],
        stdin: false,
        stdout: true,
        stderr: true,
        resourceLimits: { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 64, stackSizeMb: 8 },
      });
      alive.add(worker);
      worker.once('message', ({ thread }: SandboxReady) => {
        if (thread) threads.set(worker, thread);
        resolve(worker);
      });
      // Stays on: a worker that is being ended may still report an error, which must not become an uncaught one.
      worker.on('error', reject);
      worker.once('exit', (code) =>
        reject(new Error(`sandbox worker ended with code ${code} while starting`)),
      );
    });

  /** Runs a job on a worker and says whether that worker may be used again. */
  const judge = (worker: Worker, job: Job) =>
    new Promise<boolean>((resolve) => {
      const settle = (verdict: Verdict, healthy: boolean) => {
        stopClock();
        worker.off('message', onReply).off('error', onError).off('exit', onExit);
        job.resolve(verdict);
        resolve(healthy);
      };
      const ended = (why: string) =>
        settle({ outcome: 'failed', message: `interpreter ended: ${why}` }, false);
      const onReply = ({ outcome, message, healthy }: SandboxReply) => settle({ outcome, message }, healthy);
      const onError = (error: NodeJS.ErrnoException) => {
        if (error.code === 'ERR_WORKER_OUT_OF_MEMORY')
          settle({ outcome: 'out of memory', message: '' }, false);
        else ended(error.message);
      };
      const onExit = (code: number) => {
        if (disposed) job.reject(closed());
        ended(`code ${code}`);
      };
      const stopClock = startClock(threads.get(worker), timeoutMs, () =>
        settle({ outcome: 'timed out', message: '' }, false),
      );
      worker.on('message', onReply).on('error', onError).on('exit', onExit);
      worker.postMessage({ program: job.program } satisfies SandboxRequest);
    });

  const retire = async (worker: Worker) => {
    alive.delete(worker);
    await worker.terminate();
  };

  let busy = 0;
  const pump = () => {
    while (!disposed && busy < size && queue.length > 0) {
      const job = queue.shift()!;
      busy += 1;
      void serve(job).finally(() => {
        busy -= 1;
        pump();
      });
    }
  };
  const serve = async (job: Job) => {
    try {
      const worker = idle.pop() ?? (await startWorker());
      if (disposed) throw closed();
      if (await judge(worker, job)) idle.push(worker);
      else await retire(worker);
    } catch (error) {
      job.reject(disposed ? closed() : error);
    }
  };

  return {
    run: (program) =>
      new Promise((resolve, reject) => {
        if (disposed) return reject(closed());
        queue.push({ program, resolve, reject });
        pump();
      }),
    async dispose() {
      disposed = true;
      for (const job of queue.splice(0)) job.reject(closed());
      await Promise.all([...alive].map(retire));
    },
  };
}

/** The worker's bundle: beside this bundle; or, run from source (vitest), built from its source on first use. */
async function workerEntry(): Promise<string> {
  const here = dirname(fileURLToPath(import.meta.url));
  const built = join(here, 'sandbox-worker.mjs');
  if (existsSync(built)) return built;
  const source = join(here, 'sandbox-worker.ts');
  const hash = createHash('sha256')
    .update(await readFile(source))
    .digest('hex')
    .slice(0, 16);
  const outfile = join(
    here,
    '..',
    '..',
    'node_modules',
    '.cache',
    'forget-me-not',
    `sandbox-worker-${hash}.mjs`,
  );
  if (existsSync(outfile)) return outfile;
  await mkdir(dirname(outfile), { recursive: true });
  const name = 'esbuild'; // a variable, so that the bundler itself is never bundled
  const { build } = require(name) as typeof esbuild;
  await build({
    entryPoints: [source],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
  });
  return outfile;
}
