/** Made-up runs, valid against the protocol, for code that only reads them. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  findComparison,
  type Comparison,
  type Metric,
  type StrengthChoice,
  type Summary,
} from '../../../src/protocol/evaluation.ts';
import { runEventSchema, type RunEvent } from '../../../src/protocol/events.ts';
import {
  runSnapshotSchema,
  sweepSnapshotSchema,
  type ComparisonAnswer,
  type RunSnapshot,
  type SweepSnapshot,
} from '../../../src/protocol/panel.ts';
import { msg, withTexts, type Text } from '../../../src/text/message.ts';
import { readPanel, type PanelView } from '../../../webview/view-model/panel.ts';

const startedAt = Date.parse('2026-11-24T14:05:00Z');
const time = (seconds: number) => new Date(startedAt + seconds * 1000).toISOString();

/** As in evaluation/measure.ts. */
const how = (setting: string, what: Text) => msg`${setting}: ${what}`;

export const metric = (
  task: string,
  name: string,
  value: number,
  half: number,
  n = 16,
  setting: Text = `${n} items`,
): Metric => ({
  task,
  metric: name,
  value,
  low: value - half,
  high: value + half,
  n,
  ...withTexts({ setting }),
});

export function comparison(
  [task, name, unit, better]: [string, string, string, 'lower' | 'higher'],
  before: Metric,
  after: Metric,
  half: number,
): Comparison {
  const value = after.value - before.value;
  const difference = { value, low: value - half, high: value + half };
  return { task, metric: name, unit, better, before, after, difference, significant: Math.abs(value) > half };
}

export const summary = (step: number): Summary => {
  const windows = how('quick', msg`${16} held-out sequences of up to ${512} tokens`);
  const problems = how(
    'quick',
    msg`${20} of ${164} problems, ${msg`greedy, 1 sample each`}, at most ${384} tokens`,
  );
  const texts = how('quick', msg`${8} texts of up to ${128} tokens sampled from the base at temperature 1`);
  return {
    step,
    commits: [4, 5, 6, 7, 8].map((commits) => ({
      commit: String(commits).repeat(40),
      at: time(86_400 * commits),
      commits,
      cursors: 8 * commits,
      before: 0.38 + 0.01 * (commits % 2),
      after: 0.42,
      difference: { value: 0.04 - 0.01 * (commits % 2), low: 0.08 / commits - 0.008, high: 0.09 },
    })),
    sentence:
      'Completes 42 of 100 held-out lines exactly (30 before), and 33% of characters need no typing (26% before). Predicts held-out text better than before. General ability: no difference seen in HumanEval (4 of 100, the base 5); stays close to the base on other text.',
    comparisons: [
      comparison(
        ['workspace', 'loss', 'nats/token', 'lower'],
        metric('workspace', 'loss', 2.146, 0.11, 16, windows),
        metric('workspace', 'loss', 1.951, 0.1, 16, windows),
        0.02,
      ),
      comparison(
        ['workspace', 'bits per byte', '', 'lower'],
        metric('workspace', 'bits per byte', 1.21, 0.06, 16, windows),
        metric('workspace', 'bits per byte', 1.052, 0.05, 16, windows),
        0.015,
      ),
      comparison(
        ['workspace', 'line exact match', '', 'higher'],
        metric('workspace', 'line exact match', 0.3, 0.09, 100, windows),
        metric('workspace', 'line exact match', 0.42, 0.1, 100, windows),
        0.07,
      ),
      comparison(
        ['workspace', 'characters saved', '', 'higher'],
        metric('workspace', 'characters saved', 0.26, 0.06, 100, windows),
        metric('workspace', 'characters saved', 0.33, 0.06, 100, windows),
        0.04,
      ),
      comparison(
        ['humaneval', 'pass@1', '', 'higher'],
        metric('humaneval', 'pass@1', 0.05, 0.04, 20, problems),
        metric('humaneval', 'pass@1', 0.04, 0.035, 20, problems),
        0.03,
      ),
      comparison(
        ['retention', 'KL from base', 'nats/token', 'lower'],
        metric('retention', 'KL from base', 0, 0, 8, texts),
        metric('retention', 'KL from base', 0.064, 0.012, 8, texts),
        0.012,
      ),
    ],
    places: {
      tried: 100,
      both: 25,
      gained: 17,
      lost: 5,
      shown: [
        {
          file: 'src/routes/handler.ts',
          line: 42,
          prefix: '  /** Answers. */\n  function handler(request) {\n    const body = ',
          actual: 'await request.json();',
          before: 'request.body;',
          after: 'await request.json();',
        },
        {
          file: 'src/routes/index.ts',
          line: 7,
          prefix: 'const handler = ',
          actual: "require('./handler.js');",
          before: "require('./handler.js');",
          after: '',
        },
        {
          file: 'src/server.ts',
          line: 12,
          prefix: 'const port = Number(',
          actual: 'process.env.PORT ?? 8080);',
          before: 'process.env.PORT);',
          after: 'process.env.PORT || 3000);',
        },
      ],
    },
    served: { meanKl: 0.0021, limit: 0.01, tokens: 512, ok: true },
  };
};

/** Measured at three strengths, with the middle one chosen; 0: none. */
export function withStrengths(run: RunSnapshot, chosen = 0.5, given?: number): RunSnapshot {
  const around = (value: number, half: number) => ({ value, low: value - half, high: value + half });
  const choice: StrengthChoice = {
    decided: chosen > 0 ? 'better' : 'not better',
    strength: chosen,
    why: chosen ? `at strength ${chosen} it learned most` : 'nothing was gained',
    limit: 0.1,
    path: [
      { strength: 0.25, learned: around(-0.015, 0.02), places: 20, kl: around(0.012, 0.004) },
      {
        strength: 0.5,
        learned: around(-0.082, 0.02),
        places: 20,
        kl: around(0.045, 0.01),
        solutions: around(-0.003, 0.01),
      },
      {
        strength: 1,
        learned: around(0.06, 0.03),
        places: 20,
        kl: around(0.31, 0.05),
        solutions: around(0.05, 0.02),
      },
    ],
    setting: '48 held-out cursors',
  };
  const summary = { ...run.summary!, choice, ...(given !== undefined && { givenStrength: given }) };
  return { ...run, summary };
}

/** KL at checkpoints, by step, measured like the result's, which the evaluator also writes as an event. */
export function withCheckpointKl(
  run: RunSnapshot,
  checkpoints: readonly [step: number, kl: number][] = [
    [20, 0.12],
    [40, 0.17],
  ],
): RunSnapshot {
  const { step, comparisons } = run.summary!;
  const { after } = findComparison(comparisons, 'retention', 'KL from base')!;
  const measured = [[0, 0], ...checkpoints, [step, after.value]] as const;
  const events = measured.map(([step, value]): RunEvent => ({
    type: 'evaluation',
    time: time(0),
    step,
    result: { ...after, value, low: 0.9 * value, high: 1.1 * value },
    better: 'lower',
  }));
  return { ...run, events: [...run.events, ...events] };
}

export interface Wanted {
  id?: string;
  name?: string;
  steps?: number;
  upTo?: number;
  state?: Partial<RunSnapshot['state']>;
  method?: 'lora' | 'full';
  folder?: string;
  shift?: number;
  /** Checkpoints at which held-out loss and KL are measured, evenly spread; by default 3 with the loss alone. */
  checkpoints?: number;
  /** KL from the base at the end, nats per token. */
  kl?: number;
  rate?: number;
  /** Step of the checkpoint that is kept. */
  best?: number;
}

/** A run's state at step `upTo`; done and evaluated if that is the last. */
export function makeRun({
  id = '20261124-1405-lora-smollm2-135m-ab12',
  name = 'web-server',
  steps = 60,
  upTo = steps,
  state,
  method = 'lora',
  folder = '/home/me/web-server',
  shift = 0,
  checkpoints,
  kl = 0.064,
  rate = method === 'lora' ? 1e-3 : 1e-4,
  best,
}: Wanted = {}): RunSnapshot {
  const finished = upTo === steps;
  const events: RunEvent[] = [
    { type: 'phase', time: time(0), phase: 'Reading files' },
    {
      type: 'start',
      time: time(4),
      backend: 'tensorflow',
      ...withTexts({ backendReason: msg`the fastest on this machine` }),
      step: 0,
      steps,
      trainableParameters: 4_884_480,
      trainTokens: 608_000,
      heldOutTokens: 71_000,
    },
  ];
  const evaluation = (step: number) => {
    const value = 2.146 - (0.2 + shift) * (1 - Math.exp((-3 * step) / steps));
    events.push({
      type: 'evaluation',
      time: time(5 + 4 * step),
      step,
      result: metric(
        'workspace',
        'loss',
        value,
        0.06,
        4,
        how('during training', msg`${4} held-out sequences, ${2044} tokens`),
      ),
      better: 'lower',
    });
    if (checkpoints === undefined) return;
    const moved = kl * (step / steps) ** 1.5;
    const texts = 'during training: 2 texts of up to 64 tokens sampled from the base';
    events.push({
      type: 'evaluation',
      time: time(5 + 4 * step),
      step,
      result: metric('retention', 'KL from base', moved, 0.15 * moved, 2, texts),
      better: 'lower',
    });
  };
  const every = Math.max(1, Math.ceil(steps / (checkpoints ?? 3)));
  if (upTo > 0) evaluation(0);
  for (let step = 1; step <= upTo; step++) {
    const wobble = 0.12 * Math.sin(step * 12.9898) + 0.05 * Math.sin(step * 78.233);
    const warm = Math.min(1, step / (0.1 * steps));
    events.push({
      type: 'step',
      time: time(5 + 4 * step),
      step,
      loss: 2.2 - 0.25 * (1 - Math.exp((-3 * step) / steps)) + wobble - shift,
      learningRate: rate * warm * (0.5 + 0.5 * Math.cos((Math.PI * step) / steps)),
      gradientNorm: 1.1,
      tokensPerSecond: 131.4,
      peakMemory: 2.31e9,
      etaSeconds: 4 * (steps - step),
    });
    if (step % every === 0) {
      evaluation(step);
      events.push({
        type: 'checkpoint',
        time: time(5 + 4 * step),
        step,
        path: `checkpoints/step-${String(step).padStart(6, '0')}`,
      });
    }
  }
  if (best !== undefined)
    events.push({
      type: 'best',
      time: time(5 + 4 * steps),
      step: best,
      why: 'it learned most within the limit',
    });
  if (finished)
    events.push({
      type: 'done',
      time: time(5 + 4 * steps),
      step: steps,
      tokensPerSecond: 129.8,
      peakMemory: 2.34e9,
      seconds: 4 * steps,
      artefact: 'adapter.gguf',
    });
  return runSnapshotSchema.parse({
    spec: {
      format: 1,
      id,
      name,
      createdAt: time(0),
      folder,
      base: { id: 'smollm2-135m', path: '/models/smollm2.gguf', sha256: 'ab'.repeat(32) },
      hyper: { method, learningRate: rate, steps },
      backend: 'auto',
      evaluation: {},
      versions: { 'forget-me-not': '0.1.0' },
    },
    state: { status: finished ? 'done' : 'running', step: upTo, steps, ...state },
    events,
    brokenLines: 0,
    summary: finished ? summary(steps) : undefined,
    corpus: {
      kept: 214,
      leftOut: { 'git-ignored': 1203, binary: 17, generated: 9, duplicate: 4, secret: 1 },
      trainTokens: 608_000,
      heldOutTokens: 71_000,
    },
  });
}

/** What the panel shows of these runs: the first one selected, compared with those in `beside`. */
export const panelOf = (
  runs: RunSnapshot[],
  {
    compared = [],
    ...state
  }: { compared?: string[]; sweeps?: SweepSnapshot[]; comparison?: ComparisonAnswer } = {},
): PanelView =>
  readPanel({ runs, sweeps: [], ...state }, { selected: runs[0]?.spec.id, compared }, startedAt, true);

/** Beyond what every run has: pass@k at several k, diversity, and the planned memory. */
export function withSamples(run: RunSnapshot, drop = 0.05): RunSnapshot {
  const samples = msg`${50} samples each, temperature ${0.2}, top-p ${0.95}`;
  const setting = how('paper', msg`${164} of ${164} problems, ${samples}, at most ${512} tokens`);
  const add = (name: string, unit: string, before: number, after: number, half: number) =>
    comparison(
      ['humaneval', name, unit, 'higher'],
      metric('humaneval', name, before, half, 164, setting),
      metric('humaneval', name, after, half, 164, setting),
      half / 3,
    );
  const comparisons = [
    ...run.summary!.comparisons.filter(({ task }) => task !== 'humaneval'),
    add('pass@1', '', 0.08, 0.08 - drop / 2, 0.025),
    add('pass@10', '', 0.17, 0.17 - drop, 0.04),
    add('pass@50', '', 0.26, 0.26 - drop, 0.05),
    add('unique programs', 'programs', 24.1, 24.1 - 60 * drop, 1.2),
    add('unique passing', 'programs', 2.4, 2.4 - 10 * drop, 0.5),
    add('unique failing', 'programs', 21.7, 21.7 - 50 * drop, 1.1),
  ];
  const plan = {
    weights: 5.4e8,
    parameters: 2e7,
    gradients: 1e7,
    optimiser: 4e7,
    activations: 9.1e8,
    workspace: 5e8,
    runtime: 3.7e8,
  };
  const total = Object.values(plan).reduce((sum, bytes) => sum + bytes, 0);
  return {
    ...run,
    summary: { ...run.summary!, comparisons },
    events: [
      ...run.events.slice(0, 2),
      { type: 'memory', time: time(5), plan, total, available: 8e9 },
      ...run.events.slice(2),
    ],
  };
}

/** LoRA up to the rate from which it diverges, full fine-tuning about a tenth of it. */
export function makeSweep(sha256 = 'ab'.repeat(32)): SweepSnapshot {
  const rate = (learningRate: number, change: number | undefined, verdict = 'stable', kl = 0.05) => ({
    learningRate,
    verdict,
    kl,
    ...(verdict === 'diverged' && {
      diverged: { step: 12, ...withTexts({ why: msg`the loss stayed at ${'9.00'}` }) },
    }),
    ...(change !== undefined && {
      heldOut: { value: 2.4 + change, low: 2.3 + change, high: 2.5 + change },
      change: { value: change, low: change - 0.015, high: change + 0.015 },
    }),
  });
  return sweepSnapshotSchema.parse({
    id: '20261124-1200-sweep-ab12cd',
    createdAt: time(-7200),
    base: { id: 'smollm2-135m', sha256 },
    folder: '/home/me/web-server',
    optimizer: 'lionw',
    steps: 40,
    heldOutWindows: 16,
    methods: [
      {
        method: 'lora',
        rates: [
          rate(3e-5, -0.06, 'stable', 0.01),
          rate(1e-4, -0.115, 'stable', 0.025),
          rate(3e-4, -0.18, 'stable', 0.071),
          rate(1e-3, -0.2, 'stable', 0.147),
          rate(3e-3, undefined, 'diverged'),
        ],
        chosen: 1e-3,
        divergesFrom: 3e-3,
        finished: true,
      },
      {
        method: 'full',
        rates: [
          rate(3e-6, -0.09, 'stable', 0.006),
          rate(1e-5, -0.148, 'stable', 0.012),
          rate(3e-5, -0.215, 'stable', 0.041),
          rate(1e-4, -0.1, 'worse', 0.2),
          rate(3e-4, 0.7, 'diverged'),
        ],
        chosen: 3e-5,
        divergesFrom: 3e-4,
        finished: true,
      },
    ],
  });
}

/** As the host would answer for two runs. */
export function makeComparison(first: RunSnapshot, second: RunSnapshot): ComparisonAnswer {
  const of = [first, second].map(({ spec }) => spec.id);
  return {
    of,
    comparison: {
      runs: [first, second].map(({ spec: { id, name } }) => ({ id, name })),
      differs: [
        { setting: 'method', values: [first, second].map(({ spec }) => spec.hyper.method) },
        { setting: 'learning rate', values: ['1e-3', '1e-4'] },
      ],
      against: [
        {
          run: of[1]!,
          comparisons: [
            comparison(
              ['workspace', 'loss', 'nats/token', 'lower'],
              metric('workspace', 'loss', 1.951, 0.1),
              metric('workspace', 'loss', 1.93, 0.1),
              0.012,
            ),
            comparison(
              ['humaneval', 'pass@1', '', 'higher'],
              metric('humaneval', 'pass@1', 0.05, 0.04, 20),
              metric('humaneval', 'pass@1', 0.06, 0.04, 20),
              0.03,
            ),
          ],
        },
      ],
      warnings: [],
    },
  };
}

/** The same as a run directory. */
export async function writeRun(
  dir: string,
  { spec, state, events, summary: result, corpus }: RunSnapshot,
): Promise<string> {
  await mkdir(join(dir, 'evaluation'), { recursive: true });
  await mkdir(join(dir, 'corpus'), { recursive: true });
  const json = (name: string, value: unknown) => writeFile(join(dir, name), JSON.stringify(value));
  await json('run.json', spec);
  await json('state.json', state);
  await writeFile(
    join(dir, 'events.jsonl'),
    events.map((event) => `${JSON.stringify(runEventSchema.parse(event))}\n`).join(''),
  );
  if (result) await json('evaluation/summary.json', result);
  if (corpus) await json('corpus/summary.json', corpus);
  return dir;
}

/** `node bench/run.mjs test/unit/webview/fixtures.ts DIR` writes a run to look at. */
export const main = ([dir]: string[]) =>
  writeRun(dir!, withStrengths(withSamples(makeRun({ checkpoints: 6, best: 50 }))));
