/** A training that goes on while something else is measured. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Short ways to the first step: what is measured and tried before it is no training. */
const HOW = '--steps 100000 --lr 0.0003 --humaneval 0 --retention 2 --held-out-windows 4';

/**
 * Starts one by the command line, and waits until it makes steps.
 * @returns what ends it, with all its processes
 */
export async function startTraining(home: string, base: string): Promise<() => Promise<void>> {
  const what = ['train', 'src', '--base', base, '--name', 'beside', ...HOW.split(' ')];
  const child = spawn(process.execPath, ['dist/cli.mjs', ...what, '--yes'], {
    env: { ...process.env, FORGET_ME_NOT_HOME: home },
    stdio: ['ignore', 'ignore', 'inherit'],
    detached: true,
  });
  const ended = once(child, 'exit');
  const runs = join(home, 'runs');
  const end = async () => {
    // The trainer leads a group of its own.
    for (const pid of [child.pid, ...statesIn(runs).map((state) => state.pid)]) endGroup(pid);
    await ended;
  };
  while (!statesIn(runs).some(({ step }) => step > 0)) {
    if (child.exitCode !== null) throw new Error('The training ended before its first step.');
    await sleep(500);
  }
  return end;
}

function statesIn(runs: string): { pid?: number; step: number }[] {
  const files = existsSync(runs) ? readdirSync(runs).map((id) => join(runs, id, 'state.json')) : [];
  return files.filter(existsSync).map((file) => JSON.parse(readFileSync(file, 'utf8')));
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}
