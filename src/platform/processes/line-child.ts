/** A child process that writes JSON lines and can be stopped: the parent's counterpart of child.ts. */
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { z } from 'zod';
import { parseLine } from '../files/lines.ts';
import { endOf, startNode, type ChildEnd } from './start.ts';

/** Lets the child be stopped by a line on its stdin, because Windows has no signal that a process can handle. */
const stoppable = { FORGET_ME_NOT_STOP: 'stdin' };

interface LineChildOptions {
  /** By default, the Node that runs this process. */
  command?: string;
  /** Variables added to this process's environment. */
  env?: NodeJS.ProcessEnv | undefined;
  cwd?: string | undefined;
  /** Where its stderr goes; a number is a file descriptor. */
  stderr: 'inherit' | 'ignore' | 'pipe' | number;
  /** Aborting it asks the child to stop. */
  signal?: AbortSignal | undefined;
}

export class LineChild {
  private readonly child: ChildProcess;
  /** Never rejects. */
  readonly ended: Promise<ChildEnd>;

  constructor(
    script: string,
    args: readonly string[],
    { command = process.execPath, env, cwd, stderr, signal }: LineChildOptions,
  ) {
    const child = startNode(script, args, {
      command,
      cwd,
      stdio: ['pipe', 'pipe', stderr],
      env: { ...env, ...stoppable },
    });
    this.child = child;
    // The child may already have ended when asked to stop.
    child.stdin!.on('error', () => undefined);
    const stop = () => this.stop();
    signal?.addEventListener('abort', stop);
    if (signal?.aborted) stop();
    this.ended = endOf(child).finally(() => signal?.removeEventListener('abort', stop));
  }

  /** Asks the child to save its work and end. */
  stop(): void {
    this.child.stdin!.write('stop\n');
  }

  /** Answers the child's question (question.ts). */
  answer(yes: boolean): void {
    this.child.stdin!.write(yes ? 'yes\n' : 'no\n');
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }

  onLine(stream: 'stdout' | 'stderr', listener: (line: string) => void): void {
    createInterface({ input: this.child[stream]! }).on('line', listener);
  }

  /** The child's messages on stdout until it closes. Lines that don't match the schema are skipped. */
  async *messages<M>(schema: z.ZodType<M>): AsyncGenerator<M> {
    for await (const line of createInterface({ input: this.child.stdout! })) {
      const parsed = parseLine(schema, line);
      if (parsed.ok) yield parsed.value;
    }
  }
}
