/** A reproduction whose work runs on a cluster: what is sent when, and what happens to its runs. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { runsDir, sweepsDir } from '../../../src/platform/files/paths.ts';
import type { ClaimId, ReproducerMessage } from '../../../src/protocol/reproduction.ts';
import { corpusPlanSchema } from '../../../src/protocol/run.ts';
import type { SweepLine } from '../../../src/protocol/sweep.ts';
import {
  reproduceOnCluster,
  type ClusterLauncher,
  type ClusterRun,
} from '../../../src/reproduce/on-cluster.ts';
import {
  createReproduction,
  findReproduction,
  findUnfinished,
  requireCurrentFormat,
  reportPath,
  type Reproduction,
} from '../../../src/reproduce/store.ts';
import { createRun } from '../../../src/runs/index.ts';
import { UserError } from '../../../src/text/errors.ts';
import { appendLine, createSweep, readSweep } from '../../../src/training/sweep/store.ts';
import { setState, useTemporaryHome } from '../runs/help.ts';
import { baseLine, trial } from '../training/sweep-help.ts';

const home = useTemporaryHome();
let notes: string[];
let sent: (readonly ClusterRun[])[];
let stop: AbortController;

beforeEach(() => {
  notes = [];
  sent = [];
  stop = new AbortController();
});
afterEach(() => stop.abort());

const emptyFolder = async (): Promise<string> => {
  const corpus = join(home.path(), `corpus-${Math.random()}`);
  await mkdir(corpus);
  return corpus;
};

async function made(claims: ClaimId[], seeds?: number): Promise<Reproduction> {
  const asked = {
    folder: '/code',
    corpus: corpusPlanSchema.parse({}),
    corpusDigest: 'd',
    base: { id: 'tiny', path: '/tiny.gguf', sha256: '00' },
    budgetMinutes: 60,
    claims,
    seeds,
    data: {},
    sequenceLength: 64,
    heldOutWindows: 16,
    retentionTexts: 8,
    recompute: false,
    precision: { lora: 'f32', full: 'f32' } as const,
    backend: 'wasm' as const,
    elsewhere: true as const,
    versions: {},
  };
  return createReproduction(asked, await emptyFolder());
}

const rowsOf = (metric: string, before: number, after: number): string =>
  Array.from({ length: 12 }, (_, i) => {
    const part = (value: number) => ({ [metric]: { sum: 10 * value + Math.sin(7 * i), weight: 10 } });
    const parts = { before: part(before), after: part(after) };
    return `${JSON.stringify({ item: `${i}`, digest: `d${i}`, ...parts, parts })}\n`;
  }).join('');

type Tasks = Record<string, [metric: string, before: number, after: number]>;
const learned = (loss: number, kl: number): Tasks => ({
  workspace: ['loss', 3, loss],
  retention: ['KL from base', 0, kl],
});

async function writeTasks(dir: string, tasks: Tasks, steps: number): Promise<void> {
  await mkdir(join(dir, 'evaluation'), { recursive: true });
  for (const [task, scores] of Object.entries(tasks))
    await writeFile(join(dir, 'evaluation', `${task}.${steps}.jsonl`), rowsOf(...scores));
}

/** A returned run: measured at its end, on some items, and for `parts`. */
async function writeReturnedRun(id: string, tasks: Tasks, parts: Record<string, Tasks> = {}): Promise<void> {
  const dir = join(runsDir(), id);
  const steps = (JSON.parse(await readFile(join(dir, 'run.json'), 'utf8')) as { hyper: { steps: number } })
    .hyper.steps;
  await writeTasks(dir, tasks, steps);
  for (const [part, own] of Object.entries(parts)) await writeTasks(join(dir, 'parts', part), own, steps);
  const comparisons = Object.entries(tasks).map(([task, [metric]]) => {
    const measured = { task, metric, value: 0, low: 0, high: 0, n: 12, setting: 'quick' };
    const comparison = { task, metric, unit: '', better: 'lower', significant: false };
    return { ...comparison, before: measured, after: measured, difference: { value: 0, low: 0, high: 0 } };
  });
  const summary = { step: steps, sentence: 'x', comparisons };
  await writeFile(join(dir, 'evaluation', 'summary.json'), JSON.stringify(summary));
  setState(dir, { status: 'done', step: steps, steps });
}

/** Like full fine-tuning and LoRA in the paper, with the strengths that its task measures there. */
async function writePaperLikeResult({ name, id, then }: ClusterRun): Promise<void> {
  const [loss, kl] = name.startsWith('full') ? [2.4, 0.4] : [2.6, 0.04];
  const strengths = then.find(([, , option]) => option === '--strengths')?.[3]?.split(',') ?? [];
  const at = (strength: number) => learned(3 - strength * (3 - loss), strength * kl);
  await writeReturnedRun(
    id,
    learned(loss, kl),
    Object.fromEntries(strengths.map((strength) => [`strength-${strength}`, at(Number(strength))])),
  );
}

type Answer = (runs: readonly ClusterRun[], emit: (message: ReproducerMessage) => void) => Promise<void>;

const launcher = (answer: Answer, more: Partial<ClusterLauncher> = {}): ClusterLauncher => ({
  isRunning: () => Promise.resolve(false),
  createRun: async ({ spec }) => (await createRun(spec)).id,
  createSweep: async (spec) => (await createSweep(spec, await emptyFolder())).spec.id,
  async sweep(dir) {
    const sweep = await readSweep(dir);
    for (const { method, rates } of sweep.spec.methods) {
      const lines: SweepLine[] = [baseLine(method)];
      for (const rate of rates) lines.push(trial(rate, -0.1, { method, kl: 0.01 }));
      for (const line of lines) await appendLine(sweep, line);
    }
  },
  async runs(runs, _signal, onMessage) {
    sent.push(runs);
    await answer(runs, onMessage);
  },
  ...more,
});

const go = (repro: Reproduction, with_: ClusterLauncher, budgetSeconds = 3600) =>
  reproduceOnCluster(repro, {
    launcher: with_,
    reporter: { stage() {}, phase() {}, note: (text) => void notes.push(text) },
    budgetSeconds,
    stop: stop.signal,
    machine: { tokensPerSecond: { lora: 1000, full: 800 }, start: 2, forward: 0.5, spectrumOperations: 1e9 },
    shape: { parameters: 1e8, layers: 4 } as never,
    largestRank: 192,
    trainTokens: 100_000,
  });

const allSucceed: Answer = async (runs, emit) => {
  for (const run of runs) {
    await writePaperLikeResult(run);
    emit({ type: 'run', task: run.name, status: 'done' });
  }
};

it('finds the rates, sends all runs of all seeds at once, and judges as if they had been trained here', async () => {
  const repro = await made(['forgetting', 'learning', 'targets']);
  const results = await go(repro, launcher(allSucceed));
  expect(sent).toHaveLength(1);
  const names = sent[0]!.map(({ name }) => name);
  expect(names.slice(0, 5)).toEqual(['lora', 'full', 'lora-lower-rate', 'full-lower-rate', 'lora-seed-1']);
  expect(names).toEqual(expect.arrayContaining(['lora-attention', 'lora-mlp-seed-2']));
  expect(results.map(({ verdict }) => verdict)).toEqual(['holds', 'holds', "can't tell"]);
  for (const { effects } of results) expect(effects[0]!.bySeed).toHaveLength(3);
  const { state } = await findReproduction('latest');
  expect(Object.keys(state.runs).sort()).toEqual([...names].sort());
  expect(state.rates?.why).toBe(`the best of sweep ${state.sweep}`);
  // All have the planned length, those rates or half a decade less, and their own seed.
  for (const { name, id, then } of sent[0]!) {
    const spec = JSON.parse(await readFile(join(runsDir(), id, 'run.json'), 'utf8')) as {
      hyper: { steps: number; learningRate: number; seed: number };
    };
    const rate = state.rates![name.startsWith('full') ? 'full' : 'lora'];
    const isLower = name.includes('lower-rate');
    expect(spec.hyper).toMatchObject({ steps: state.steps, seed: Number(/-seed-(\d)/.exec(name)?.[1] ?? 0) });
    expect(spec.hyper.learningRate / rate).toBeCloseTo(isLower ? 1 / 3 : 1, 1);
    const strengths = /^(lora|full)(-seed-\d)?$/.test(name) ? ['--strengths'] : [];
    expect(then.map(([, , option]) => option)).toEqual(strengths);
  }
  expect(await readFile(reportPath(repro.dir), 'utf8')).toContain('LoRA forgets less');
});

it('repeats the trials with other seeds if the claim about rates is tested', async () => {
  const repro = await made(['rates']);
  const [rates] = await go(repro, launcher(allSucceed));
  expect(sent).toEqual([]);
  const { state } = await findReproduction('latest');
  expect(Object.keys(state.furtherSweeps)).toEqual(['sweep-seed-1', 'sweep-seed-2']);
  for (const [stage, id] of Object.entries(state.furtherSweeps)) {
    const { spec } = await readSweep(join(sweepsDir(), id));
    expect(spec.hyper.seed).toBe(Number(stage.at(-1)));
    for (const { rates } of spec.methods) expect(rates).toHaveLength(3);
  }
  expect(rates!.run).toHaveLength(3);
  expect(rates!.why).toBeUndefined();
});

it('ends with one seed if one was requested', async () => {
  const repro = await made(['forgetting'], 1);
  const [forgetting] = await go(repro, launcher(allSucceed));
  expect(sent[0]!.map(({ name }) => name)).toEqual(['lora', 'full', 'lora-lower-rate', 'full-lower-rate']);
  expect(forgetting).toMatchObject({ verdict: "can't tell" });
  expect(forgetting!.why).toMatch(/^Only one seed was run/);
  expect(forgetting!.left).toBeUndefined();
  expect(notes.join()).toContain('Planned with too few seeds to decide');
});

it('sends no run before the sweep is finished, and continues from there', async () => {
  const repro = await made(['forgetting']);
  const left = launcher(allSucceed, { sweep: () => Promise.resolve() });
  const results = await go(repro, left);
  expect(results[0]).toMatchObject({ verdict: 'not run', why: 'stopped' });
  expect(sent).toEqual([]);
  const { state } = await findReproduction('latest');
  expect((await readSweep(join(sweepsDir(), state.sweep!))).lines).toEqual([]);
  const again = await go(await findReproduction('latest'), launcher(allSucceed));
  expect((await findReproduction('latest')).state.sweep).toBe(state.sweep);
  expect(again[0]!.verdict).toBe('holds');
});

it('measures a run where it was trained, and fetches the results with it', async () => {
  const repro = await made(['spectrum', 'diversity'], 3);
  const answer: Answer = async (runs, emit) => {
    for (const { name, id, then } of runs) {
      const isSampled = then.some(([bundle]) => bundle === 'evaluator.mjs');
      const unique = name.startsWith('lora') ? 40 : 30;
      await writeReturnedRun(id, {
        ...learned(2.5, 0.1),
        ...(isSampled && { humaneval: ['unique programs', 45, unique] as Tasks[string] }),
      });
      emit({ type: 'run', task: name, status: 'done' });
    }
    emit({ type: 'leftOut', task: 'full', of: 'spectrum.mjs', message: 'No memory.' });
  };
  const results = await go(repro, launcher(answer), 1e6);
  const then = Object.fromEntries(
    sent[0]!.map(({ name, then: programs }) => [
      name,
      programs.map(([command, , option]) => [command, option]),
    ]),
  );
  const samples = ['evaluator.mjs', '--tasks'];
  expect(then).toMatchObject({
    lora: [samples],
    full: [['spectrum.mjs', '--ranks'], samples],
    'full-seed-1': [samples],
  });
  expect(results).toMatchObject([
    { claim: 'spectrum', verdict: 'not run', why: 'No memory' },
    { claim: 'diversity', verdict: 'holds' },
  ]);
  const measured = ['diversity', 'diversity-seed-1', 'diversity-seed-2'];
  expect((await findReproduction('latest')).state.done).toEqual(measured);
});

it('judges a change by its low-rank parts, from one seed', async () => {
  const repro = await made(['spectrum']);
  const answer: Answer = async (runs, emit) => {
    expect(runs.map(({ name }) => name)).toEqual(['full']);
    const only = (loss: number) => ({ workspace: ['loss', 3, loss] }) as Tasks;
    const parts = { linears: only(2.4), 'rank-16': only(2.9), 'rank-64': only(2.7), 'rank-256': only(2.5) };
    await writeReturnedRun(runs[0]!.id, learned(2.4, 0.1), parts);
    emit({ type: 'run', task: 'full', status: 'done' });
  };
  const [spectrum] = await go(repro, launcher(answer));
  expect(spectrum).toMatchObject({ verdict: 'holds' });
  expect(spectrum!.effects.map(({ value }) => value)).toEqual(
    [1 / 6, 1 / 2, 5 / 6, 1].map((x) => expect.closeTo(x, 2)),
  );
});

it('tests the claims that do not need a failed run, and says why the others were not', async () => {
  const repro = await made(['forgetting', 'rank']);
  const answer: Answer = async (runs, emit) => {
    for (const run of runs) {
      const { name: task } = run;
      if (task.startsWith('lora-high-rank'))
        emit({ type: 'run', task, status: 'failed', message: 'It diverged at step 3.' });
      else {
        await writePaperLikeResult(run);
        emit({ type: 'run', task, status: 'done' });
      }
    }
  };
  const results = await go(repro, launcher(answer));
  expect(results).toMatchObject([
    { claim: 'forgetting', verdict: 'holds' },
    { claim: 'rank', verdict: 'not run', why: 'It diverged at step 3' },
  ]);
});

it('sends the other runs if one cannot be made', async () => {
  const repro = await made(['forgetting', 'instruction']);
  const createTextRun: ClusterLauncher['createRun'] = async ({ spec, instruct }) => {
    if (instruct) throw new UserError('corpus-empty', 'There are no instruction pairs.', 'Choose another.');
    return (await createRun(spec)).id;
  };
  const results = await go(repro, launcher(allSucceed, { createRun: createTextRun }));
  expect(sent[0]!.map(({ name }) => name)).toEqual(expect.arrayContaining(['lora', 'full', 'full-seed-2']));
  expect(sent[0]!.filter(({ instruct }) => instruct)).toEqual([]);
  expect(results).toMatchObject([
    { claim: 'forgetting', verdict: 'holds' },
    { claim: 'instruction', verdict: 'not run', why: 'There are no instruction pairs' },
  ]);
});

it('continues with the seeds that there was no time for', async () => {
  const repro = await made(['forgetting']);
  const [first] = await go(repro, launcher(allSucceed), 400);
  expect(first).toMatchObject({ verdict: "can't tell", left: true });
  const before = sent[0]!.map(({ name }) => name);
  const [second] = await go(await findReproduction('latest'), launcher(allSucceed), 3600);
  expect(second).toMatchObject({ verdict: 'holds' });
  const added = sent[1]!.map(({ name }) => name);
  expect(added).toEqual([
    ...before.map((name) => `${name}-seed-1`),
    ...before.map((name) => `${name}-seed-2`),
  ]);
});

it('says how one in an earlier format was measured', async () => {
  const { dir, spec } = await made(['forgetting']);
  await writeFile(join(dir, 'plan.json'), JSON.stringify({ ...spec, format: 1 }));
  const state = { sweep: 's', done: ['spectrum'], runs: { lora: 'a', 'lora-second-seed': 'b' } };
  await writeFile(join(dir, 'results.json'), JSON.stringify(state));
  const found = await findReproduction(spec.id);
  expect(found.state.runs).toEqual(state.runs);
  expect(() => requireCurrentFormat(found)).toThrow(
    /was measured in a different way, by a version that judged claims from one seed/,
  );
  expect(await findUnfinished(spec)).toBeUndefined();
  const again = await made(['forgetting']);
  expect((await findUnfinished(again.spec))!.spec.id).toBe(again.spec.id);
  expect(() => requireCurrentFormat(again)).not.toThrow();
});

it('attaches to a running job, and plans nothing', async () => {
  const repro = await made(['forgetting']);
  const lost = launcher(() => Promise.reject(new Error('the network is gone')));
  await expect(go(repro, lost)).rejects.toThrow('the network is gone');
  const first = sent[0]!;
  const found = await findReproduction('latest');
  const attached = launcher(() => allSucceed(first, () => undefined), {
    isRunning: () => Promise.resolve(true),
  });
  const results = await go(found, attached);
  expect(sent[1]).toEqual([]);
  expect(results[0]!.verdict).toBe('holds');
});
