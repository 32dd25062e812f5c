/** Ownership of runs between real processes: refusals, killed owners, stopping. */
import { build } from 'esbuild';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { hyperSchema } from '../../src/protocol/run.ts';
import {
  cancelRun,
  createRun,
  effectiveStatus,
  followRun,
  isAlive,
  readRun,
  trainingNow,
  withTraining,
} from '../../src/runs/index.ts';

/** Owns a run as the trainer does: prints "owner" or the error's code, writes steps, ends on SIGTERM. */
const ownerSource = `
import { openRunWriter } from './src/runs/index.ts';
try {
  const writer = await openRunWriter(process.argv[2]);
  let cancelled = false;
  process.on('SIGTERM', () => (cancelled = true));
  await writer.state({ status: 'running', phase: 'Training' });
  console.log('owner');
  for (let step = 1; !cancelled; step += 1) {
    await writer.event({ type: 'step', step, loss: 2, learningRate: 1, gradientNorm: 1, tokensPerSecond: 1, peakMemory: 1, etaSeconds: 1 });
    await writer.state({ step });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await writer.state({ status: 'cancelled' });
  await writer.close();
} catch (error) {
  console.log(error.code);
}
`;

/**
 * A command that trains under its lock in a child process, and that child, a trainer that does not train: it prints when
 * it learns that its command is gone, and ends once the given file exists.
 */
const trainingSource = `
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { joinTraining, withTraining } from './src/runs/training-lock.ts';
if (process.argv[2] === 'trainer') {
  const { release } = await joinTraining('garden', () => {
    console.log('orphaned');
    setInterval(() => existsSync(process.argv[3]) && release().then(() => process.exit()), 20);
  });
  console.log('trains');
  setInterval(() => undefined, 1000);
} else await withTraining('A reproduction', async (lock) => {
  const trainer = spawn(process.execPath, [process.argv[1], 'trainer', process.argv[2]], { detached: true, stdio: ['ignore', 'inherit', 'inherit'] });
  await lock.share(trainer.pid, 'garden');
  console.log('shared');
  await new Promise(() => undefined);
});
`;

let home = '';
let script = '';
let trainingScript = '';
const children: ChildProcess[] = [];
const before = process.env['FORGET_ME_NOT_HOME'];

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'fmn-owners-'));
  process.env['FORGET_ME_NOT_HOME'] = home;
  script = await bundle('owner', ownerSource);
  trainingScript = await bundle('training', trainingSource);
});

async function bundle(name: string, contents: string): Promise<string> {
  const outfile = join(home, `${name}.mjs`);
  await build({
    stdin: { contents, resolveDir: fileURLToPath(new URL('../..', import.meta.url)), loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    outfile,
    logLevel: 'error',
  });
  return outfile;
}

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
afterAll(() => {
  rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  if (before === undefined) delete process.env['FORGET_ME_NOT_HOME'];
  else process.env['FORGET_ME_NOT_HOME'] = before;
});

async function newRun(): Promise<string> {
  const { dir } = await createRun({
    name: 'owned',
    folder: home,
    base: { id: 'base', path: join(home, 'base.gguf'), sha256: '00' },
    hyper: hyperSchema.parse({ learningRate: 1, steps: 1000 }),
    backend: 'auto',
    evaluation: { heldOutWindows: 1, humanevalProblems: 0, retentionTexts: 0 },
    versions: {},
  });
  return dir;
}

/** Starts a would-be owner. Returns what it prints first. */
async function own(dir: string): Promise<{ child: ChildProcess; said: string }> {
  const child = spawn(process.execPath, [script, dir], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const lines = createInterface({ input: child.stdout });
  const said = await new Promise<string>((resolve, reject) => {
    lines.once('line', resolve).once('close', () => reject(new Error('It ended, and said nothing.')));
  });
  return { child, said };
}

/** Follows the run until `wanted` is true. */
async function until(
  dir: string,
  wanted: (run: Awaited<ReturnType<typeof readRun>>) => boolean,
): Promise<void> {
  const stop = new AbortController();
  await followRun(dir, (snapshot) => wanted(snapshot) && stop.abort(), stop.signal);
}

describe('owners of a run', () => {
  it('of several that start at once, one owns the run and the others are refused', async () => {
    const dir = await newRun();
    const said = (await Promise.all([own(dir), own(dir), own(dir)])).map((owner) => owner.said);
    expect(said.sort()).toEqual(['owner', 'run-locked', 'run-locked']);
  });

  it('a killed owner is noticed, and its run taken over without loss', async () => {
    const dir = await newRun();
    const { child } = await own(dir);
    await until(dir, ({ state }) => state.step >= 5);
    expect(effectiveStatus(await readRun(dir))).toBe('running');
    child.kill('SIGKILL');
    await once(child, 'exit');
    const left = await readRun(dir);
    expect(isAlive(left.state)).toBe(false);
    expect(effectiveStatus(left)).toBe('interrupted');

    const second = await own(dir);
    expect(second.said).toBe('owner');
    await until(dir, ({ events }) => events.length > left.events.length + 3);
    const now = await readRun(dir);
    expect(now.state.pid).toBe(second.child.pid);
    expect(now.events.slice(0, left.events.length)).toEqual(left.events);
    expect(now.brokenLines).toBe(0);
  });

  it('a living owner is asked to stop, and ends by itself', async () => {
    const dir = await newRun();
    const { child } = await own(dir);
    expect(await cancelRun(dir)).toBe('asked');
    expect(await once(child, 'exit')).toEqual([0, null]);
    const { state } = await readRun(dir);
    expect(state).toMatchObject({ status: 'cancelled' });
    expect(state.pid).toBeUndefined();
    expect(await cancelRun(dir)).toBe('over');
  });

  it('the run of a dead owner is cancelled at once', async () => {
    const dir = await newRun();
    const { child } = await own(dir);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await cancelRun(dir)).toBe('cancelled');
    expect((await readRun(dir)).state.status).toBe('cancelled');
  });
});

it('a training whose command was killed ends, and blocks others until then', async () => {
  const mayEnd = join(home, 'may-end');
  const command = spawn(process.execPath, [trainingScript, mayEnd], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(command);
  const said = createInterface({ input: command.stdout })[Symbol.asyncIterator]();
  expect([(await said.next()).value, (await said.next()).value].sort()).toEqual(['shared', 'trains']);
  expect(await trainingNow()).toBe('A reproduction');
  command.kill('SIGKILL');
  await once(command, 'exit');
  const second = () => withTraining('The training of shed', async () => 'trained');
  await expect(second()).rejects.toMatchObject({
    code: 'training-busy',
    message: expect.stringContaining('Run garden is in progress'),
  });
  expect((await said.next()).value).toBe('orphaned');
  await expect(second()).rejects.toMatchObject({ code: 'training-busy' });
  writeFileSync(mayEnd, '');
  // Its end of the pipe closes with it.
  expect((await said.next()).done).toBe(true);
  expect(await second()).toBe('trained');
});
