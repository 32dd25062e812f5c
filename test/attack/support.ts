/**
 * Shared by the campaigns against damaged files: a tiny base and its adapter in a separate folder, and what counts as
 * held.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { reportError } from '../../src/text/errors.ts';
import { writeTinyAdapter, writeTinyModel } from '../support/tiny-model.ts';

const MAX_MS = 10_000;
const MAX_MEMORY = 500e6;

export interface Ground {
  at(name: string): string;
  close(): Promise<void>;
}

/** base.gguf and adapter.gguf; also contains this process's data directory. */
export async function openGround(): Promise<Ground> {
  const dir = await mkdtemp(join(tmpdir(), 'fmn-attack-'));
  const before = process.env['FORGET_ME_NOT_HOME'];
  process.env['FORGET_ME_NOT_HOME'] = join(dir, 'home');
  const at = (name: string) => join(dir, name);
  await writeTinyModel(at('base.gguf'), { layers: 1 });
  await writeTinyAdapter(at('adapter.gguf'), at('base.gguf'));
  return {
    at,
    async close() {
      if (before === undefined) delete process.env['FORGET_ME_NOT_HOME'];
      else process.env['FORGET_ME_NOT_HOME'] = before;
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Rejects if `work` takes longer than allowed, or fails with anything but one of our sentences. */
export async function mustSucceedOrExplain(work: () => Promise<unknown>): Promise<void> {
  const ended = await within(
    work().then(
      () => undefined,
      (error: unknown) => ({ error }),
    ),
  );
  if (!ended) return;
  const { code, message, next } = reportError(ended.error);
  if (code === 'internal') throw new Error(`[internal] ${message}`);
  mustBeSentence(`${message} ${next}`);
}

export function mustBeSentence(text: string): void {
  if (/\n\s+at /.test(text) || text.length < 10) throw new Error(`no sentence: ${text}`);
}

export async function within<T>(work: Promise<T>, milliseconds = MAX_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not over after ${milliseconds / 1000} s`)), milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A bundle of dist/, in a separate process group. */
export function startBundle(name: string, args: string[], env: Record<string, string> = {}): ChildProcess {
  return spawn(process.execPath, [resolve(`dist/${name}.mjs`), ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3', ...env },
  });
}

export const ending = (child: ChildProcess) =>
  new Promise<number | string | null>((done) => child.once('close', (code, by) => done(by ?? code)));

/** Along with everything that it has started. */
export function killGroup({ pid }: ChildProcess): void {
  try {
    process.kill(-pid!, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

/** Throws if a living process has taken more memory than allowed. Does nothing if the system doesn't report it. */
export function checkMemory({ pid }: ChildProcess): void {
  let status = '';
  try {
    status = readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return;
  }
  const peak = 1024 * Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0);
  if (peak > MAX_MEMORY) throw new Error(`${Math.round(peak / 1e6)} MB of memory`);
}
