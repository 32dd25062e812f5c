/** Training on the command line: results, strengths, stopping and bad input. Needs dist/. */
import { appendFile, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openGguf } from '../../src/gguf/index.ts';
import type { StrengthChoice } from '../../src/protocol/evaluation.ts';
import { readState } from '../../src/runs/files.ts';
import type { Workplace } from '../support/cli.ts';
import { writeTinyModel } from '../support/tiny-model.ts';
import { ENDLESS, openTraining, processorBackends, untilIdle, untilEvent } from '../support/trainer.ts';
import { canTestWebgpu } from '../support/vulkan.ts';

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
    sentence: string;
    choice?: StrengthChoice;
  };
}

let place: Workplace;
let base: string;
let code: string;
const backends = [...(await processorBackends()), ...((await canTestWebgpu()) ? ['webgpu'] : [])];
// checkpoint-evaluation.test.ts tests tasks at checkpoints.
const small =
  '--strength 1 --seq 64 --eval-every 4 --humaneval 0 --retention 2 --held-out-windows 4 --lr 3e-3 --eval-tasks none'.split(
    ' ',
  );

beforeAll(async () => void ({ place, base, code } = await openTraining()));
afterAll(() => place?.dispose());

const train = (...args: string[]) => place.json<Trained>('train', code, '--base', base, ...small, ...args);
/** A run that trains until it is stopped. */
async function endless(): Promise<Trained> {
  const run = await train('--steps', String(ENDLESS), '--backend', 'wasm', '--detach');
  await untilEvent(run.dir, ({ type }) => type === 'step');
  return run;
}

describe.each(backends)('on %s', (backend) => {
  it('learns held-out code, and reports speed and memory', async () => {
    const result = await train('--steps', '12', '--backend', backend);
    expect(result).toMatchObject({ backend, artefact: 'adapter.gguf' });
    expect(result.tokensPerSecond).toBeGreaterThan(0);
    expect(result.peakMemory).toBeGreaterThan(1e7);
    const heldOut = result.summary.comparisons.find(({ task }) => task === 'workspace')!;
    expect(heldOut.after.value).toBeLessThan(heldOut.before.value);
  });
});

it.each([
  ['lora', 'adapter.gguf', ['--targets', 'q_proj,blk.*.ffn_*', '--optimizer', 'adamw']],
  ['full', 'model.gguf', ['--lr', '1e-3', '--optimizer', 'adamw', '--weight-decay', '0.1']],
])('trains a qwen2 and serves the result (%s)', async (method, file, options) => {
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

it('offers the strength that learned most, and writes it into the result', async () => {
  const measured = ['--strength', 'measured', '--steps', '24', '--backend', 'wasm'];
  const { dir, summary } = await train(...measured, '--retention', '0');
  const { strength, path, why } = summary.choice!;
  expect(path.map((point) => point.strength)).toEqual(expect.arrayContaining([0.5, 1]));
  const places = Math.max(...path.map((point) => point.places ?? 0));
  expect(path.find((point) => point.strength === strength)!.places).toBe(places);
  expect(why).toContain(`at strength ${strength} it learned most`);
  const file = await openGguf(join(dir, 'adapter.gguf'));
  await file.close();
  expect(file.metadata['adapter.lora.alpha']).toBeCloseTo(32 * strength, 5);
});

it('offers nothing if every strength forgot too much', async () => {
  const measured = ['--strength', 'measured', '--steps', '24', '--backend', 'wasm', '--keep', 'best'];
  const limited = ['--eval-tasks', 'retention', '--forgetting-limit', '0'];
  const { run, summary } = await train(...measured, ...limited);
  expect(summary.choice).toMatchObject({ strength: 0, limit: 0 });
  expect(summary.sentence).toMatch(/^Not offered: what it learned made it forget too much/);
  const complete = () => place.run('complete', `${code}/command.js:9:1`, '--run', run);
  expect((await complete()).stderr).toContain('completes code no better than before training');
  // A strength set by hand is used anyway, and what is served is checked again.
  await place.json('strength', run, '0.5');
  const own = await complete();
  expect(own.code).toBe(0);
  expect(own.stderr).toContain('Checking first');
  expect(own.stderr).not.toContain('is no better');
  await place.json('strength', run, 'chosen');
  expect((await complete()).stderr).toContain('completes code no better than before training');
});

it('stops when asked and keeps a checkpoint', async () => {
  const { run, dir } = await endless();
  await place.json('cancel', run);
  await untilIdle(place.home);
  expect((await readState(dir)).status).toBe('cancelled');
  expect(
    (await readdir(join(dir, 'checkpoints'))).filter((name) => !name.endsWith('.tmp')).length,
  ).toBeGreaterThan(0);
});

describe('bad input: one sentence, non-zero exit, nothing lost', () => {
  it('a run that diverges keeps its last good checkpoint', async () => {
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

  it('a second trainer on the same run is refused', async () => {
    const { run } = await endless();
    const second = await place.run('resume', run);
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(/\[run-locked\]/);
    await place.json('cancel', run);
    await untilIdle(place.home);
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

  it('a base that is not a GGUF, is truncated, or does not exist', async () => {
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

  it('a run directory of a newer version', async () => {
    const dir = place.path('data', 'runs', 'newer');
    await mkdir(dir, { recursive: true });
    await writeFile(join(dir, 'run.json'), JSON.stringify({ format: 99, id: 'newer' }));
    await appendFile(join(dir, 'state.json'), '{}');
    const result = await place.run('resume', 'newer');
    expect(result).toMatchObject({ code: 1, stderr: expect.stringContaining('[run-newer]') });
  });
});
