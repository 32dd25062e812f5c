/** Training in the background: what is due, and what becomes of its result. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { KeepFresh } from '../../../src/extension/idle/keep-fresh.ts';
import { nextTraining, obsoleteRuns } from '../../../src/extension/idle/next-training.ts';
import type { Summary } from '../../../src/protocol/evaluation.ts';
import type { RunSnapshot } from '../../../src/protocol/panel.ts';
import { makeRun } from '../webview/fixtures.ts';

const editor = vi.hoisted(() => ({ whenIdle: true, stopped: [] as string[] }));
vi.mock('vscode', () => import('./fake-vscode.ts'));
vi.mock('../../../src/extension/settings.ts', () => ({
  settings: {
    background: () => (editor.whenIdle ? 'whenIdle' : 'off'),
    globOptions: () => ['--exclude', 'docs'],
    backendOptions: () => ['--backend', 'wasm'],
    trainOptions: () => ['--strength', '1', '--rank', '8'],
  },
  setTrainWhenIdle: () => (editor.whenIdle = true),
}));
vi.mock('../../../src/runs/index.ts', async (original) => ({
  ...(await original<object>()),
  cancelRun: (dir: string) => Promise.resolve(editor.stopped.push(dir.split('/').at(-1)!)),
}));

const DAY = 24 * 60 * 60_000;
const now = new Date('2026-12-02T22:00:00');
const summary = (strength: number): Summary => ({
  step: 1,
  sentence: '',
  comparisons: [],
  served: { meanKl: 0, limit: 0.01, tokens: 96, ok: true },
  choice: {
    decided: strength > 0 ? 'better' : 'not better',
    ...{ strength, why: 'it learned nothing', limit: 0.1, path: [], setting: '' },
  },
});

interface Made {
  continues?: string;
  strength?: number;
  daysAgo?: number;
  status?: RunSnapshot['state']['status'];
}
function made(id: string, { continues, strength, daysAgo = 0, status = 'done' }: Made): RunSnapshot {
  const run = makeRun({ id });
  const createdAt = new Date(now.getTime() - daysAgo * DAY).toISOString();
  const from = continues && { background: true, continues: { run: continues, sha256: 'a'.repeat(64) } };
  return {
    ...run,
    spec: { ...run.spec, createdAt, ...from },
    state: { ...run.state, status },
    summary: strength === undefined ? undefined : summary(strength),
  } as RunSnapshot;
}
const inUse = made('garden', { strength: 0.5, daysAgo: 8 });

describe('what is due', () => {
  const next = (runs: RunSnapshot[], used: string[] = []) => {
    const statusOf = ({ state }: RunSnapshot) => state.status as 'done';
    const found = nextTraining(inUse, { runs: [...runs, inUse], statusOf, used, now });
    return found && `${found.kind} ${'run' in found ? found.run.spec.id : found.since.spec.id}`;
  };
  const night = (with_: Made) => made('night', { continues: 'garden', ...with_ });

  test.each<[string, RunSnapshot[], string | undefined]>([
    ['a first training', [], 'begin garden'],
    [
      'to go on with one that was stopped, also on another day',
      [night({ status: 'cancelled', daysAgo: 3 })],
      'resume night',
    ],
    ['to measure a result whose measuring was stopped', [night({})], 'measure night'],
    ['to use a better result', [night({ strength: 0.5 })], 'use night'],
    ['nothing more on a day with a training', [night({ strength: 0 })], undefined],
    ['nothing after one that failed today', [night({ status: 'failed' })], undefined],
    [
      'another one if more has changed since the one that was no better',
      [night({ strength: 0, daysAgo: 1 })],
      'begin night',
    ],
    [
      'the first one again if one failed on another day',
      [night({ status: 'failed', daysAgo: 1 })],
      'begin garden',
    ],
    [
      'nothing on a day whose result was used already',
      [made('other', { continues: 'before', strength: 1 })],
      undefined,
    ],
    [
      'not what another run has learned',
      [made('other', { continues: 'before', status: 'cancelled', daysAgo: 1 })],
      'begin garden',
    ],
  ])('%s', (_, runs, wanted) => expect(next(runs)).toBe(wanted));

  test('a result that was put away is not used again', () =>
    expect(next([night({ strength: 0.5, daysAgo: 1 })], ['night', 'garden'])).toBe('begin night'));
});

test('of what earlier nights have left, the result in use and its neighbours stay', () => {
  const nights = ['c', 'b', 'a', 'garden'].map((id, at, ids) =>
    made(id, { continues: ids[at + 1] ?? 'seed' }),
  );
  const byHand = made('by hand', {});
  const left = (used: RunSnapshot) => obsoleteRuns(used, [...nights, byHand]).map(({ spec }) => spec.id);
  expect(left(nights[0]!)).toEqual(['a', 'garden']);
  expect(left(nights[1]!)).toEqual(['garden']);
  expect(left(byHand)).toEqual(['c', 'b', 'a', 'garden']);
});

describe('a machine that is idle', () => {
  let asked: string[];
  let runs: RunSnapshot[];
  let chosen: string[];
  let notified: [string, { title: string; run: () => unknown }[]][];
  let store: Record<string, unknown>;
  let leave: (id: string) => void;
  let enough: boolean;
  let fails: boolean;
  let keepFresh: KeepFresh;
  const signal = new AbortController().signal;

  beforeEach(() => {
    Object.assign(editor, { whenIdle: true, stopped: [] });
    [asked, runs, chosen, notified, enough, fails] = [[], [inUse], [], [], true, false];
    store = {
      recent: ['garden'],
      askedBackground: false,
      markBackgroundAsked: () => Promise.resolve((store.askedBackground = true)),
    };
    const services = {
      store,
      log: {
        notify: (_: string, text: string, ...actions: []) => Promise.resolve(notified.push([text, actions])),
        warn: () => undefined,
      },
      children: {
        ask: (_: unknown, args: string[]) => {
          asked.push(args.join(' '));
          if (args.includes('--detach') && fails) return Promise.reject(new Error('It was cancelled.'));
          return Promise.resolve({ run: 'night', files: 31, share: 0.2, enough });
        },
      },
      completion: { choose: ({ id }: { id: string }) => Promise.resolve(chosen.push(id)) },
      isHere: () => true,
      runs: {
        get all() {
          return runs;
        },
        live: [made('night', { continues: 'garden', status: 'running' }), made('by hand', {})],
        statusOf: ({ state }: RunSnapshot) => state.status,
        refresh: () => Promise.resolve(),
        follow: () => undefined,
        onDidLeave: (listener: (id: string) => void) => ((leave = listener), { dispose: () => undefined }),
      },
    };
    keepFresh = new KeepFresh(services as never);
  });
  const due = () => keepFresh.due(inUse);
  const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

  test('learns what has changed, until the run ends', async () => {
    const work = due()!(signal);
    await settled();
    // The person's own options apply, but only a better result is used.
    const train =
      'train --continue garden --backend wasm --exclude docs --strength 1 --rank 8 --minutes 20 --strength measured --when-idle --yes --detach';
    expect(asked).toEqual(['changed garden --exclude docs', train]);
    leave('another');
    leave('night');
    await work;
    expect(editor.stopped).toEqual([]);
  });
  test('is left within a step: a checkpoint is kept', async () => {
    const controller = new AbortController();
    const work = due()!(controller.signal);
    await settled();
    controller.abort();
    expect(editor.stopped).toEqual(['night']);
    leave('night');
    await work;
  });
  test('is left at once, also while the trainer is being started', async () => {
    fails = true;
    await expect(due()!(AbortSignal.abort())).rejects.toThrow('cancelled');
    expect(editor.stopped).toEqual(['night']);
  });
  test('does not stop the training of another window, which keeps it from beginning', async () => {
    fails = true;
    await expect(due()!(signal)).rejects.toThrow();
    expect(editor.stopped).toEqual([]);
  });
  test('learns nothing if too little has changed, and looks again after an hour', async () => {
    enough = false;
    await due()!(signal);
    expect(asked).toHaveLength(1);
    expect(due()).toBeUndefined();
  });
  test('uses a better result, and one button goes back to the one before', async () => {
    runs = [made('night', { continues: 'garden', strength: 0.5 }), inUse];
    await due()!(signal);
    expect(chosen).toEqual(['night']);
    const [[text, actions]] = notified as [(typeof notified)[0]];
    expect(text).toContain('while the machine was idle');
    expect(actions.map(({ title }) => title)).toEqual(['Show Results', 'Undo']);
  });
  test('measures a result once, even if that does not choose its strength', async () => {
    runs = [made('night', { continues: 'garden' }), inUse];
    await due()!(signal);
    expect(asked).toEqual(['evaluate night --background']);
    expect(due()).toBeUndefined();
    runs = [made('night', { continues: 'garden', strength: 0.5 }), inUse];
    await due()!(signal);
    expect(chosen).toEqual(['night']);
  });
  test('is asked for once, when there is something to learn', async () => {
    editor.whenIdle = false;
    await due()!(signal);
    expect(asked).toEqual(['changed garden --exclude docs']);
    expect(notified[0]![0]).toContain(
      '31 files are new or changed, 20% of the text to learn. Shall web-server learn',
    );
    expect(due()).toBeUndefined();
    notified[0]![1][0]!.run();
    expect(editor.whenIdle).toBe(true);
  });
  test('is left alone while two results are compared by turns', () => {
    store.comparing = 7;
    expect(due()).toBeUndefined();
  });
  test('that a crash left training is given back: not what the user trains', async () => {
    await keepFresh.stop();
    expect(editor.stopped).toEqual(['night']);
  });
});
