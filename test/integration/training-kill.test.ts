/** What a run comes to when its trainer is killed and it goes on, byte by byte. Needs dist/ (npm test builds it). */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { survivingEvents, type RunEvent } from '../../src/protocol/events.ts';
import { readState } from '../../src/runs/files.ts';
import { cancelRun } from '../../src/runs/index.ts';
import { findRuntime } from '../../src/tensor/runtime/find.ts';
import type { Workplace } from '../support/cli.ts';
import { eventsOf, killedInTime, openTraining, untilFree, untilMade, untilTold } from '../support/trainer.ts';

interface Started {
  run: string;
  dir: string;
}

let place: Workplace;
let base: string;
let code: string;
const backends = ['wasm', ...((await findRuntime()) ? ['tensorflow'] : [])];
const small =
  '--strength 1 --seq 64 --eval-every 4 --humaneval 0 --retention 0 --held-out-windows 1 --lr 3e-3 --eval-tasks none';

beforeAll(async () => void ({ place, base, code } = await openTraining()));
afterAll(() => place?.dispose());

const train = (options: string) =>
  place.json<Started>(
    ...['train', code, '--base', base, '--detach', ...small.split(' '), ...options.split(' ')],
  );
const resume = (run: string) => place.json<Started>('resume', run, '--detach');
const resultOf = ({ dir }: Started) =>
  ['adapter.gguf', 'model.gguf'].map((name) => join(dir, name)).find((file) => existsSync(file));

/** What a run that is under way makes. */
async function made(run: Started): Promise<Buffer> {
  await untilMade(run.dir);
  return readFile(resultOf(run)!);
}

/** A run whose trainer was killed once its events said so. */
const killedAt = (sign: (event: RunEvent) => boolean, options: string) =>
  killedInTime(
    () => train(options),
    sign,
    (run) => !resultOf(run),
  );

describe.each(backends)('on %s', (backend) => {
  // Enough steps are left after the sixth for a busy machine to kill the trainer in time.
  const steps = backend === 'wasm' ? 12 : 20;
  const quick = `--backend ${backend} --steps ${steps}`;

  it.each([
    'lora lionw',
    'lora adamw --batch 2 --accumulate 2 --attention-dropout 0.1 --schedule constant --recompute',
    'lora lionw --targets blk.1.*,q --rank-stabilised --schedule inverse-sqrt --steps 16',
    'full adamw --lr 1e-4',
    'full lionw --lr 1e-4 --weight-decay 1e-4 --attention-dropout 0.1 --accumulate 2',
  ])('goes on after kill -9 to the same bytes: %s', async (words) => {
    const [method, optimizer, ...more] = words.split(' ');
    const options = [quick, '--method', method, '--optimizer', optimizer, ...more].join(' ');
    const whole = await made(await train(options));
    const killed = await killedAt((event) => event.type === 'step' && event.step === 6, options);
    expect((await made(await resume(killed.run))).equals(whole)).toBe(true);
  });

  it('comes to other bytes with another seed', async () => {
    const seeded = async (seed: number) => made(await train(`${quick} --steps 2 --seed ${seed}`));
    expect((await seeded(0)).equals(await seeded(1))).toBe(false);
  });

  it('goes back when it diverges, tells so, and after kill -9 comes to the same bytes', async () => {
    const options = `${quick} --method full --lr 0.1 --schedule constant --warmup 0 --steps 60`;
    const whole = await train(options);
    const result = await made(whole);
    const killed = await killedAt(({ type }) => type === 'rollback', options);
    expect((await made(await resume(killed.run))).equals(result)).toBe(true);
    const events = await eventsOf(whole.dir);
    const back = events.find((event) => event.type === 'rollback')!;
    // Which sign shows first hangs on the backend's last bits.
    expect(back).toMatchObject({ rateScale: 0.5, why: expect.stringMatching(/loss|gradient/) as string });
    const rates = events.flatMap((event) => (event.type === 'step' ? [event.learningRate] : []));
    expect(rates[0]).toBe(0.1);
    expect(rates.at(-1)).toBeLessThanOrEqual(0.05);
    // The history that counts has every step once.
    const counted = survivingEvents(events).flatMap((event) => (event.type === 'step' ? [event.step] : []));
    expect(counted).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
  });
});

it('stops without a signal, as on Windows: at a checkpoint of that step, and goes on to the same bytes', async () => {
  const options = '--steps 60 --backend wasm';
  const whole = await made(await train(options));
  const { run, dir } = await train(options);
  await untilTold(dir, ({ type }) => type === 'step');
  const kill = vi.spyOn(process, 'kill');
  expect(await cancelRun(dir, 'win32')).toBe('asked');
  expect(kill.mock.calls.filter(([, signal]) => signal !== 0)).toEqual([]);
  kill.mockRestore();
  await untilFree(place.home);
  const { status, step } = await readState(dir);
  expect(status).toBe('cancelled');
  expect(step).toBeLessThan(60);
  expect(await readdir(join(dir, 'checkpoints'))).toContain(`step-${String(step).padStart(6, '0')}`);
  expect((await made(await resume(run))).equals(whole)).toBe(true);
});
