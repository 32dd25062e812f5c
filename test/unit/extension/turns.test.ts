/** What the windows of a person agree on while models are compared by turns, and what stays on the disk. */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { modelFromBase, modelFromRun } from '../../../src/extension/completion/completion-model.ts';
import { Turns, turnsFile } from '../../../src/extension/completion/turns.ts';
import { sideOf, totalOf, TURN_MS, turnAt, type Turn } from '../../../src/findings/by-turns.ts';
import type { EndedLine } from '../../../src/protocol/by-turns.ts';
import { makeRun } from '../webview/fixtures.ts';

const run = makeRun({ id: 'garden', name: 'Garden' });
const model = modelFromRun(run);
const base = modelFromBase(run.spec.base, '/reference.gguf');
const file = () => turnsFile('garden');

let home: string;
let failures: unknown[];
/** How often the untrained model's files were checked. */
let prepared: number;
/** The seeds of comparisons that were begun on this machine. */
let begun: number[];

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'fmn-turns-'));
  vi.stubEnv('FORGET_ME_NOT_HOME', home);
  mkdirSync(dirname(file()), { recursive: true });
  vi.useFakeTimers({ now: 100_000 * TURN_MS, toFake: ['Date', 'setTimeout', 'clearTimeout'] });
  failures = [];
  prepared = 0;
  begun = [];
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true, force: true });
});

/** A window with a workspace of its own. */
async function openWindow() {
  const ended: EndedLine[] = [];
  const store = {
    comparisons: begun,
    addComparison: (seed: number) => Promise.resolve(void begun.push(seed)),
    comparing: undefined as number | undefined,
    setComparing(seed: number | undefined) {
      store.comparing = seed;
      return Promise.resolve();
    },
  };
  const open = async () => {
    const turns = new Turns(store, {
      prepare: () => Promise.resolve(void (prepared += 1)),
      untrained: () => base,
      ended: (_, line) => (ended.push(line), Promise.resolve()),
      failed: (error) => failures.push(error),
    });
    await turns.follow(run);
    return turns;
  };
  return { turns: await open(), ended, store, open };
}
type Window = Awaited<ReturnType<typeof openWindow>>;

const turnNow = (turns: Turns) => turns.modelFor(model).turn!;
const nextTurn = () => vi.setSystemTime(Date.now() + TURN_MS);
/** What is written of all turns. */
const written = (turns: Turns) => totalOf(turns.going!.counts);

/** Somebody writes for as many turns, of which the result keeps as much more as its `gain`. */
function write({ turns }: Window, count: number, gain: number): void {
  for (let i = 0; i < count; i += 1, nextTurn()) {
    const turn = turnNow(turns);
    turns.count(turn, 'typed', 100);
    turns.count(turn, 'shown', 5);
    const kept = turn.side === 'result' ? 20 * (1 + gain) : 20;
    turns.count(turn, 'keptCharacters', kept + (turn.number % 3));
  }
}

test('nothing changes before it begins', async () => {
  const { turns } = await openWindow();
  expect(turns.modelFor(model)).toBe(model);
  expect(turns.going).toBeUndefined();
  expect(existsSync(file())).toBe(false);
});

test('two windows agree on whose turn it is, and sum up what they count', async () => {
  const [one, two] = [await openWindow(), await openWindow()];
  await one.turns.begin(100);
  await two.turns.refresh();
  const names = new Set<string>();
  for (let i = 0; i < 6; i += 1, nextTurn()) {
    const [here, there] = [one, two].map(({ turns }) => turns.modelFor(model));
    expect(here!.id).toBe(there!.id);
    names.add(here!.requested);
    one.turns.count(here!.turn!, 'shown', 2);
    two.turns.count(there!.turn!, 'shown', 3);
  }
  expect([...names].sort()).toEqual(['garden', 'reference']);
  await two.turns.refresh();
  await one.turns.refresh();
  expect(written(one.turns).shown).toBe(30);
  expect(readFileSync(file(), 'utf8')).not.toMatch(/garden|Garden/);
  if (process.platform !== 'win32') expect(statSync(file()).mode & 0o777).toBe(0o600);
});

test("a suggestion on the screen stays its model's, and counts for its turn", async () => {
  const { turns } = await openWindow();
  await turns.begin(100);
  const before = turnNow(turns);
  nextTurn();
  expect(turns.modelFor(model).turn!.number).toBe(before.number + 1);
  // Also after something else was asked in the next turn, for as long as the comparison goes on.
  expect(turns.modelFor(model, before).turn).toEqual(before);
  await turns.end();
  expect(turns.modelFor(model, before)).toBe(model);
});

test('the files of the untrained model are checked once, not at each refresh', async () => {
  const { turns } = await openWindow();
  await turns.begin(100);
  for (let times = 0; times < 3; times += 1) await turns.refresh();
  expect(prepared).toBe(1);
});

test('another strength of the result, wherever it was set, ends it in each window without a verdict', async () => {
  const atHalf = { ...run, summary: { ...run.summary!, givenStrength: 0.5 } };
  const [one, two] = [await openWindow(), await openWindow()];
  await one.turns.begin(200);
  await two.turns.refresh();
  write(one, 40, 0.5);
  nextTurn();
  for (const { turns, ended } of [one, two]) {
    await turns.follow(atHalf);
    expect(ended).toHaveLength(1);
    expect(ended[0]!.verdict).toBeUndefined();
    expect(turns.modelFor(model)).toBe(model);
  }
  await one.turns.begin(200);
  await one.turns.refresh();
  expect(one.turns.going?.strength).toBe(0.5);
});

test('counts are written after a while, and when the window is closed', async () => {
  const { turns, open } = await openWindow();
  await turns.begin(100);
  turns.count(turnNow(turns), 'shown');
  await vi.advanceTimersByTimeAsync(5 * 60_000);
  await turns.refresh();
  expect(written(turns).shown).toBe(1);
  turns.count(turnNow(turns), 'shown');
  await turns.close();
  const again = await open();
  expect(written(again).shown).toBe(2);
  expect(again.going).toBeDefined();
});

test('of a long suggestion, forty characters count', async () => {
  const { turns } = await openWindow();
  await turns.begin(100);
  turns.count(turnNow(turns), 'keptCharacters', 600);
  await turns.refresh();
  expect(written(turns).keptCharacters).toBe(40);
});

test('the verdict comes at the announced number, once in each workspace', async () => {
  const [one, two] = [await openWindow(), await openWindow()];
  await one.turns.begin(200);
  await two.turns.refresh();
  write(one, 39, 0.5);
  await one.turns.refresh();
  expect(one.ended).toEqual([]);
  write(one, 1, 0.5);
  nextTurn();
  await Promise.all([one.turns.refresh(), two.turns.refresh()]);
  for (const { turns } of [one, two, one, two]) await turns.refresh();
  for (const { ended, turns, store } of [one, two]) {
    expect(ended).toMatchObject([{ verdict: 'helps' }]);
    expect(turns.modelFor(model)).toBe(model);
    expect(store.comparing).toBeUndefined();
  }
});

test('a workspace that was closed meanwhile is told when it opens; one that took no part is not', async () => {
  const [one, two] = [await openWindow(), await openWindow()];
  await one.turns.begin(100);
  await two.turns.refresh();
  await two.turns.close();
  write(one, 40, -0.5);
  nextTurn();
  await one.turns.refresh();
  const reopened = await two.open();
  expect(two.ended).toMatchObject([{ verdict: 'useless' }]);
  expect(reopened.going).toBeUndefined();
  const stranger = await openWindow();
  expect(stranger.ended).toEqual([]);
});

test('it can be ended at any time, without a verdict', async () => {
  const window = await openWindow();
  await window.turns.begin(1000);
  write(window, 40, 0.5);
  await window.turns.end();
  expect(window.ended).toHaveLength(1);
  expect(window.ended[0]!.verdict).toBeUndefined();
  expect(window.turns.modelFor(model)).toBe(model);
});

test('another model, or a deleted run, ends it; nothing is written anew', async () => {
  const { turns } = await openWindow();
  await turns.begin(100);
  turns.count(turnNow(turns), 'shown');
  rmSync(dirname(file()), { recursive: true });
  await turns.refresh();
  expect(turns.going).toBeUndefined();
  expect(existsSync(dirname(file()))).toBe(false);
  await turns.follow(undefined);
  expect(turns.modelFor(model)).toBe(model);
  expect(failures).toEqual([]);
});

test('a run that was copied from elsewhere brings no comparison that nobody here has begun', async () => {
  const { turns } = await openWindow();
  await turns.begin(100);
  begun.length = 0;
  await turns.refresh();
  expect(turns.modelFor(model)).toBe(model);
});

test('a damaged line costs what it counted; without the first line there is no comparison', async () => {
  const { turns, store } = await openWindow();
  await turns.begin(100);
  turns.count(turnNow(turns), 'shown');
  await turns.refresh();
  appendFileSync(file(), '{"type":"counts","seed":\0\n');
  turns.count(turnNow(turns), 'shown');
  await turns.refresh();
  expect(written(turns).shown).toBe(2);
  writeFileSync(file(), 'nothing\n');
  await turns.refresh();
  expect([turns.going, store.comparing, failures]).toEqual([undefined, undefined, []]);
});

test('what can not be written is kept for the next time', async () => {
  const { turns } = await openWindow();
  await turns.begin(100);
  const begun = readFileSync(file());
  rmSync(file());
  mkdirSync(file());
  turns.count(turnNow(turns), 'shown');
  await turns.refresh();
  expect(failures).toHaveLength(1);
  turns.count(turnNow(turns), 'shown');
  rmSync(file(), { recursive: true });
  writeFileSync(file(), begun);
  await turns.refresh();
  expect(written(turns).shown).toBe(2);
});

test('a clock that jumps changes whose turn it is, and nothing else', async () => {
  const { turns } = await openWindow();
  await turns.begin(100);
  for (const time of [Date.now() + 3e11, 5, Date.now()]) {
    vi.setSystemTime(time);
    const turn: Turn = turnNow(turns);
    expect(turn).toMatchObject({ number: turnAt(time), side: sideOf(turn.seed, turnAt(time)) });
    turns.count(turn, 'shown');
  }
  await turns.refresh();
  expect(written(turns).shown).toBe(3);
});
