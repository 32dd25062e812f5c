/** Made-up runs, valid against the protocol, for what only reads them. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Comparison, Metric, Summary } from '../../../src/protocol/evaluation.ts';
import { runEventSchema, type RunEvent } from '../../../src/protocol/events.ts';
import { runSnapshotSchema, type RunSnapshot } from '../../../src/protocol/panel.ts';
import { runSpectrumSchema, type LinearSpectrum, type RunSpectrum } from '../../../src/protocol/spectrum.ts';

const startedAt = Date.parse('2026-11-24T14:05:00Z');
const time = (seconds: number) => new Date(startedAt + seconds * 1000).toISOString();

export const metric = (
  task: string,
  name: string,
  value: number,
  half: number,
  n = 16,
  setting = `${n} items`,
): Metric => ({
  task,
  metric: name,
  value,
  low: value - half,
  high: value + half,
  n,
  setting,
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
  const windows = 'quick: 16 held-out windows of up to 512 tokens';
  const problems = 'quick: 20 of 164 problems, greedy, 1 sample each, at most 384 tokens';
  return {
    step,
    sentence:
      'Learned: held-out bits per byte 1.210 \u2192 1.052. Forgot: a little (KL 0.064 nats per token). HumanEval 5.0% \u2192 4.0%, no difference seen.',
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
        ['humaneval', 'pass@1', '', 'higher'],
        metric('humaneval', 'pass@1', 0.05, 0.04, 20, problems),
        metric('humaneval', 'pass@1', 0.04, 0.035, 20, problems),
        0.03,
      ),
      comparison(
        ['retention', 'KL from base', 'nats/token', 'lower'],
        metric(
          'retention',
          'KL from base',
          0,
          0,
          8,
          'quick: 8 texts of up to 128 tokens sampled from the base at temperature 1',
        ),
        metric(
          'retention',
          'KL from base',
          0.064,
          0.012,
          8,
          'quick: 8 texts of up to 128 tokens sampled from the base at temperature 1',
        ),
        0.012,
      ),
    ],
    example: {
      file: 'src/routes/handler.ts',
      line: 42,
      prefix: 'export function handler(request) {\n  const body = ',
      actual: 'await request.json();',
      before: 'request.body;',
      after: 'await request.json();',
    },
    served: { meanKl: 0.0021, limit: 0.01, tokens: 512, ok: true },
  };
};

export interface Wanted {
  id?: string;
  name?: string;
  steps?: number;
  upTo?: number;
  state?: Partial<RunSnapshot['state']>;
  method?: 'lora' | 'full';
  folder?: string;
  shift?: number;
}

/** A run as it stands at step `upTo`; done and evaluated when that is the last. */
export function makeRun({
  id = '20261124-1405-lora-smollm2-135m-ab12',
  name = 'web-server',
  steps = 60,
  upTo = steps,
  state,
  method = 'lora',
  folder = '/home/me/web-server',
  shift = 0,
}: Wanted = {}): RunSnapshot {
  const finished = upTo === steps;
  const events: RunEvent[] = [
    { type: 'phase', time: time(0), phase: 'Reading files' },
    {
      type: 'start',
      time: time(4),
      backend: 'tensorflow',
      backendReason: 'TensorFlow is installed; no NVIDIA GPU was found, so it computes on the CPU',
      step: 0,
      steps,
      trainableParameters: 4_884_480,
      trainTokens: 608_000,
      heldOutTokens: 71_000,
    },
  ];
  const evaluation = (step: number) => {
    const value = 2.146 - 0.2 * (1 - Math.exp((-3 * step) / steps)) - shift;
    events.push({
      type: 'evaluation',
      time: time(5 + 4 * step),
      step,
      result: metric('workspace', 'loss', value, 0.06, 4, 'during training: 4 held-out windows, 2044 tokens'),
    });
  };
  if (upTo > 0) evaluation(0);
  for (let step = 1; step <= upTo; step++) {
    const wobble = 0.12 * Math.sin(step * 12.9898) + 0.05 * Math.sin(step * 78.233);
    const warm = Math.min(1, step / (0.1 * steps));
    events.push({
      type: 'step',
      time: time(5 + 4 * step),
      step,
      loss: 2.2 - 0.25 * (1 - Math.exp((-3 * step) / steps)) + wobble - shift,
      learningRate: 1e-3 * warm * (0.5 + 0.5 * Math.cos((Math.PI * step) / steps)),
      gradientNorm: 1.1,
      tokensPerSecond: 131.4,
      peakMemory: 2.31e9,
      etaSeconds: 4 * (steps - step),
    });
    if (step % Math.ceil(steps / 3) === 0) {
      evaluation(step);
      events.push({
        type: 'checkpoint',
        time: time(5 + 4 * step),
        step,
        path: `checkpoints/step-${String(step).padStart(6, '0')}`,
      });
    }
  }
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
      hyper: { method, learningRate: method === 'lora' ? 1e-3 : 1e-4, steps },
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

/** Ranks that grow with the layer, in matrices as SmolLM2-135M has them. */
export function makeSpectrum({
  layers = 4,
  method = 'lora',
}: { layers?: number; method?: 'lora' | 'full' } = {}): RunSpectrum {
  const spectrum = (rank: number) => ({ size: 1, ranks: [1, rank, rank], values: [1, 0.5] });
  const shapes: [LinearSpectrum['module'], number, number][] = [
    ['q', 576, 576],
    ['k', 192, 576],
    ['v', 192, 576],
    ['o', 576, 576],
    ['gate', 1536, 576],
    ['up', 1536, 576],
    ['down', 576, 1536],
  ];
  return runSpectrumSchema.parse({
    format: 1,
    method,
    ...(method === 'lora' && { rank: 16 }),
    step: 60,
    source: method === 'lora' ? 'adapter' : 'checkpoint',
    backend: 'tensorflow',
    linears: Array.from({ length: layers }, (_, layer) =>
      shapes.map(([module, rows, columns]) => ({
        layer,
        module,
        shape: [rows, columns],
        base: spectrum(Math.min(rows, columns) / 2 + layer),
        change: spectrum((method === 'lora' ? 8 : 200) + layer),
        noise: spectrum(Math.min(rows, columns) * 0.75),
      })),
    ).flat(),
  });
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
