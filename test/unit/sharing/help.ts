/** A run that can be published: a tiny base, a real adapter, curves, figures, and things that must not leave. */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, vi } from 'vitest';
import { examine } from '../../../src/base-models/checksums.ts';
import type { RunEvent } from '../../../src/protocol/events.ts';
import type { Summary } from '../../../src/protocol/evaluation.ts';
import { hyperSchema, type RunSpec } from '../../../src/protocol/run.ts';
import { createRun, readRun } from '../../../src/runs/index.ts';
import { evaluationSummaryPath, writeJson } from '../../../src/runs/files.ts';
import { packRun, type PackAsked } from '../../../src/sharing/pack.ts';
import { fetchAdapter, findPublished, type FetchAsked } from '../../../src/sharing/fetch-adapter.ts';
import type { Store } from '../../../src/sharing/stores/store.ts';
import { exportAdapterGguf, readAdapterGguf } from '../../../src/weights/index.ts';
import { writeTinyAdapter, writeTinyModel } from '../../support/tiny-model.ts';

/** Words that stand for what belongs to the person who trained. */
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
  example: {
    ...{ file: 'internal/billing/charge.ts', line: 3, prefix: 'function chargeCustomer(', actual: 'id' },
    ...{ before: 'x', after: 'id' },
  },
  served: { meanKl: 0.001, limit: 0.01, tokens: 96, ok: true },
  earlier: { run: '20261101-000000-lora-warehouse-ab12', comparisons: [] },
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
    ...{ type: 'start', time, backend: 'wasm', backendReason: `found in ${homedir()}/x`, step: 0, steps: 30 },
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

export interface Desk {
  root: string;
  base: RunSpec['base'];
  at(...parts: string[]): string;
  /** From now on, everything happens in the data directory of this person. */
  be(person: string): void;
  makeRun(patch?: Partial<RunSpec>): Promise<string>;
  publish(dir: string, store: Store, asked?: Partial<PackAsked>): Promise<string>;
  fetch(store: Store, asked: Omit<FetchAsked, 'store'>): ReturnType<typeof fetchAdapter>;
}

export function useDesk(): Desk {
  const desk = { root: '' } as Desk;
  desk.at = (...parts) => join(desk.root, ...parts);
  desk.be = (person) => void vi.stubEnv('FORGET_ME_NOT_HOME', desk.at(person));
  desk.makeRun = (patch = {}) => makeRun(desk, patch);
  desk.publish = async (dir, store, asked = {}) => {
    const folder = await mkdtemp(desk.at('packing-'));
    const version = ((await store.versions(asked.name ?? 'demo')).at(-1) ?? 0) + 1;
    // What the real one has of the run.
    const writeReport = async (from: string, to: string) =>
      writeFile(to, JSON.stringify(await readRun(from)));
    const packed = await packRun(dir, folder, { name: 'demo', version, writeReport, versions: {}, ...asked });
    await store.publish(packed.manifest.name, version, packed.files, {});
    return packed.sha256;
  };
  desk.fetch = async (store, asked) =>
    fetchAdapter(store, await findPublished({ store, ...asked }), { base: desk.base, versions: {} });
  beforeAll(async () => {
    desk.root = await mkdtemp(join(tmpdir(), 'fmn-sharing-'));
    desk.be('alice');
    await writeTinyModel(desk.at('base.gguf'), { seed: 1 });
    desk.base = { id: 'tiny', ...(await examine(desk.at('base.gguf'))) };
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await rm(desk.root, { recursive: true, force: true });
  });
  return desk;
}

async function makeRun({ base, at }: Desk, patch: Partial<RunSpec>): Promise<string> {
  const { dir } = await createRun(
    {
      name: 'demo',
      folder: '/home/alice/secret-project',
      learningRateReason: 'from /home/alice/secret-project/x; {sweep} can find a better one',
      preferences: { file: '/home/alice/secret-project/use.jsonl' },
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

/** All texts below a folder, in one. */
export async function allTexts(folder: string): Promise<string> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  return (await Promise.all(files.map((path) => readFile(path, 'latin1')))).join('\n');
}
