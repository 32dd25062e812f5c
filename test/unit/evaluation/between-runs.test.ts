/** Comparing runs, from files written here: items are paired by their content, and differences checked by hand. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { compareRuns } from '../../../src/evaluation/metrics/between-runs.ts';
import type { RatioItem } from '../../../src/statistics/statistics.ts';
import { runComparisonSchema } from '../../../src/protocol/run-comparison.ts';
import type { Hyper } from '../../../src/protocol/run.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'forget-me-not-compare-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

type Item = Record<string, RatioItem>;
interface Made {
  hyper?: Partial<Hyper>;
  base?: string;
  corpus?: string;
  /** By task, with items identified by digest. */
  tasks?: Record<string, Record<string, Item>>;
  status?: string;
  /** The strength that was chosen, and one set by hand. */
  strength?: { chosen: number; given?: number };
}

let made = 0;
async function run({
  hyper,
  base = 'tiny',
  corpus = 'c0',
  tasks,
  status = 'done',
  strength,
}: Made): Promise<string> {
  const id = `run-${(made += 1)}`;
  const dir = join(root, id);
  await mkdir(join(dir, 'evaluation'), { recursive: true });
  await mkdir(join(dir, 'corpus'));
  const put = (name: string, value: unknown) => writeFile(join(dir, name), JSON.stringify(value));
  await put('run.json', {
    format: 1,
    id,
    name: 'test',
    createdAt: '2026-11-25T10:00:00Z',
    folder: '/code',
    base: { id: base, path: `/${base}.gguf`, sha256: base.padEnd(64, '0') },
    hyper: { learningRate: 3e-4, steps: 10, ...hyper },
    backend: 'auto',
    evaluation: {},
    versions: {},
  });
  await put('state.json', { status, step: 10, steps: 10 });
  await put('corpus/summary.json', { digest: corpus, trainTokens: 1000 });
  if (!tasks) return dir;
  const comparisons = [];
  for (const [task, items] of Object.entries(tasks)) {
    const rows = Object.entries(items).map(([digest, after]) => {
      const before = Object.fromEntries(Object.keys(after).map((metric) => [metric, { sum: 9, weight: 1 }]));
      return { item: `item ${digest}`, digest, before, after, parts: { before, after } };
    });
    await writeFile(
      join(dir, 'evaluation', `${task}.10.jsonl`),
      rows.map((row) => `${JSON.stringify(row)}\n`).join(''),
    );
    for (const metric of new Set(Object.values(items).flatMap((item) => Object.keys(item)))) {
      const measured = { task, metric, value: 0, low: 0, high: 0, n: rows.length, setting: 'quick' };
      const difference = { value: 0, low: 0, high: 0 };
      const one = { task, metric, unit: '', better: 'lower', significant: false };
      comparisons.push({ ...one, before: measured, after: measured, difference });
    }
  }
  const choice = strength && { strength: strength.chosen, why: 'x', limit: 0.1, path: [], setting: 'x' };
  const givenStrength = strength?.given;
  await put('evaluation/summary.json', { step: 10, sentence: 'x', comparisons, choice, givenStrength });
  return dir;
}
const losses = (values: Record<string, [sum: number, weight: number]>) =>
  Object.fromEntries(Object.entries(values).map(([id, [sum, weight]]) => [id, { loss: { sum, weight } }]));
const answers = (rights: string) =>
  Object.fromEntries(
    [...rights].map((right, i) => [`q${i}`, { 'pass@1': { sum: Number(right), weight: 1 } }]),
  );

it('pairs items by content, whatever their order, and leaves out those that one run lacks', async () => {
  const a = await run({ tasks: { workspace: losses({ x: [10, 10], y: [60, 20], z: [1, 1] }) } });
  const b = await run({ tasks: { workspace: losses({ y: [50, 20], w: [7, 1], x: [14, 10] }) } });
  const comparison = runComparisonSchema.parse(await compareRuns([a, b]));
  const [one] = comparison.against[0]!.comparisons;
  // Computed by hand: (10 + 60) / 30 and (14 + 50) / 30.
  expect(one).toMatchObject({ task: 'workspace', metric: 'loss', significant: false });
  expect(one!.before.value).toBeCloseTo(70 / 30, 12);
  expect(one!.after.value).toBeCloseTo(64 / 30, 12);
  expect(one!.difference.value).toBeCloseTo(-6 / 30, 12);
  expect(one!.after.n).toBe(2);
  // Without x it is -10 / 20, without y 4 / 10; t with one degree of freedom is 12.706.
  const reach = 12.706204736 * Math.hypot(0.3, 0.6);
  expect(one!.difference.low).toBeCloseTo(-6 / 30 - reach, 8);
  expect(one!.difference.high).toBeCloseTo(-6 / 30 + reach, 8);
  expect(comparison.warnings).toEqual([
    expect.stringMatching(/2 items that only one run has are left out; 2 are paired/),
  ]);
});

it('is zero for a run against itself, with no width, and changes sign with the order', async () => {
  const a = await run({ tasks: { retention: losses({ x: [3, 7], y: [5, 9], z: [1, 4] }) } });
  const b = await run({ tasks: { retention: losses({ x: [4, 7], y: [7, 9], z: [2, 4] }) } });
  const [same] = (await compareRuns([a, a])).against[0]!.comparisons;
  expect(same).toMatchObject({ difference: { value: 0, low: 0, high: 0 }, significant: false });
  const [there] = (await compareRuns([a, b])).against[0]!.comparisons;
  const [back] = (await compareRuns([b, a])).against[0]!.comparisons;
  expect(there).toMatchObject({ significant: true });
  expect(there!.difference.value).toBeCloseTo(4 / 20, 12);
  expect(back!.difference.value).toBe(-there!.difference.value);
  expect(back!.difference.low).toBeCloseTo(-there!.difference.high, 12);
  expect(back!.difference.high).toBeCloseTo(-there!.difference.low, 12);
});

it('pairs HumanEval but not held-out text if the corpora differ', async () => {
  const workspace = losses({ x: [1, 2], y: [2, 2] });
  const a = await run({ corpus: 'one', tasks: { workspace, humaneval: answers('0101') } });
  const b = await run({ corpus: 'two', tasks: { workspace, humaneval: answers('0111') } });
  const { against, warnings, differs } = await compareRuns([a, b]);
  expect(against[0]!.comparisons.map(({ task }) => task)).toEqual(['humaneval']);
  expect(against[0]!.comparisons[0]!.difference.value).toBe(0.25);
  expect(warnings).toEqual([
    expect.stringMatching(
      /different corpora, so their held-out texts differ and metrics of workspace can't be compared/,
    ),
  ]);
  expect(differs).toEqual([{ setting: 'corpus', values: ['one', 'two'] }]);
});

it("leaves out latencies, which depend on the machine's load", async () => {
  const timed = (milliseconds: number): Record<string, Item> => ({
    x: { loss: { sum: 10, weight: 10 } },
    'latency x': { latency: { sum: milliseconds, weight: 1 } },
    'latency y': { latency: { sum: milliseconds + 9, weight: 1 } },
  });
  const runs = await Promise.all([200, 900, 300].map((ms) => run({ tasks: { workspace: timed(ms) } })));
  const { against, warnings } = await compareRuns(runs);
  expect(against.map(({ comparisons }) => comparisons.map(({ metric }) => metric))).toEqual([
    ['loss'],
    ['loss'],
  ]);
  // Not a problem: it applies to any two runs.
  expect(warnings).toEqual([]);
});

it('does not call a rate certain because all answers agree', async () => {
  const a = await run({ tasks: { humaneval: answers('0000000000') } });
  const { difference, significant } = (await compareRuns([a, a])).against[0]!.comparisons[0]!;
  expect(difference.low).toBe(-difference.high);
  // With half an answer added to each outcome: sqrt(1 / 11 / 11) times 1.96.
  expect(difference.high).toBeCloseTo(1.959964 / 11, 6);
  expect(significant).toBe(false);
});

it('compares all with the first, and says what differs', async () => {
  const tasks = { humaneval: answers('01') };
  const a = await run({ tasks });
  const b = await run({ hyper: { method: 'full', learningRate: 3e-5 }, tasks });
  const c = await run({
    hyper: { targets: ['q', 'k', 'v', 'o'], rank: 64, alpha: 128 },
    base: 'small',
    tasks,
  });
  const { against, differs, warnings, runs } = await compareRuns([a, b, c]);
  expect(runs).toHaveLength(3);
  expect(against.map(({ run }) => run)).toEqual([runs[1]!.id, runs[2]!.id]);
  expect(Object.fromEntries(differs.map(({ setting, values }) => [setting, values]))).toMatchObject({
    base: ['tiny', 'tiny', 'small'],
    method: ['lora', 'full', 'lora'],
    rank: ['16', '-', '64'],
    targets: ['all', '-', 'attention'],
    'learning rate': ['3e-4', '3e-5', '3e-4'],
  });
  expect(warnings).toEqual([expect.stringMatching(/different bases/)]);
});

it('names the strengths, where they differ', async () => {
  const tasks = { humaneval: answers('01') };
  const [half, same, set, none] = await Promise.all([
    run({ strength: { chosen: 0.5 }, tasks }),
    run({ strength: { chosen: 0.5 }, tasks }),
    run({ strength: { chosen: 0.5, given: 0.25 }, tasks }),
    // Measured as trained, because no strength was good enough.
    run({ strength: { chosen: 0 }, tasks }),
  ]);
  expect((await compareRuns([half, same])).differs).toEqual([]);
  expect((await compareRuns([half, set, none])).differs).toEqual([
    { setting: 'strength', values: ['0.5', '0.25', '1'] },
  ]);
});

it('names tasks that only one run has, and advises measuring an early run again', async () => {
  const a = await run({ tasks: { humaneval: answers('01'), retention: losses({ x: [1, 1] }) } });
  const b = await run({ tasks: { humaneval: answers('01') } });
  await writeFile(
    join(b, 'evaluation', 'humaneval.10.jsonl'),
    '{"item":"q0","before":{},"after":{}}\nbroken\n',
  );
  const { against, warnings } = await compareRuns([a, b]);
  expect(against[0]!.comparisons).toEqual([]);
  expect(warnings).toEqual([
    expect.stringMatching(/humaneval in run-\d+ .* measure them again with \{evaluate run-\d+ humaneval\}/),
    expect.stringMatching(/retention was measured only for run-\d+; \{evaluate run-\d+ retention\} adds it/),
  ]);
});

it('says of a run of which only part was measured that there is nothing to compare yet', async () => {
  const tasks = { humaneval: answers('01') };
  const begun = await run({ corpus: 'c1', tasks: { cursors: answers('01') } });
  const { warnings } = await compareRuns([await run({ tasks }), begun]);
  expect(warnings).toContainEqual(
    expect.stringMatching(/^test: only part was measured, nothing to compare yet\. .*\{evaluate run-/),
  );
});

it('rejects a single run', async () => {
  const a = await run({ tasks: { humaneval: answers('01') } });
  await expect(compareRuns([a])).rejects.toMatchObject({ code: 'bad-argument' });
});

it('says how runs that were not evaluated differ, and how to measure them', async () => {
  const a = await run({ tasks: { humaneval: answers('01') } });
  const unfinished = await run({ hyper: { learningRate: 1e-3 }, status: 'cancelled' });
  const { differs, against, warnings } = await compareRuns([a, await run({}), unfinished]);
  expect(differs).toContainEqual({ setting: 'learning rate', values: ['3e-4', '3e-4', '1e-3'] });
  expect(against.map(({ comparisons }) => comparisons)).toEqual([[], []]);
  expect(warnings).toEqual([
    expect.stringMatching(/ is not measured, so there is nothing to compare yet\. .*\{evaluate run-/),
    expect.stringMatching(/ is not measured, so there is nothing to compare yet\. .*resume run-/),
  ]);
});
