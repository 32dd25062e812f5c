/** A training that goes on while something else is measured. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/**
 * Starts one by the command line, and waits until it makes steps.
 * @returns what ends it, with all its processes
 */
export async function startTraining(home: string, base: string): Promise<() => Promise<void>> {
  const what = ['train', 'src', '--base', base, '--name', 'beside', '--steps', '100000'];
  // Short ways to the first step: what is measured and tried before it is no training.
  what.push(...'--lr 0.0003 --humaneval 0 --retention 2 --held-out-windows 4'.split(' '));
  const child = spawn(process.execPath, ['dist/cli.mjs', ...what, '--yes', '--json'], {
    env: { ...process.env, FORGET_ME_NOT_HOME: home },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  const ended = once(child, 'exit');
  const end = async () => {
    const trainers = await trainersIn(join(home, 'runs'));
    // Each leads a group of its own.
    for (const pid of [...trainers, child.pid!]) endGroup(pid);
    await ended;
  };
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stderr })) {
    said.push(line);
    if (/"type":"step"/.test(line)) {
      // Nobody reads on, and a full pipe would stop it.
      child.stderr.resume();
      return end;
    }
  }
  await end();
  throw new Error(`The training ended:\n${said.slice(-10).join('\n')}`);
}

async function trainersIn(runs: string): Promise<number[]> {
  const states = (await readdir(runs)).map((id) => readFile(join(runs, id, 'state.json'), 'utf8'));
  return (await Promise.all(states)).map((state) => (JSON.parse(state) as { pid: number }).pid);
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}
