/** Several trainings on one machine. Needs dist/. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Workplace } from '../support/cli.ts';
import { writeTinyModel } from '../support/tiny-model.ts';
import { ENDLESS, untilIdle } from '../support/trainer.ts';

let place: Workplace;
let train: (...args: string[]) => string[];

beforeAll(async () => {
  place = await Workplace.create();
  const base = place.path('tiny.gguf');
  await writeTinyModel(base, { seed: 1 });
  const code = await place.code();
  const small = '--strength 1 --seq 32 --humaneval 0 --retention 0 --held-out-windows 2 --backend wasm';
  train = (...args) => ['train', code, '--base', base, ...small.split(' '), ...args];
});
afterAll(() => place?.dispose());

it('of two trainings that start at once, one runs; later work is refused or warns that it will be slow', async () => {
  const begun = await Promise.all(
    [1, 2].map(() => place.run(...train('--steps', String(ENDLESS), '--detach', '--json'))),
  );
  const [winner] = begun.filter(({ code }) => code === 0);
  const [refused] = begun.filter(({ code }) => code !== 0);
  expect(refused?.stdout).toContain('"training-busy"');
  const { run } = JSON.parse(winner!.stdout.trim().split('\n').at(-1)!) as { run: string };
  expect((await place.json<{ runs: unknown[] }>('runs')).runs).toHaveLength(1);

  const message = `Run ${run} is in progress on this machine`;
  for (const args of [train('--steps', '2'), ['sweep', place.path('code')], ['reproduce']]) {
    const { code, stderr } = await place.run(...args);
    expect(stderr).toContain(`[training-busy] ${message}`);
    expect(stderr).toContain(`forget-me-not cancel ${run}`);
    expect(code).toBe(1);
  }
  const evaluated = await place.run(
    'evaluate',
    place.path('tiny.gguf'),
    '--tasks',
    'retention',
    '--limit',
    '1',
  );
  expect(evaluated.stderr).toContain(message);

  await place.run('cancel', run);
  // The machine is free once the trainer has written its checkpoint; then the stopped run can resume.
  for (;;) {
    const { code, stderr } = await place.run('resume', run, '--detach');
    if (code === 0) break;
    expect(stderr).toMatch(/^\[(training-busy|run-locked)\]/m);
    await sleep(200);
  }
  await place.run('cancel', run);
  // It still writes into the folder that is deleted next.
  await untilIdle(place.home);
});
