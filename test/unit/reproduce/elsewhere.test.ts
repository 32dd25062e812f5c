/** A reproduction whose work runs on a cluster: what is sent when, and what becomes of its runs. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { runsDir, sweepsDir } from '../../../src/protocol/paths.ts';
import type { ClaimId, ReproducerMessage } from '../../../src/protocol/reproduction.ts';
import { corpusPlanSchema } from '../../../src/protocol/run.ts';
import type { SweepLine } from '../../../src/protocol/sweep.ts';
import {
  reproduceElsewhere,
  type ElsewhereEngine,
  type RunElsewhere,
} from '../../../src/reproduce/elsewhere.ts';
import {
  createReproduction,
  findReproduction,
  reportPath,
  type Reproduction,
} from '../../../src/reproduce/store.ts';
import { createRun } from '../../../src/runs/index.ts';
import { appendLine, createSweep, readSweep } from '../../../src/training/sweep/store.ts';
import { setState, useTemporaryHome } from '../runs/help.ts';
import { baseLine, trial } from '../training/sweep-help.ts';

const home = useTemporaryHome();
let notes: string[];
let sent: (readonly RunElsewhere[])[];
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

async function made(claims: ClaimId[]): Promise<Reproduction> {
  const asked = {
    folder: '/code',
    corpus: corpusPlanSchema.parse({}),
    corpusDigest: 'd',
    base: { id: 'tiny', path: '/tiny.gguf', sha256: '00' },
    budgetMinutes: 60,
    claims,
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

/** A run as it comes back: measured at its end, on some items. */
async function comeBack(id: string, loss: number, kl: number, unique?: number): Promise<void> {
  const dir = join(runsDir(), id);
  const steps = (JSON.parse(await readFile(join(dir, 'run.json'), 'utf8')) as { hyper: { steps: number } })
    .hyper.steps;
  await mkdir(join(dir, 'evaluation'), { recursive: true });
  const tasks = {
    workspace: ['loss', 3, loss],
    retention: ['KL from base', 0, kl],
    ...(unique !== undefined && { humaneval: ['unique programs', 45, unique] }),
  } as Record<string, [string, number, number]>;
  const comparisons = [];
  for (const [task, [metric, before, after]] of Object.entries(tasks)) {
    const rows = Array.from({ length: 12 }, (_, i) => {
      const part = (value: number) => ({ [metric]: { sum: 10 * value + Math.sin(7 * i), weight: 10 } });
      const parts = { before: part(before), after: part(after) };
      return { item: `${i}`, digest: `d${i}`, ...parts, parts };
    });
    const text = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
    await writeFile(join(dir, 'evaluation', `${task}.${steps}.jsonl`), text);
    const figure = { task, metric, value: 0, low: 0, high: 0, n: 12, setting: 'quick' };
    const one = { task, metric, unit: '', better: 'lower', significant: false };
    comparisons.push({ ...one, before: figure, after: figure, difference: { value: 0, low: 0, high: 0 } });
  }
  const summary = { step: steps, sentence: 'x', comparisons };
  await writeFile(join(dir, 'evaluation', 'summary.json'), JSON.stringify(summary));
  setState(dir, { status: 'done', step: steps, steps });
}

type Answer = (runs: readonly RunElsewhere[], say: (message: ReproducerMessage) => void) => Promise<void>;

const engine = (answer: Answer, more: Partial<ElsewhereEngine> = {}): ElsewhereEngine => ({
  isUnderWay: () => Promise.resolve(false),
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

const go = (repro: Reproduction, with_: ElsewhereEngine, budgetSeconds = 3600) =>
  reproduceElsewhere(repro, {
    engine: with_,
    reporter: { stage() {}, phase() {}, note: (text) => void notes.push(text) },
    budgetSeconds,
    stop: stop.signal,
    machine: { tokensPerSecond: { lora: 1000, full: 800 }, start: 2, forward: 0.5, spectrumOperations: 1e9 },
    shape: { parameters: 1e8, layers: 4 } as never,
    largestRank: 192,
    trainTokens: 100_000,
  });

const allWell: Answer = async (runs, say) => {
  for (const { name, id } of runs) {
    await comeBack(id, name.startsWith('full') ? 2.4 : 2.6, name.startsWith('full') ? 0.2 : 0.04);
    say({ type: 'run', task: name, status: 'done' });
  }
};

it('finds the rates, sends all runs at once, and judges as if they had been made here', async () => {
  const repro = await made(['forgetting', 'targets']);
  const results = await go(repro, engine(allWell));
  expect(sent).toHaveLength(1);
  const names = sent[0]!.map(({ name }) => name);
  expect(names.slice(0, 4)).toEqual(['lora', 'full', 'lora-attention', 'lora-mlp']);
  expect(results.map(({ verdict }) => verdict)).not.toContain('not run');
  expect(results[0]!.verdict).toBe('holds');
  const { state } = await findReproduction('latest');
  expect(Object.keys(state.runs).sort()).toEqual([...names].sort());
  expect(state.rates?.why).toBe(`the best of sweep ${state.sweep}`);
  // All have the length that was planned, and those rates.
  for (const { name, id } of sent[0]!) {
    const spec = JSON.parse(await readFile(join(runsDir(), id, 'run.json'), 'utf8')) as {
      hyper: { steps: number; learningRate: number };
    };
    const method = name.startsWith('full') ? 'full' : 'lora';
    expect(spec.hyper).toMatchObject({ steps: state.steps, learningRate: state.rates![method] });
  }
  expect(await readFile(reportPath(repro.dir), 'utf8')).toContain('LoRA forgets less');
});

it('sends no run before the sweep is finished, and goes on from there', async () => {
  const repro = await made(['forgetting']);
  const left = engine(allWell, { sweep: () => Promise.resolve() });
  const results = await go(repro, left);
  expect(results[0]).toMatchObject({ verdict: 'not run', why: 'stopped' });
  expect(sent).toEqual([]);
  const { state } = await findReproduction('latest');
  expect((await readSweep(join(sweepsDir(), state.sweep!))).lines).toEqual([]);
  const again = await go(await findReproduction('latest'), engine(allWell));
  expect((await findReproduction('latest')).state.sweep).toBe(state.sweep);
  expect(again[0]!.verdict).toBe('holds');
});

it('measures a run where it was trained, and takes that over with it', async () => {
  const repro = await made(['spectrum', 'diversity']);
  const answer: Answer = async (runs, say) => {
    for (const { name, id, then } of runs) {
      const [samples] = then.filter(([bundle]) => bundle === 'evaluator.mjs');
      await comeBack(id, 2.5, 0.1, samples && (name === 'lora' ? 40 : 30));
      say({ type: 'run', task: name, status: 'done' });
    }
    say({ type: 'leftOut', task: 'full', of: 'spectrum.mjs', message: 'No memory.' });
  };
  const results = await go(repro, engine(answer), 1e6);
  const then = Object.fromEntries(
    sent[0]!.map(({ name, then: programs }) => [name, programs.map(([one]) => one)]),
  );
  expect(then).toEqual({ lora: ['evaluator.mjs'], full: ['spectrum.mjs', 'evaluator.mjs'] });
  expect(results).toMatchObject([
    { claim: 'spectrum', verdict: 'not run', why: 'No memory' },
    { claim: 'diversity', verdict: 'holds' },
  ]);
  expect((await findReproduction('latest')).state.done).toEqual(['diversity']);
});

it('tries the claims that a failed run leaves, and says why of the others', async () => {
  const repro = await made(['forgetting', 'rank']);
  const answer: Answer = async (runs, say) => {
    for (const { name, id } of runs)
      if (name === 'lora-high-rank')
        say({ type: 'run', task: name, status: 'failed', message: 'It diverged at step 3.' });
      else {
        await comeBack(id, name.startsWith('full') ? 2.4 : 2.6, name.startsWith('full') ? 0.2 : 0.04);
        say({ type: 'run', task: name, status: 'done' });
      }
  };
  const results = await go(repro, engine(answer));
  expect(results).toMatchObject([
    { claim: 'forgetting', verdict: 'holds' },
    { claim: 'rank', verdict: 'not run', why: 'It diverged at step 3' },
  ]);
});

it('attaches to a job that is under way, and plans nothing', async () => {
  const repro = await made(['forgetting']);
  const lost = engine(() => Promise.reject(new Error('the network is gone')));
  await expect(go(repro, lost)).rejects.toThrow('the network is gone');
  const first = sent[0]!;
  const found = await findReproduction('latest');
  const attached = engine(() => allWell(first, () => undefined), { isUnderWay: () => Promise.resolve(true) });
  const results = await go(found, attached);
  expect(sent[1]).toEqual([]);
  expect(results[0]!.verdict).toBe('holds');
});
