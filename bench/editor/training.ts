/** A training that goes on while something else is measured. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/**
 * Starts one by the command line, and waits until it makes steps.
 * @returns what ends it, with all its processes
 */
export async function startTraining(home: string, base: string): Promise<() => Promise<void>> {
  const what = ['train', 'src', '--base', base, '--name', 'beside', '--steps', '100000', '--humaneval', '0'];
  const child = spawn(process.execPath, ['dist/cli.mjs', ...what, '--yes', '--json'], {
    env: { ...process.env, FORGET_ME_NOT_HOME: home },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  const ended = once(child, 'exit');
  const end = async () => {
    if (child.exitCode === null) process.kill(-child.pid!, 'SIGKILL');
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
