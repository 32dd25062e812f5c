/** A bundle that lies beside this one, as a child that speaks JSON lines on its standard output. */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { stoppable } from '../../protocol/child.ts';

export interface StartedChild {
  child: ChildProcessByStdio<Writable, Readable, null>;
  /** Its exit code, or the signal that ended it; 1 where it could not be started. */
  ended: Promise<number | string | null>;
}

/** Starts `name`.mjs, which is stopped by askToStop. `stderr`: where its libraries' log goes; a number is an open file. */
export function startChild(
  name: string,
  args: readonly string[],
  stderr: 'inherit' | 'ignore' | number,
): StartedChild {
  const script = fileURLToPath(new URL(`./${name}.mjs`, import.meta.url));
  const child = spawn(process.execPath, [script, ...args], {
    stdio: ['pipe', 'pipe', stderr],
    windowsHide: true,
    env: { ...process.env, ...stoppable, TF_CPP_MIN_LOG_LEVEL: process.env['TF_CPP_MIN_LOG_LEVEL'] ?? '2' },
  }) as StartedChild['child'];
  const ended = new Promise<number | string | null>((resolve) =>
    child.on('close', (code, by) => resolve(code ?? by)).on('error', () => resolve(1)),
  );
  return { child, ended };
}
