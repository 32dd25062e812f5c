/** What is done while the machine is idle: the rest of HumanEval, the newest commits, training. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { needsMeasuring, WhenIdle } from '../../../src/extension/idle/when-idle.ts';
import type { Comparison, Summary } from '../../../src/protocol/evaluation.ts';
import type { RunSnapshot } from '../../../src/protocol/panel.ts';
import { UserError } from '../../../src/text/errors.ts';
import { makeRun } from '../webview/fixtures.ts';
import { choiceAt } from '../../support/choice.ts';

type Listener = (event: unknown) => void;
const editor = vi.hoisted(() => ({
  trusted: true,
  state: { focused: true, active: false },
  listeners: {} as Record<string, (event: unknown) => void>,
}));
vi.mock('vscode', async () => {
  const fake = await import('./fake-vscode.ts');
  const on = (name: string) => (listener: Listener) => {
    editor.listeners[name] = listener;
    return { dispose: () => delete editor.listeners[name] };
  };
  return {
    Disposable: fake.Disposable,
    commands: fake.commands,
    window: {
      onDidChangeTextEditorSelection: on('selection'),
      onDidChangeActiveTextEditor: on('editor'),
      onDidChangeActiveTerminal: on('terminal'),
      onDidChangeWindowState: on('window'),
      get state() {
        return editor.state;
      },
    },
    workspace: {
      get isTrusted() {
        return editor.trusted;
      },
      onDidChangeTextDocument: on('text'),
    },
  };
});
const machine = vi.hoisted(() => ({ busy: 0, mains: true, training: undefined as string | undefined }));
vi.mock('../../../src/platform/machine/mains-power.ts', () => ({
  onMains: () => Promise.resolve(machine.mains),
}));
vi.mock('../../../src/platform/machine/machine-load.ts', () => ({
  MAX_BUSY_PROCESSORS: 0.3,
  watchLoad: () => () => machine.busy,
}));
const repository = vi.hoisted(() => ({ head: undefined as string | undefined }));
vi.mock('../../../src/corpus/reading/git.ts', () => ({
  newestCommit: () => Promise.resolve(repository.head),
}));
/** What training in the background has to do, and how often what is left of it was stopped. */
const fresh = vi.hoisted(() => ({
  work: undefined as ((signal: AbortSignal) => Promise<void>) | undefined,
  stopped: 0,
}));
vi.mock('../../../src/extension/idle/keep-fresh.ts', () => ({
  KeepFresh: class {
    due = () => fresh.work;
    stop = () => Promise.resolve(void (fresh.stopped += 1));
  },
}));
vi.mock('../../../src/runs/index.ts', async (original) => ({
  ...(await original<object>()),
  trainingNow: () => Promise.resolve(machine.training),
}));

function solved(before: number, after: number, n: number): Comparison {
  const metric = (value: number) => ({
    task: 'humaneval',
    metric: 'pass@1',
    value,
    low: 0,
    high: 1,
    n,
    setting: '',
  });
  const difference = { value: after - before, low: after - before - 0.06, high: after - before + 0.06 };
  const significant = difference.high < 0;
  return {
    task: 'humaneval',
    metric: 'pass@1',
    unit: '',
    better: 'higher',
    difference,
    significant,
    before: metric(before),
    after: metric(after),
  };
}
const summaryOf = (...comparisons: Comparison[]): Summary => ({
  step: 1,
  sentence: '',
  comparisons,
  served: { meanKl: 0, limit: 0.01, tokens: 96, ok: true },
  choice: choiceAt(0.5),
});

const MINUTE = 60_000;
let run: RunSnapshot;
let after: Comparison;
let asked: string[];
let notified: string[];
let here: boolean;
let isOn: boolean;
let live: RunSnapshot[];
/** How often the runs were read. */
let read: number;
let onRuns: () => void;
let idle: WhenIdle;
/** Ends the evaluation in progress: as a child process does when it is stopped, or because it has finished. */
let end: (how: 'done' | 'broken' | 'locked' | 'no-commits') => void;

beforeEach(() => {
  vi.useFakeTimers();
  repository.head = undefined;
  Object.assign(fresh, { work: undefined, stopped: 0 });
  Object.assign(machine, { busy: 0.1, mains: true, training: undefined });
  Object.assign(editor, { trusted: true, state: { focused: true, active: false } });
  run = { ...makeRun({ id: 'garden' }), summary: summaryOf(solved(0.45, 0.45, 20)) };
  after = solved(0.45, 0.3, 164);
  [asked, notified, here, isOn, live, read] = [[], [], true, true, [], 0];
  const runs = {
    onDidChange: (listener: () => void) => ((onRuns = listener), { dispose: () => undefined }),
    refresh: async () => void (read += 1),
    get: () => run,
    get live() {
      return live;
    },
  };
  const ask = (_: unknown, args: string[], { signal }: { signal: AbortSignal }) => {
    asked.push(args.join(' '));
    return new Promise<void>((resolve, reject) => {
      signal.addEventListener('abort', () => (asked.push('stopped'), reject(new Error('stopped'))));
      end = (how) => {
        if (how === 'locked') return reject(new UserError('run-locked', 'It is being measured.', 'Wait.'));
        if (how === 'no-commits')
          return reject(new UserError('no-commits', 'There is nothing new.', 'Commit.'));
        if (how === 'broken') return reject(new Error('no base'));
        run = { ...run, summary: summaryOf(after) };
        return resolve();
      };
    });
  };
  const log = { warn: (text: string) => notified.push(text) };
  const completion = {
    get inUse() {
      return { run };
    },
    get isOn() {
      return isOn;
    },
  };
  const services = { runs, children: { ask }, log, completion, isHere: () => here };
  idle = new WhenIdle(services as never);
});
afterEach(() => {
  idle.dispose();
  vi.useRealTimers();
});

const minutes = (count: number) => vi.advanceTimersByTimeAsync(count * MINUTE);
const press = (what = 'text', scheme = 'file') => editor.listeners[what]!({ document: { uri: { scheme } } });
const COMMAND = 'evaluate garden --tasks humaneval --limit 164 --background';

describe('what is left to measure', () => {
  const left = (summary: Summary | undefined) => needsMeasuring({ summary });
  test('is HumanEval if it was measured in part, or planned but not measured', () => {
    expect(left(summaryOf(solved(0.5, 0.5, 20)))).toBe(true);
    expect(left({ ...summaryOf(), pending: ['humaneval'] })).toBe(true);
    expect(left(summaryOf(solved(0.5, 0.5, 164)))).toBe(false);
    expect(left(summaryOf(solved(0.5, 0.5, 0)))).toBe(true);
  });
  test('is nothing for a run without HumanEval, of an earlier version, or of another publisher', () => {
    expect(left(undefined)).toBe(false);
    expect(left({ ...summaryOf(), pending: ['retention'] })).toBe(false);
    expect(left({ step: 1, sentence: '', comparisons: [solved(0.5, 0.5, 20)] })).toBe(false);
    expect(left({ ...summaryOf(solved(0.5, 0.5, 20)), stated: ['humaneval'] })).toBe(false);
  });
});

describe('all of HumanEval is measured', () => {
  test('after ten minutes without a key press, and only once', async () => {
    await minutes(5);
    press();
    await minutes(9);
    expect(asked).toEqual([]);
    await minutes(3);
    expect(asked).toEqual([COMMAND]);
    after = solved(0.45, 0.44, 164);
    end('done');
    await minutes(60);
    expect(asked).toEqual([COMMAND]);
    expect(notified).toEqual([]);
  });
  test('again after another strength was set', async () => {
    after = solved(0.45, 0.44, 164);
    await minutes(12);
    end('done');
    await minutes(1);
    // Setting a strength drops all figures.
    run = { ...run, summary: { ...summaryOf(), givenStrength: 1, pending: ['humaneval'] } };
    await minutes(12);
    expect(asked).toEqual([COMMAND, COMMAND]);
  });
  test('even while our own log is being written', async () => {
    for (let at = 0; at < 12; at += 1) {
      press('text', 'output');
      await minutes(1);
    }
    expect(asked).toEqual([COMMAND]);
  });
  test.each([
    ['other programs are busy', () => (machine.busy = 0.6)],
    ['a training is running', () => (machine.training = 'The training of garden')],
    ['a run is in progress', () => (live = [run])],
    ['the workspace is not trusted', () => (editor.trusted = false)],
    ['its folder is open in another window', () => (here = false)],
    ['completion is turned off', () => (isOn = false)],
    ['the machine runs on battery', () => (machine.mains = false)],
    ['another window or program is used', () => (editor.state.focused = false)],
    ['a terminal or a panel of this window is used', () => (editor.state.active = true)],
  ])('not while %s', async (_, change) => {
    change();
    await minutes(30);
    expect(asked).toEqual([]);
  });
});

test('a night of sleep does not count as idle', async () => {
  await minutes(1);
  vi.setSystemTime(Date.now() + 8 * 60 * MINUTE);
  await minutes(9);
  expect(asked).toEqual([]);
  await minutes(3);
  expect(asked).toEqual([COMMAND]);
});

test('after heavy use of the machine, measuring pauses for half an hour', async () => {
  await minutes(12);
  machine.busy = 1.5;
  await minutes(0.2);
  machine.busy = 0.1;
  await minutes(28);
  expect(asked).toEqual([COMMAND, 'stopped']);
  await minutes(5);
  expect(asked).toEqual([COMMAND, 'stopped', COMMAND]);
});

describe('measuring stops', () => {
  test.each(['text', 'selection', 'editor', 'terminal', 'window'])('at once if %s changes', async (what) => {
    await minutes(12);
    press(what);
    expect(asked).toEqual([COMMAND, 'stopped']);
  });
  test.each([
    ['a training', () => (machine.training = 'A sweep')],
    ['heavy use', () => (machine.busy = 1.5)],
  ])('within seconds of %s', async (_, change) => {
    await minutes(12);
    change();
    await minutes(0.2);
    expect(asked).toEqual([COMMAND, 'stopped']);
  });
  test('when a run starts, and continues once it is over', async () => {
    await minutes(12);
    live = [run];
    onRuns();
    expect(asked).toEqual([COMMAND, 'stopped']);
    await minutes(20);
    live = [];
    await minutes(2);
    expect(asked).toEqual([COMMAND, 'stopped', COMMAND]);
    expect(notified).toEqual([]);
  });
});

test.each([
  ['', () => end('done')],
  // The metrics had just been written.
  [', even if a key came at the end', () => ((run = { ...run, summary: summaryOf(after) }), press())],
])('what was measured is read, so that completion notices a worse result%s', async (_, ends) => {
  await minutes(12);
  expect(read).toBe(0);
  ends();
  await minutes(1);
  expect(read).toBe(1);
});

describe('what was committed since the training', () => {
  const PROOF = 'proof garden --background';
  beforeEach(() => {
    repository.head = 'first';
    run = { ...run, summary: summaryOf(solved(0.45, 0.44, 164)) };
  });
  test('is measured once all problems are, and again only after new commits', async () => {
    await minutes(12);
    expect(asked).toEqual([PROOF]);
    after = solved(0.45, 0.44, 164);
    end('done');
    await minutes(60);
    expect(asked).toEqual([PROOF]);
    repository.head = 'second';
    await minutes(2);
    expect(asked).toEqual([PROOF, PROOF]);
  });
  test('is measured after an interruption', async () => {
    await minutes(12);
    press();
    await minutes(12);
    expect(asked).toEqual([PROOF, 'stopped', PROOF]);
  });
  test('is nothing to speak of if there is nothing new, or no repository', async () => {
    await minutes(12);
    end('no-commits');
    await minutes(60);
    repository.head = undefined;
    await minutes(60);
    expect([asked, notified]).toEqual([[PROOF], []]);
  });
});

describe('training in the background', () => {
  const trained = vi.fn((signal: AbortSignal) => {
    machine.training = 'The training of garden';
    live = [run];
    onRuns();
    return new Promise<void>((resolve) =>
      signal.addEventListener('abort', () => {
        [machine.training, live] = [undefined, []];
        resolve();
      }),
    );
  });
  beforeEach(() => {
    trained.mockClear();
    fresh.work = trained;
    run = { ...run, summary: summaryOf(solved(0.45, 0.44, 164)) };
  });
  const isStopped = () => trained.mock.calls[0]![0].aborted;

  test('comes after measuring, and is not in its own way', async () => {
    repository.head = 'first';
    await minutes(12);
    expect(asked).toEqual(['proof garden --background']);
    after = solved(0.45, 0.44, 164);
    end('done');
    await minutes(2);
    expect(trained).toHaveBeenCalledTimes(1);
    await minutes(60);
    expect(isStopped()).toBe(false);
    expect(trained).toHaveBeenCalledTimes(1);
  });
  test.each([
    ['a key', () => press()],
    ['heavy use of the machine', () => (machine.busy = 1.5)],
    ['the battery', () => (machine.mains = false)],
  ])('is stopped by %s, and goes on later', async (_, change) => {
    await minutes(12);
    expect(trained).toHaveBeenCalledTimes(1);
    change();
    await minutes(0.2);
    expect(isStopped()).toBe(true);
    Object.assign(machine, { busy: 0.1, mains: true });
    await minutes(45);
    expect(trained).toHaveBeenCalledTimes(2);
  });
  test('that a crashed editor has left is stopped once somebody is back', async () => {
    await minutes(2);
    expect(fresh.stopped).toBe(2);
    expect(trained).not.toHaveBeenCalled();
  });
});

test('while another evaluator measures the result, it waits silently', async () => {
  await minutes(12);
  end('locked');
  await minutes(28);
  expect(asked).toEqual([COMMAND]);
  await minutes(5);
  expect(asked).toEqual([COMMAND, COMMAND]);
  end('done');
  await minutes(60);
  expect(asked).toEqual([COMMAND, COMMAND]);
  expect(notified).toEqual([]);
});

test.each([
  ['in part', () => undefined],
  // The first time, without a network.
  ['not at all', () => (run.summary = { ...summaryOf(), pending: ['humaneval'] })],
])('a failed evaluation is not repeated, and interrupts nobody: measured %s', async (_, prepare) => {
  prepare();
  await minutes(12);
  end('broken');
  await minutes(60);
  expect(asked).toEqual([COMMAND]);
  expect(notified).toEqual([expect.stringContaining('was not measured on all of HumanEval: ')]);
});
