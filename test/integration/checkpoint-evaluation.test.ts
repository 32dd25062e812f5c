/** Tasks at checkpoints while a run trains, what ends it early, and which checkpoint becomes the result. Needs dist/. */
import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { survivingEvents, type RunEvent } from '../../src/protocol/events.ts';
import { readState } from '../../src/runs/files.ts';
import type { Workplace } from '../support/cli.ts';
import {
  ENDLESS,
  eventsOf,
  killedInTime,
  openTraining,
  untilFree,
  untilMade,
  untilTold,
  warningsOf,
} from '../support/trainer.ts';

interface Started {
  run: string;
  dir: string;
}
interface Trained extends Started {
  steps: number;
  summary: { step: number; comparisons: { task: string; metric: string; after: { value: number } }[] };
}
type Evaluated = Extract<RunEvent, { type: 'evaluation' }>;

let place: Workplace;
let base: string;
let code: string;
const small =
  '--strength 1 --seq 64 --steps 12 --eval-every 4 --humaneval 0 --held-out-windows 4 --retention 2 --lr 3e-3';

beforeAll(async () => void ({ place, base, code } = await openTraining()));
afterAll(() => place?.dispose());

const train = (options: string) =>
  place.json<Trained>('train', code, '--base', base, ...small.split(' '), ...options.split(' '));

const isFigure =
  (task: string, metric: string) =>
  (event: RunEvent): event is Evaluated =>
    event.type === 'evaluation' && event.result.task === task && event.result.metric === metric;
const isKl = isFigure('retention', 'KL from base');
const figure = ({ summary }: Trained, task: string, metric: string) =>
  summary.comparisons.find((one) => one.task === task && one.metric === metric)!.after.value;
/** By step; the base is step 0. */
const path = (events: RunEvent[], is: (event: RunEvent) => event is Evaluated) =>
  new Map(events.filter(is).map(({ step, result }) => [step, result.value]));
const artefact = ({ dir }: Started) => readFile(join(dir, 'adapter.gguf'));

describe('a run with checkpoints measured', () => {
  let whole: Trained;
  let events: RunEvent[];
  let kl: Map<number, number>;
  beforeAll(async () => {
    whole = await train('--eval-share 100');
    events = await eventsOf(whole.dir);
    kl = path(events, isKl);
  });

  it('has the base first, then every checkpoint, then the result: a path', () => {
    const first = events.findIndex((event) => event.type === 'step');
    expect(events.slice(0, first).filter(isKl)).toMatchObject([{ step: 0, result: { value: 0 } }]);
    expect([...kl.keys()]).toEqual([0, 4, 8, 12]);
    expect(kl.get(12)).toBe(figure(whole, 'retention', 'KL from base'));
    // At such a rate it only moves away.
    expect(kl.get(4)).toBeGreaterThan(0);
    expect(kl.get(8)).toBeGreaterThan(kl.get(4)!);
    const learned = path(
      events,
      (event): event is Evaluated =>
        isFigure('workspace', 'loss')(event) && event.result.setting.startsWith('during training'),
    );
    expect([...learned.keys()]).toEqual([0, 4, 8, 12]);
    expect(warningsOf(events)).toEqual([]);
  });

  it('has the items of each, and nothing left of the weights that were measured', async () => {
    const files = await readdir(join(whole.dir, 'evaluation'));
    expect(files.toSorted()).toEqual([
      ...[12, 4, 8].map((step) => `retention.${step}.jsonl`),
      'summary.json',
      'workspace.12.jsonl',
    ]);
  });

  it('is made of the last one, as always', () => {
    expect(events.some((event) => event.type === 'best' || event.type === 'earlyStop')).toBe(false);
    expect(whole.summary.step).toBe(12);
  });

  it('measures a checkpoint when asked, to the same figures', async () => {
    const figures = await place.json<{ step: number; metric: string; value: number }[]>(
      ...['evaluate', whole.run, '--checkpoint', '8', '--tasks', 'retention,workspace', '--limit', '2'],
    );
    const of = (step: number, metric: string) =>
      figures.find((one) => one.step === step && one.metric === metric)!.value;
    expect(of(8, 'KL from base')).toBe(kl.get(8));
    expect(of(0, 'KL from base')).toBe(0);
    expect(of(8, 'bits per byte')).toBeLessThan(of(0, 'bits per byte'));
  });

  it.each([
    ['7', /no checkpoint of step 7\. It has checkpoints of steps .*8, 12; step 0 is the base/],
    ['-1', /whole number/],
  ])('says which checkpoints there are: %s', async (step, message) => {
    const { code: exit, stderr } = await place.run('evaluate', whole.run, '--checkpoint', step);
    expect(exit).toBe(1);
    expect(stderr).toMatch(message);
  });

  describe('with a forgetting limit', () => {
    let limited: Trained;
    const options = () =>
      `--eval-share 100 --patience 1 --forgetting-limit ${((kl.get(4)! + kl.get(8)!) / 2).toFixed(4)}`;
    beforeAll(async () => void (limited = await train(options())));

    it('ends early, with the checkpoint that learned most within it', async () => {
      const told = await eventsOf(limited.dir);
      expect(told.filter((event) => event.type === 'earlyStop')).toMatchObject([
        { step: 8, why: expect.stringContaining('forgetting limit') as string },
      ]);
      expect(told.filter((event) => event.type === 'best')).toMatchObject([
        { step: 4, why: expect.stringContaining('nats/token') as string },
      ]);
      expect(limited).toMatchObject({ steps: 8, summary: { step: 4 } });
      // What is served and measured is that checkpoint.
      expect(figure(limited, 'retention', 'KL from base')).toBe(kl.get(4));
      const { stdout } = await place.run('show', limited.run);
      expect(stdout).toMatch(/early, at step 8[^]*the checkpoint of step 4/);
    });

    it.each([
      ['a checkpoint is measured', (event: RunEvent) => event.type === 'checkpoint' && event.step === 8],
      ['it has ended early', (event: RunEvent) => event.type === 'earlyStop'],
    ])('comes to the same after kill -9 while %s', async (_, sign) => {
      const { run } = await killedInTime(
        () => train(`${options()} --detach`),
        sign,
        ({ dir }) => !existsSync(join(dir, 'evaluation', 'summary.json')),
      );
      const resumed = await place.json<Started>('resume', run, '--detach');
      await untilMade(resumed.dir);
      expect((await artefact(resumed)).equals(await artefact(limited))).toBe(true);
      const decided = async (of: Started) =>
        survivingEvents(await eventsOf(of.dir))
          .filter((event) => event.type === 'earlyStop' || event.type === 'best')
          .map(({ type, step, why }) => ({ type, step, why }));
      expect(await decided(resumed)).toEqual(await decided(limited));
    });
  });
});

// How long is for checkpoint-schedule.test.ts: on a busy machine no clock can tell.
it('leaves out checkpoints that its share of the time has no room for, and says what waits', async () => {
  // Some of them, or none: a measurement takes from a tenth to twice as long as this training, as the machine likes.
  const run = await train('--backend wasm --steps 60 --eval-share 0.5 --detach');
  await untilMade(run.dir);
  const events = await eventsOf(run.dir);
  const training = events.filter((event) => 'step' in event && event.step > 0);
  expect(training.filter(isKl).length).toBeLessThan(14);
  expect(warningsOf(events)).toEqual([
    expect.stringMatching(
      /^There is (?:no time to measure checkpoints \(retention\)|time to measure \d of 14 checkpoints \(retention\), next that of step \d+): one takes about/,
    ),
  ]);
});

it('goes on to its end when a task can not be measured, with a warning', async () => {
  vi.stubEnv('HF_ENDPOINT', 'http://127.0.0.1:9');
  // Rows that were fetched before would do.
  const { home } = place;
  place.home = place.path('offline');
  try {
    const run = await train('--eval-share 100 --eval-tasks winogrande,retention');
    const events = await eventsOf(run.dir);
    expect([...path(events, isKl).keys()]).toEqual([0, 4, 8, 12]);
    expect(warningsOf(events)).toMatchObject([
      expect.stringMatching(/WinoGrande was not measured: .*Hugging Face can't be reached/) as string,
      // The evaluation of the result tells of its own.
      expect.stringMatching(/WinoGrande was not measured: .*Hugging Face can't be reached/) as string,
    ]);
  } finally {
    place.home = home;
    vi.unstubAllEnvs();
  }
});

it('measures a run that is in training, and says when it has no checkpoints yet', async () => {
  const { run, dir } = await train(
    `--backend wasm --steps ${ENDLESS} --eval-every 40 --eval-tasks none --detach`,
  );
  await untilTold(dir, (event) => event.type === 'checkpoint' && event.step === 40);
  // It rests: a checkpoint goes when there are two later ones, which this machine may make before it is measured.
  const group = -(await readState(dir)).pid!;
  process.kill(group, 'SIGSTOP');
  try {
    const figures = await place.json<{ step: number }[]>('evaluate', run, '--checkpoint', '40');
    expect(new Set(figures.map(({ step }) => step))).toEqual(new Set([0, 40]));
  } finally {
    process.kill(group, 'SIGCONT');
  }
  await place.json('cancel', run);
  await untilFree(place.home);
});

it.each([
  ['--eval-tasks nonsense', /There is no task "nonsense"/],
  ['--forgetting-limit 0.1 --eval-tasks none', /Add to --eval-tasks: retention/],
  ['--forgetting-limit 0.1 --keep last', /does not go with --forgetting-limit/],
  ['--eval-tasks retention --eval-share 0', /larger --eval-share/],
  ['--patience 0', /whole number/],
])('refuses %s', async (options, message) => {
  const result = await place.run('train', code, '--base', base, ...options.split(' '));
  expect(result.code).toBe(1);
  expect(result.stderr).toMatch(message);
});
