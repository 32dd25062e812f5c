/** Starts a completion server that outlives this process. */
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { endedEarly } from '../../platform/processes/child-end.ts';
import { endOf, startProcess } from '../../platform/processes/start.ts';
import { type ErrorCode, errorOf, msg, UserError } from '../../text/errors.ts';
import { parseLine } from '../../platform/files/lines.ts';
import { llamaEnv } from '../../llama-cpp/env.ts';
import { serverFailedSchema, serverReadySchema } from '../../protocol/server.ts';
import { clearMarksOf } from '../host/gpu-guard.ts';
import type { Text } from '../../text/message.ts';

/** Enough to read 15 GB (a 7B in f16) at 25 MB/s; a server that takes longer hangs in its disk or its driver. */
const READY_MINUTES = 10;

const firstLineSchema = z.union([serverReadySchema, serverFailedSchema]);

export interface Launch {
  command: string;
  args: string[];
  /** Added to our environment. Contains the token, because anyone can read a process's arguments. */
  env: Record<string, string>;
  /** File for the server's output. */
  output: string;
  log?: (line: string) => void;
  /** Aborting it ends the wait, and the server. */
  signal: AbortSignal;
}

/**
 * Resolves once the server is ready. Otherwise kills it and throws a UserError (the server's own, if any) or the
 * signal's reason.
 */
export async function launchServer(launch: Launch): Promise<void> {
  const { command, args, env, output, log, signal } = launch;
  const file = openSync(output, 'w', 0o600);
  const child = startProcess(command, args, {
    detached: true,
    stdio: ['ignore', 'pipe', file],
    env: { ...llamaEnv(), ...env },
  });
  closeSync(file);
  // A failure to kill the child must not crash this process.
  child.on('error', (error) => log?.(`completion server: ${error.message}`));
  if (child.pid !== undefined) log?.(`starting as process ${child.pid}; what it prints is in ${output}`);
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(notReady()), READY_MINUTES * 60_000);
  try {
    await ready(child, AbortSignal.any([signal, late.signal]));
  } catch (error) {
    child.kill('SIGKILL');
    // A server that is no longer wanted says nothing about the GPU that it was trying; one that hangs does.
    if (error === signal.reason && child.pid !== undefined) await clearMarksOf(child.pid);
    for (const line of readFileSync(output, 'utf8').split('\n').filter(Boolean)) log?.(line);
    throw error;
  } finally {
    clearTimeout(timer);
    child.stdout?.destroy();
    child.unref();
  }
}

const notReady = () =>
  new UserError(
    'internal',
    msg`The completion server was not ready after ${READY_MINUTES} minutes.`,
    msg`See the log.`,
  );

/** Waits for the server's first line. */
function ready(child: ChildProcess, stop: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    // Its end is not waited for: a process that hangs in the system can't even be killed.
    const end = () => reject(stop.reason as Error);
    if (stop.aborted) end();
    stop.addEventListener('abort', end, { once: true });
    const fail = (code: ErrorCode, message: Text) => reject(new UserError(code, message, 'See the log.'));
    void endOf(child).then(({ how, error }) =>
      error
        ? fail('node-missing', `The completion server could not be started: ${error.message}.`)
        : reject(endedEarly('The completion server', how, 'See the log.')),
    );
    createInterface({ input: child.stdout! }).once('line', (line) => {
      const parsed = parseLine(firstLineSchema, line);
      if (!parsed.ok) return fail('internal', `The completion server sent an unexpected message: ${line}`);
      if (parsed.value.type === 'ready') return resolve();
      reject(errorOf(parsed.value));
    });
  });
}
