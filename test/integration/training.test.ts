/** The trainer as a process: what a person types, kills and resumes. Needs dist/ (npm test builds it). */
import { existsSync } from 'node:fs';
import { appendFile, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { survivingEvents, type RunEvent } from '../../src/protocol/events.ts';
import { cancelRun } from '../../src/runs/index.ts';
import { findRuntime } from '../../src/tensor/runtime/find.ts';
import { Workplace } from '../support/cli.ts';
import { writeTinyModel } from '../support/tiny-model.ts';
import { ENDLESS, eventsOf, killedInTime, untilFree, untilTold } from '../support/trainer.ts';

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
  // See checkpoint-evaluation.test.ts.
  '--eval-tasks',
  'none',
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
/** A run that is in training until it is told to stop. */
async function endless(): Promise<Trained> {
  const run = await train('--steps', String(ENDLESS), '--backend', 'wasm', '--detach');
  await untilTold(run.dir, ({ type }) => type === 'step');
  return run;
}

/** Starts detached, kills the trainer's whole life once its events say so, and lets `resume` finish. */
async function killedAt(sign: (event: RunEvent) => boolean, ...args: string[]): Promise<Trained> {
  const artefact = args.includes('full') ? 'model.gguf' : 'adapter.gguf';
  const { run } = await killedInTime(
    () => train('--detach', ...args),
    sign,
    ({ dir }) => !existsSync(join(dir, artefact)),
  );
  return place.json<Trained>('resume', run);
}

describe.each(backends)('on %s', (backend) => {
  /** What came out is looked at byte by byte: no evaluation is needed. */
  const quick = `--backend ${backend} --steps 4 --retention 0 --held-out-windows 1`.split(' ');

  it('learns held-out code and says how fast and how large', async () => {
    const result = await train('--steps', '24', '--backend', backend);
    expect(result).toMatchObject({ backend, artefact: 'adapter.gguf' });
    expect(result.tokensPerSecond).toBeGreaterThan(0);
    expect(result.peakMemory).toBeGreaterThan(1e7);
    const heldOut = result.summary.comparisons.find(({ task }) => task === 'workspace')!;
    expect(heldOut.after.value).toBeLessThan(heldOut.before.value);
  });

  // Steps of a few milliseconds: enough of them are left for a busy machine to kill the trainer in time.
  it.each([
    'lora lionw',
    'lora adamw --batch 2 --accumulate 2 --attention-dropout 0.1 --schedule constant --recompute',
    'lora lionw --targets blk.1.*,q --rank-stabilised --schedule inverse-sqrt --steps 24',
    'full adamw --lr 1e-4',
    'full lionw --lr 1e-4 --weight-decay 1e-4 --attention-dropout 0.1 --accumulate 2',
  ])('goes on after kill -9 to the same bytes: %s', async (words) => {
    const [method, optimizer, ...more] = words.split(' ');
    const options = [...quick, '--steps', '20', '--method', method!, '--optimizer', optimizer!, ...more];
    const whole = await train(...options);
    const resumed = await killedAt((event) => event.type === 'step' && event.step === 6, ...options);
    expect(resumed.run).not.toBe(whole.run);
    expect((await artefact(resumed)).equals(await artefact(whole))).toBe(true);
  });

  it('comes to other bytes with another seed', async () => {
    const [one, other] = [await train(...quick, '--seed', '0'), await train(...quick, '--seed', '1')];
    expect((await artefact(one)).equals(await artefact(other))).toBe(false);
  });

  it('goes back when it diverges, tells so, and after kill -9 comes to the same bytes', async () => {
    const options = '--method full --lr 0.1 --schedule constant --warmup 0 --steps 60'.split(' ');
    const whole = await train(...quick, ...options);
    const resumed = await killedAt(({ type }) => type === 'rollback', ...quick, ...options);
    expect((await artefact(resumed)).equals(await artefact(whole))).toBe(true);
    const events = await eventsOf(whole.dir);
    const back = events.find((event) => event.type === 'rollback')!;
    expect(back).toMatchObject({ rateScale: 0.5, why: expect.stringContaining('loss') });
    const rates = events.flatMap((event) => (event.type === 'step' ? [event.learningRate] : []));
    expect(rates[0]).toBe(0.1);
    expect(rates.at(-1)).toBeLessThanOrEqual(0.05);
    // The history that counts has every step once.
    const steps = survivingEvents(events).flatMap((event) => (event.type === 'step' ? [event.step] : []));
    expect(steps).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
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
  const heldOut = comparisons.find(({ task }) => task === 'workspace')!;
  expect(heldOut.after.value).toBeLessThan(heldOut.before.value);
  // llama.cpp keeps keys and values in F16.
  expect(served.meanKl).toBeLessThan(1e-4);
});

it('stops when asked, keeps a checkpoint, and can go on', async () => {
  const { run, dir } = await endless();
  await place.json('cancel', run);
  const status = async () =>
    (JSON.parse(await readFile(join(dir, 'state.json'), 'utf8')) as { status: string }).status;
  await untilFree(place.home);
  expect(await status()).toBe('cancelled');
  expect(
    (await readdir(join(dir, 'checkpoints'))).filter((name) => !name.endsWith('.tmp')).length,
  ).toBeGreaterThan(0);
});

it('stops without a signal, as on Windows: at a checkpoint of that step, and goes on to the same bytes', async () => {
  const options = '--steps 160 --backend wasm --retention 0 --held-out-windows 1'.split(' ');
  const whole = await train(...options);
  const { run, dir } = await train(...options, '--detach');
  await untilTold(dir, ({ type }) => type === 'step');
  const kill = vi.spyOn(process, 'kill');
  expect(await cancelRun(dir, 'win32')).toBe('asked');
  expect(kill.mock.calls.filter(([, signal]) => signal !== 0)).toEqual([]);
  kill.mockRestore();
  const state = async () =>
    JSON.parse(await readFile(join(dir, 'state.json'), 'utf8')) as {
      status: string;
      step: number;
      pid?: number;
    };
  await untilFree(place.home);
  const { status, step } = await state();
  expect(status).toBe('cancelled');
  expect(step).toBeLessThan(160);
  expect(await readdir(join(dir, 'checkpoints'))).toContain(`step-${String(step).padStart(6, '0')}`);
  const resumed = await place.json<Trained>('resume', run);
  expect((await artefact(resumed)).equals(await artefact(whole))).toBe(true);
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
    const { run } = await endless();
    const second = await place.run('resume', run);
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(/\[run-locked\]/);
    await place.json('cancel', run);
    await untilFree(place.home);
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
