/** Tasks measured at checkpoints, what ends a run early, and which checkpoint becomes the result. Needs dist/. */
import { readFile, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { evaluateCheckpoint } from '../../src/evaluation/evaluate-checkpoint.ts';
import { withResultLock } from '../../src/evaluation/measuring-lock.ts';
import { survivingEvents, type RunEvent } from '../../src/protocol/events.ts';
import type { RunSnapshot } from '../../src/protocol/panel.ts';
import type { EvaluationPlan, Hyper } from '../../src/protocol/run.ts';
import { readState } from '../../src/runs/files.ts';
import { readRun } from '../../src/runs/index.ts';
import type { Workplace } from '../support/cli.ts';
import {
  createSmallRun,
  ENDLESS,
  eventsOf,
  killInTime,
  openTraining,
  SOON,
  startTrainer,
  trainToEnd,
  untilIdle,
  untilTrained,
  untilEvent,
  warningsOf,
} from '../support/trainer.ts';

type Evaluated = Extract<RunEvent, { type: 'evaluation' }>;

let place: Workplace;
let base: string;
let code: string;

beforeAll(async () => {
  ({ place, base, code } = await openTraining());
  vi.stubEnv('FORGET_ME_NOT_HOME', place.home);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await place?.dispose();
});

/** A run that measures retention at its checkpoints, by default at steps 4, 8 and 12. Returns its directory. */
const createMeasured = (
  evaluation: Partial<EvaluationPlan> = {},
  { steps = 12, evalEvery = 4 }: Partial<Hyper> = {},
) =>
  createSmallRun({
    ...{ base, code, hyper: { steps, evalEvery } },
    evaluation: {
      ...{ heldOutWindows: 4, retentionTexts: 2, checkpointTasks: ['retention'], checkpointShare: 100 },
      ...evaluation,
    },
  });

const isMetric =
  (task: string, metric: string) =>
  (event: RunEvent): event is Evaluated =>
    event.type === 'evaluation' && event.result.task === task && event.result.metric === metric;
const isKl = isMetric('retention', 'KL from base');
const valueOf = ({ summary }: RunSnapshot, task: string, metric: string) =>
  summary!.comparisons.find((one) => one.task === task && one.metric === metric)!.after.value;
/** By step; the base is step 0. */
const path = (events: RunEvent[], is: (event: RunEvent) => event is Evaluated) =>
  new Map(events.filter(is).map(({ step, result }) => [step, result.value]));
const resultOf = (dir: string) => readFile(join(dir, 'adapter.gguf'));

describe('a run that measures its checkpoints', () => {
  let dir: string;
  let whole: RunSnapshot;
  let events: RunEvent[];
  let kl: Map<number, number>;
  beforeAll(async () => {
    dir = await createMeasured();
    await trainToEnd(dir);
    whole = await readRun(dir);
    events = await eventsOf(dir);
    kl = path(events, isKl);
  });

  it('measures the base, then every checkpoint, then the result', () => {
    const first = events.findIndex((event) => event.type === 'step');
    expect(events.slice(0, first).filter(isKl)).toMatchObject([{ step: 0, result: { value: 0 } }]);
    expect([...kl.keys()]).toEqual([0, 4, 8, 12]);
    expect(kl.get(12)).toBe(valueOf(whole, 'retention', 'KL from base'));
    // At this rate it only moves away from the base.
    expect(kl.get(4)).toBeGreaterThan(0);
    expect(kl.get(8)).toBeGreaterThan(kl.get(4)!);
    const learned = path(
      events,
      (event): event is Evaluated =>
        isMetric('workspace', 'loss')(event) && event.result.setting.startsWith('during training'),
    );
    expect([...learned.keys()]).toEqual([0, 4, 8, 12]);
    expect(warningsOf(events)).toEqual([]);
  });

  it('keeps the items of each measurement and removes the measured weights', async () => {
    const files = await readdir(join(dir, 'evaluation'));
    expect(files.toSorted()).toEqual([
      ...[12, 4, 8].map((step) => `retention.${step}.jsonl`),
      'summary.json',
      'workspace.12.jsonl',
    ]);
  });

  it('takes the last checkpoint as its result', () => {
    expect(events.some((event) => event.type === 'best' || event.type === 'earlyStop')).toBe(false);
    expect(whole.summary!.step).toBe(12);
  });

  it('measures a checkpoint on request, to the same metrics', async () => {
    const metrics = await place.json<{ step: number; metric: string; value: number }[]>(
      ...['evaluate', whole.spec.id, '--checkpoint', '8', '--tasks', 'retention,workspace', '--limit', '2'],
    );
    const of = (step: number, metric: string) =>
      metrics.find((one) => one.step === step && one.metric === metric)!.value;
    expect(of(8, 'KL from base')).toBe(kl.get(8));
    expect(of(0, 'KL from base')).toBe(0);
    expect(of(8, 'bits per byte')).toBeLessThan(of(0, 'bits per byte'));
  });

  it("keeps the result's items when the checkpoint that it is of is measured", async () => {
    const rows = () => readFile(join(dir, 'evaluation', 'retention.12.jsonl'), 'utf8');
    const before = await rows();
    const limited = ['--tasks', 'retention', '--limit', '1'];
    await place.json('evaluate', whole.spec.id, '--checkpoint', '12', ...limited);
    expect(await rows()).toBe(before);
  });

  it('is not deleted while a checkpoint is measured', async () => {
    const change = vi.fn(() => Promise.resolve());
    const tried: Promise<unknown>[] = [];
    await evaluateCheckpoint(dir, 8, {
      // Not in the cache, so that it takes a while.
      ...{ tasks: ['workspace'], limit: 3 },
      onEvent() {
        if (tried.length === 0) tried.push(withResultLock(dir, change).catch((error: unknown) => error));
      },
    });
    expect(await tried[0]).toMatchObject({ code: 'run-locked' });
    expect(change).not.toHaveBeenCalled();
    await withResultLock(dir, change);
    expect(change).toHaveBeenCalledTimes(1);
  });

  it.each([
    ['7', /no checkpoint of step 7\. It has checkpoints of steps .*8, 12; step 0 is the base/],
    ['-1', /whole number/],
  ])('refuses checkpoint %s', async (step, message) => {
    const { code: exit, stderr } = await place.run('evaluate', whole.spec.id, '--checkpoint', step);
    expect(exit).toBe(1);
    expect(stderr).toMatch(message);
  });

  describe('with a forgetting limit', () => {
    let limited: string;
    const createLimited = () =>
      createMeasured({ patience: 1, keep: 'best', forgettingLimit: (kl.get(4)! + kl.get(8)!) / 2 });
    beforeAll(async () => {
      limited = await createLimited();
      await trainToEnd(limited);
    });

    it('ends early and keeps the checkpoint that learned most within the limit', async () => {
      const run = await readRun(limited);
      const events = run.events;
      expect(events.filter((event) => event.type === 'earlyStop')).toMatchObject([
        { step: 8, why: expect.stringContaining('forgetting limit') as string },
      ]);
      expect(events.filter((event) => event.type === 'best')).toMatchObject([
        { step: 4, why: expect.stringContaining('nats/token') as string },
      ]);
      expect(events.find((event) => event.type === 'done')).toMatchObject({ step: 8 });
      expect(run.summary!.step).toBe(4);
      // That checkpoint is served and measured.
      expect(valueOf(run, 'retention', 'KL from base')).toBe(kl.get(4));
      const { stdout } = await place.run('show', run.spec.id);
      expect(stdout).toMatch(/early, at step 8[^]*the checkpoint of step 4/);
    });

    it.each([
      ['it measures a checkpoint', (event: RunEvent) => event.type === 'checkpoint' && event.step === 8],
      ['it ends early', (event: RunEvent) => event.type === 'earlyStop'],
    ])('gives the same result after kill -9 while %s', async (_, sign) => {
      const begin = async () => {
        const dir = await createLimited();
        await startTrainer(dir);
        return dir;
      };
      const killed = await killInTime(begin, sign);
      const resumed = await place.json<{ dir: string }>('resume', basename(killed), '--detach');
      await untilTrained(resumed.dir);
      expect((await resultOf(resumed.dir)).equals(await resultOf(limited))).toBe(true);
      const decisions = async (of: string) =>
        survivingEvents(await eventsOf(of))
          .filter((event) => event.type === 'earlyStop' || event.type === 'best')
          .map(({ type, step, why }) => ({ type, step, why }));
      expect(await decisions(resumed.dir)).toEqual(await decisions(limited));
    });
  });
});

// checkpoint-schedule.test.ts tests the schedule: here, the time depends on how busy the machine is.
it('leaves out checkpoints that do not fit into their share of the time, and says when the next one is due', async () => {
  // Some of them, or none: a measurement takes a twentieth of this training, or more.
  const dir = await createMeasured({ checkpointShare: 0.2 }, { steps: 60 });
  await startTrainer(dir);
  await untilTrained(dir);
  const events = await eventsOf(dir);
  const training = events.filter((event) => 'step' in event && event.step > 0);
  expect(training.filter(isKl).length).toBeLessThan(14);
  expect(warningsOf(events)).toEqual([
    expect.stringMatching(
      /^There is (?:no time to measure checkpoints \(retention\)|time to measure \d+ of 14 checkpoints \(retention\), next that of step \d+): one takes about/,
    ),
  ]);
});

it('warns and trains to its end when a task cannot be measured', async () => {
  vi.stubEnv('HF_ENDPOINT', 'http://127.0.0.1:9');
  // Without this machine's cache, which may hold the task's rows.
  vi.stubEnv('FORGET_ME_NOT_HOME', place.path('offline'));
  try {
    const dir = await createMeasured({ checkpointTasks: ['winogrande', 'retention'] });
    await trainToEnd(dir);
    const events = await eventsOf(dir);
    expect([...path(events, isKl).keys()]).toEqual([0, 4, 8, 12]);
    // It may be measured once there is a network.
    expect((await readRun(dir)).summary!.pending).toContain('winogrande');
    expect(warningsOf(events)).toMatchObject([
      expect.stringMatching(/WinoGrande was not measured: .*Hugging Face can't be reached/) as string,
      // The evaluation of the result has a separate warning.
      expect.stringMatching(/WinoGrande was not measured: .*Hugging Face can't be reached/) as string,
    ]);
  } finally {
    vi.unstubAllEnvs();
    vi.stubEnv('FORGET_ME_NOT_HOME', place.home);
  }
});

it('measures a checkpoint of a run in training', async () => {
  const dir = await createMeasured({ checkpointTasks: [] }, { steps: ENDLESS, evalEvery: 40 });
  await startTrainer(dir);
  await untilEvent(dir, (event) => event.type === 'checkpoint' && event.step === 40, SOON);
  // Paused, because a checkpoint is deleted once there are two later ones.
  const group = -(await readState(dir)).pid!;
  process.kill(group, 'SIGSTOP');
  try {
    const metrics = await place.json<{ step: number }[]>('evaluate', basename(dir), '--checkpoint', '40');
    expect(new Set(metrics.map(({ step }) => step))).toEqual(new Set([0, 40]));
  } finally {
    process.kill(group, 'SIGCONT');
  }
  await place.json('cancel', basename(dir));
  await untilIdle(place.home);
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
