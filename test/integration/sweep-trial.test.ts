/** A trial as a separate process: the same results as within a sweep, even if killed meanwhile. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { parseLine } from '../../src/platform/files/lines.ts';
import { sweeperMessageSchema, type SweepLine, type SweeperMessage } from '../../src/protocol/sweep.ts';
import { runSweep } from '../../src/training/sweep/run.ts';
import { readSweep } from '../../src/training/sweep/store.ts';
import { createTinySweep, timeless } from '../support/tiny-sweep.ts';

const STEPS = 40;
const RATES = [1e-3, 1e30];
let home: string;
/** The sweep as requested, and its lines once it ran here. */
let asked: string;
let known: SweepLine[];

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'forget-me-not-trial-'));
  vi.stubEnv('FORGET_ME_NOT_HOME', join(home, 'data'));
  const { dir } = await createTinySweep(home, RATES, STEPS);
  asked = join(home, 'asked');
  await cp(dir, asked, { recursive: true });
  await runSweep(dir, { signal: new AbortController().signal });
  known = (await readSweep(dir)).lines;
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(home, { recursive: true, force: true });
});

const copy = async (name: string) => {
  await cp(asked, join(home, name), { recursive: true });
  return join(home, name);
};

function start(...args: string[]): ChildProcess {
  const child = spawn(process.execPath, [resolve('dist/sweeper.mjs'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, FORGET_ME_NOT_HOME: join(home, 'data') },
  });
  return child;
}

async function* messages(child: ChildProcess): AsyncGenerator<SweeperMessage> {
  for await (const line of createInterface({ input: child.stdout! })) {
    const parsed = parseLine(sweeperMessageSchema, line);
    if (!parsed.ok) throw new Error(`${parsed.why}: ${line}`);
    yield parsed.value;
  }
}

/** Everything that a part of a sweep prints. */
async function all(...args: string[]): Promise<{ lines: SweepLine[]; steps: number[] }> {
  const lines: SweepLine[] = [];
  const steps: number[] = [];
  for await (const message of messages(start(...args))) {
    if (message.type === 'line') lines.push(message.line);
    else if (message.type === 'progress') steps.push(message.step);
    else throw new Error(JSON.stringify(message));
  }
  return { lines, steps };
}

it('measures the base, then each rate, as the sweep does', async () => {
  const base = await all(await copy('base'), '--base', 'lora');
  const file = join(home, 'known.jsonl');
  await writeFile(file, base.lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const found = [...base.lines];
  for (const rate of RATES) {
    const dir = await copy(`trial-${rate}`);
    found.push(...(await all(dir, '--trial', `lora:${rate}`, '--known', file)).lines);
    expect((await readSweep(dir)).lines).toEqual([]);
  }
  expect(timeless(found)).toEqual(timeless(known));
});

it('resumes where it was killed, to the same results', async () => {
  const dir = await copy('killed');
  const args = [dir, '--trial', 'lora:0.001', '--checkpoint-seconds', '0'];
  const checkpoints = join(dir, 'trials', 'lora-0.001', 'checkpoints');
  const first = start(...args);
  let reached = 0;
  for await (const message of messages(first)) {
    if (message.type === 'progress') reached = message.step;
    expect(reached, 'it ended before it could be killed').toBeLessThan(STEPS);
    const written = await readdir(checkpoints).catch(() => []);
    if (reached <= 2 || !written.some((name) => /^step-\d+$/.test(name))) continue;
    first.kill('SIGKILL');
    break;
  }
  if (first.exitCode === null && first.signalCode === null) await once(first, 'exit');
  expect(first.signalCode).toBe('SIGKILL');
  const { lines, steps } = await all(...args);
  const [, from] = steps;
  expect(from).toBeGreaterThan(1);
  expect(timeless(lines)).toEqual(timeless(known.slice(0, 2)));
  // Its checkpoints are gone.
  await expect(readdir(checkpoints)).rejects.toThrow('ENOENT');
});
