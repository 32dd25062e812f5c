/** Starts the trainer of a run as a process of its own, which outlives this one. */
import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Detached; what it prints goes to trainer.log in the run. Returns its pid. */
export function launchTrainer(dir: string): number {
  const log = openSync(join(dir, 'trainer.log'), 'a');
  const script = fileURLToPath(new URL('./trainer.mjs', import.meta.url));
  const child = spawn(process.execPath, [script, dir], {
    detached: true,
    stdio: ['ignore', log, log],
    windowsHide: true,
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: process.env['TF_CPP_MIN_LOG_LEVEL'] ?? '2' },
  });
  child.unref();
  return child.pid ?? 0;
}
