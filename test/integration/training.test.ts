/** The trainer as a process: what a person types, kills and resumes. Needs dist/ (npm test builds it). */
import { existsSync } from 'node:fs';
import { appendFile, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findRuntime } from '../../src/tensor/runtime/find.ts';
import { Workplace } from '../support/cli.ts';
import { writeTinyModel } from '../support/tiny-model.ts';

interface Trained {
  run: string;
  dir: string;
  backend: string;
  tokensPerSecond: number;
  peakMemory: number;
  artefact: string;
  summary: {
    comparisons: { task: string; before: { value: number }; after: { value: number } }[];
    served: { meanKl: number };
  };
}

let place: Workplace;
let base: string;
let code: string;
const backends = ['wasm', ...((await findRuntime()) ? ['tensorflow'] : [])];
const small = [
  '--seq',
  '64',
  '--eval-every',
  '4',
  '--humaneval',
  '0',
  '--retention',
  '2',
  '--held-out-windows',
  '4',
  '--lr',
  '3e-3',
];

beforeAll(async () => {
  place = await Workplace.create();
  base = place.path('tiny.gguf');
  await writeTinyModel(base, { seed: 1 });
  code = await place.code();
});
afterAll(() => place?.dispose());

const train = (...args: string[]) => place.json<Trained>('train', code, '--base', base, ...small, ...args);
const artefact = ({ dir, artefact: name }: Trained) => readFile(join(dir, name));

/** Starts detached, kills the trainer's whole life at a step, and lets `resume` finish. */
async function killedAt(step: number, ...args: string[]): Promise<Trained> {
  const { run, dir } = await train('--detach', ...args);
  const events = join(dir, 'events.jsonl');
  for (;;) {
    if ((await readFile(events, 'utf8').catch(() => '')).includes(`"step":${step},"loss"`)) break;
    await sleep(5);
  }
  const { pid } = JSON.parse(await readFile(join(dir, 'state.json'), 'utf8')) as { pid: number };
  process.kill(pid, 'SIGKILL');
  await sleep(100);
  expect(existsSync(join(dir, args.includes('full') ? 'model.gguf' : 'adapter.gguf'))).toBe(false);
  return place.json<Trained>('resume', run);
}

describe.each(backends)('on %s', (backend) => {
  it('learns held-out code and says how fast and how large', async () => {
    const result = await train('--steps', '24', '--backend', backend);
    expect(result).toMatchObject({ backend, artefact: 'adapter.gguf' });
    expect(result.tokensPerSecond).toBeGreaterThan(0);
    expect(result.peakMemory).toBeGreaterThan(1e7);
    const heldOut = result.summary.comparisons.find(({ task }) => task === 'heldout')!;
    expect(heldOut.after.value).toBeLessThan(heldOut.before.value);
  });

  it.each([
    ['lora', 'lionw'],
    ['full', 'adamw'],
  ])('goes on after kill -9 to the same bytes (%s, %s)', async (method, optimizer) => {
    // Steps of a few milliseconds: enough of them are left for a busy machine to kill the trainer in time.
    const options = ['--steps', '20', '--backend', backend, '--method', method, '--optimizer', optimizer];
    if (method === 'full') options.push('--lr', '1e-4');
    const whole = await train(...options);
    const resumed = await killedAt(6, ...options);
    expect(resumed.run).not.toBe(whole.run);
    expect((await artefact(resumed)).equals(await artefact(whole))).toBe(true);
    const other = await train(...options, '--seed', '1');
    expect((await artefact(other)).equals(await artefact(whole))).toBe(false);
  });
});

it.each([
  ['lora', 'adapter.gguf', ['--targets', 'q_proj,blk.*.ffn_*', '--optimizer', 'adamw']],
  ['full', 'model.gguf', ['--lr', '1e-3', '--optimizer', 'adamw', '--weight-decay', '0.1']],
])('trains a qwen2, and serves what it trained (%s)', async (method, file, options) => {
  const qwen2 = place.path('qwen2.gguf');
  await writeTinyModel(qwen2, { architecture: 'qwen2', padding: 3 });
  const run = ['--base', qwen2, '--method', method, '--steps', '12'];
  const result = await place.json<Trained>('train', code, ...small, ...run, ...options);
  expect(result.artefact).toBe(file);
  const { comparisons, served } = result.summary;
  const heldOut = comparisons.find(({ task }) => task === 'heldout')!;
  expect(heldOut.after.value).toBeLessThan(heldOut.before.value);
  // llama.cpp keeps keys and values in F16.
  expect(served.meanKl).toBeLessThan(1e-4);
});

it('stops when asked, keeps a checkpoint, and can go on', async () => {
  const { run, dir } = await train('--steps', '400', '--backend', 'wasm', '--detach');
  while (!(await readFile(join(dir, 'events.jsonl'), 'utf8').catch(() => '')).includes('"type":"step"'))
    await sleep(20);
  await place.json('cancel', run);
  const status = async () =>
    (JSON.parse(await readFile(join(dir, 'state.json'), 'utf8')) as { status: string }).status;
  while ((await status()) === 'running') await sleep(20);
  expect(await status()).toBe('cancelled');
  expect(
    (await readdir(join(dir, 'checkpoints'))).filter((name) => !name.endsWith('.tmp')).length,
  ).toBeGreaterThan(0);
});

describe('bad input: one sentence, non-zero exit, nothing lost', () => {
  it('stops a learning rate that diverges and keeps the last good checkpoint', async () => {
    const { code: exit, stderr } = await place.run(
      'train',
      code,
      '--base',
      base,
      ...small,
      '--backend',
      'wasm',
      '--steps',
      '40',
      '--lr',
      '1e30',
      '--warmup',
      '0',
      '--clip',
      '0',
      '--json',
    );
    expect(exit).toBe(1);
    expect(stderr).toMatch(/\[diverged\] Training diverged at step \d+: .*checkpoint/);
    expect(stderr).not.toMatch(/ at .*\.mjs/);
  });

  it('refuses a second trainer on the same run', async () => {
    const { run, dir } = await train('--steps', '400', '--backend', 'wasm', '--detach');
    while (!(await readFile(join(dir, 'events.jsonl'), 'utf8').catch(() => '')).includes('"type":"step"'))
      await sleep(20);
    const second = await place.run('resume', run);
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(/\[run-locked\]/);
    await place.json('cancel', run);
  });

  it.each([
    ['an empty folder', async (folder: string) => void (await mkdir(folder)), 'corpus-empty'],
    [
      'a folder of binaries',
      async (folder: string) => {
        await mkdir(folder);
        await writeFile(join(folder, 'a.js'), Buffer.from(Array.from({ length: 999 }, (_, i) => i % 7)));
      },
      'corpus-empty',
    ],
    ['no folder', async () => undefined, 'corpus-unreadable'],
  ])('%s', async (name, make, errorCode) => {
    const folder = place.path(name.replaceAll(' ', '-'));
    await make(folder);
    const result = await place.run('train', folder, '--base', base);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain(`[${errorCode}]`);
  });

  it('a base that is not a GGUF, is cut short, or does not exist', async () => {
    const text = place.path('text.gguf');
    await writeFile(text, 'not a model');
    const cut = place.path('cut.gguf');
    const whole = await readFile(base);
    await writeFile(cut, whole.subarray(0, whole.length - 1000));
    for (const [path, errorCode] of [
      [text, 'base-not-gguf'],
      [cut, 'base-truncated'],
      [place.path('none.gguf'), 'base-not-found'],
    ]) {
      const result = await place.run('train', code, '--base', path!);
      expect(result).toMatchObject({ code: 1, stderr: expect.stringContaining(`[${errorCode}]`) });
    }
  });

  it('a run directory from a newer version', async () => {
    const dir = place.path('data', 'runs', 'newer');
    await mkdir(dir, { recursive: true });
    await writeFile(join(dir, 'run.json'), JSON.stringify({ format: 99, id: 'newer' }));
    await appendFile(join(dir, 'state.json'), '{}');
    const result = await place.run('resume', 'newer');
    expect(result).toMatchObject({ code: 1, stderr: expect.stringContaining('[run-newer]') });
  });
});
