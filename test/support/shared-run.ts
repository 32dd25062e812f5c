/** A run that can be published: a real adapter of a tiny base, curves, metrics, and data that must not leave. */
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { RunEvent } from '../../src/protocol/events.ts';
import type { Summary } from '../../src/protocol/evaluation.ts';
import { hyperSchema, type RunSpec } from '../../src/protocol/run.ts';
import { createRun } from '../../src/runs/index.ts';
import { evaluationSummaryPath, writeJson } from '../../src/runs/files.ts';
import { exportAdapterGguf, readAdapterGguf } from '../../src/weights/index.ts';
import { writeTinyAdapter } from './tiny-model.ts';
import { msg, withTexts } from '../../src/text/message.ts';

/** Words that stand for the training user's data. */
export const PRIVATE = [
  ...['secret-project', 'internal/billing', 'chargeCustomer', 'colleague-data', 'rows.jsonl'],
  ...['other-project', 'warehouse', '/home/', 'alice'],
];

const metric = (value: number) => ({
  ...{ task: 'workspace', metric: 'loss', value, low: value - 0.1, high: value + 0.1, n: 16 },
  setting: '16 windows',
});

export const summary: Summary = {
  step: 24,
  sentence: 'It completes more lines.',
  comparisons: [
    {
      ...{ task: 'workspace', metric: 'loss', unit: 'nats per token', better: 'lower', significant: true },
      before: metric(2),
      after: metric(1.5),
      difference: { value: -0.5, low: -0.6, high: -0.4 },
    },
  ],
  places: {
    ...{ tried: 1, both: 0, gained: 1, lost: 0 },
    shown: [
      {
        ...{ file: 'internal/billing/charge.ts', line: 3, prefix: 'function chargeCustomer(', actual: 'id' },
        ...{ before: 'x', after: 'id' },
      },
    ],
  },
  served: { meanKl: 0.001, limit: 0.01, tokens: 96, ok: true },
  calibration: { bias: 99, slope: 0, count: 10 },
  pending: ['retention'],
};

const time = '2026-11-25T01:00:00Z';
const step = (number: number, loss: number): RunEvent => ({
  ...{ type: 'step', time, step: number, loss, learningRate: 1e-4, gradientNorm: 1, tokensPerSecond: 100 },
  ...{ peakMemory: 1e9, etaSeconds: 10 },
});
const events: RunEvent[] = [
  {
    ...{ type: 'start', time, backend: 'wasm', step: 0, steps: 30 },
    ...withTexts({ backendReason: msg`found in ${homedir()}/x` }),
    ...{ trainableParameters: 1000, trainTokens: 1000, heldOutTokens: 100 },
  },
  ...[3, 2.5, 2.2].map((loss, index) => step(index + 1, loss)),
  { type: 'warning', time, message: 'internal/billing/charge.ts is empty' },
  {
    type: 'done',
    time,
    step: 24,
    tokensPerSecond: 100,
    peakMemory: 1e9,
    seconds: 60,
    artefact: 'adapter.gguf',
  },
];

/** Makes the run of an adapter for the tiny model `base` in the data directory. `at`: where its file is made. */
export async function makeSharedRun(
  base: RunSpec['base'],
  at: (name: string) => string,
  patch: Partial<RunSpec> = {},
): Promise<string> {
  const { dir } = await createRun(
    {
      name: 'demo',
      folder: '/home/alice/secret-project',
      learningRateReason: 'from /home/alice/secret-project/x; {sweep} can find a better one',
      continues: { run: '20261101-000000-lora-warehouse-ab12', sha256: 'ab'.repeat(32) },
      base: { id: base.id, path: base.path, sha256: base.sha256 },
      hyper: hyperSchema.parse({ learningRate: 1e-4, steps: 30, rank: 3, alpha: 6 }),
      corpus: {
        include: ['internal/billing'],
        data: '/home/alice/colleague-data/rows.jsonl',
        replay: { source: '/home/alice/other-project', rate: 0.1 },
      },
      backend: 'auto',
      evaluation: {},
      versions: { 'forget-me-not': '0.1.0' },
      ...patch,
    },
    async (folder) => {
      await writeTinyAdapter(at('adapter.gguf'), base.path, { rank: 3, alpha: 6 });
      const adapter = await readAdapterGguf(at('adapter.gguf'));
      await exportAdapterGguf(join(folder, 'adapter.gguf'), { ...adapter, baseSha256: base.sha256 });
      await writeTinyAdapter(join(folder, 'earlier.gguf'), base.path, { rank: 3, alpha: 6, seed: 2 });
      await mkdir(join(folder, 'evaluation'));
      await writeJson(evaluationSummaryPath(folder), summary);
      const lines = events.map((event) => `${JSON.stringify(event)}\n`);
      return { artefact: 'adapter.gguf', step: 24, events: lines.join('') };
    },
  );
  return dir;
}

/** Changes the manifest of a published version in a folder, and writes its text. */
export async function tamper(folder: string, change: (manifest: Manifest) => void): Promise<void> {
  const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as Manifest;
  change(manifest);
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
}
export interface Manifest {
  [key: string]: unknown;
  files: { path: string; bytes: number; sha256: string }[];
}

/** Replaces a file's content, with its checksum in the manifest. */
export async function replaceFile(folder: string, path: string, text: string | Buffer): Promise<void> {
  await writeFile(join(folder, path), text);
  await tamper(folder, ({ files }) => {
    const file = files.find((one) => one.path === path)!;
    file.bytes = Buffer.byteLength(text);
    file.sha256 = createHash('sha256').update(text).digest('hex');
  });
}
