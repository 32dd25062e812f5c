/**
 * A run is killed at any moment and resumed: its result is, byte for byte, that of an uninterrupted one. The other
 * background processes are killed as well, paused, their clock set, their folder read-only or full: nothing is lost.
 */
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { examine } from '../../src/base-models/checksums.ts';
import { hyperSchema, type BackendName } from '../../src/protocol/run.ts';
import { createRun, readRun } from '../../src/runs/index.ts';
import { Random } from '../support/random.ts';
import type { Campaign, Trial } from './campaign.ts';
import { continueTrials } from './kills/continue.ts';
import { finderTrials } from './kills/finder.ts';
import { foldingTrials } from './kills/folding.ts';
import { indexerTrials } from './kills/indexer.ts';
import { ending, killGroup, openGround, startBundle, within, type Ground } from './support.ts';

const COUNT = 100;
/** The number of exports among them; one in EVERY of the others rereads its files. */
const EXPORTS = 20;
/** Trials per means for each of the other processes. */
const EACH = 10;
const EVERY = 4;
const MAX_MS = 120_000;
const BACKEND: BackendName = 'wasm';

export const kills: Campaign = {
  title: 'kills with resume',
  async open({ seed }) {
    const ground = await openGround();
    const random = new Random(seed);
    const reference = await uninterruptedRun(ground);
    const trials = Array.from({ length: COUNT }, (_, index): Trial => {
      const moment = random.integer(1000) / 1000;
      return index < EXPORTS
        ? exportTrial(ground, reference, moment)
        : trainingTrial(reference, moment, index % EVERY === 0);
    });
    const each = { random, count: EACH };
    for (const make of [continueTrials, foldingTrials, finderTrials, indexerTrials])
      trials.push(...(await make(ground, each)));
    return { trials, close: ground.close };
  },
};

interface ReferenceRun {
  /** Queued, with a corpus: copies of it are trained. */
  begun: string;
  done: string;
  result: Buffer;
  /** Milliseconds that training and exporting take without interruption. */
  trainingMs: number;
  exportMs: number;
  exported: Buffer;
}

async function uninterruptedRun({ at }: Ground): Promise<ReferenceRun> {
  await mkdir(at('code'));
  for (let i = 0; i < 6; i++) await writeFile(at(`code/${i}.js`), codeOf(i));
  const { path, sha256 } = await examine(at('base.gguf'));
  const hyper = hyperSchema.parse({
    learningRate: 1e-3,
    steps: 12,
    sequenceLength: 32,
    rank: 2,
    evalEvery: 2,
  });
  const { dir } = await createRun({
    name: 'killed',
    folder: at('code'),
    base: { id: 'base', path, sha256 },
    hyper,
    backend: BACKEND,
    evaluation: { heldOutWindows: 1, humanevalProblems: 0, retentionTexts: 0, completions: false },
    versions: {},
  });
  const begun = at('begun');
  await cp(dir, begun, { recursive: true });
  const trainingMs = await timed(() => train(dir));
  await cp(join(dir, 'corpus'), join(begun, 'corpus'), { recursive: true });
  const output = at('whole-export.gguf');
  const exportMs = await timed(() => finish('exporter', exportArgs(dir, output)));
  const [result, exported] = [await readFile(join(dir, 'adapter.gguf')), await readFile(output)];
  return { begun, done: dir, result, trainingMs, exportMs, exported };
}

const codeOf = (seed: number) =>
  Array.from(
    { length: 30 },
    (_, line) => `export function f${line}(x) { return x * ${seed + line} + ${line}; }\n`,
  ).join('');

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** Continues a run to its end. */
async function train(dir: string): Promise<void> {
  await finish('trainer', [dir]);
  const { state, brokenLines } = await readRun(dir);
  if (state.status !== 'done') throw new Error(`${state.status}: ${state.error?.message}`);
  if (brokenLines) throw new Error(`${brokenLines} broken lines`);
}

async function finish(name: string, args: string[]): Promise<void> {
  const child = startBundle(name, args);
  // Its output has to be read.
  child.stdout!.resume();
  const how = await within(ending(child), MAX_MS).finally(() => killGroup(child));
  if (how !== 0) throw new Error(`${name} ended with ${how}`);
}

async function killedAfter(name: string, args: string[], milliseconds: number): Promise<void> {
  const child = startBundle(name, args);
  child.stdout!.resume();
  const ended = ending(child);
  await Promise.race([sleep(milliseconds), ended]);
  killGroup(child);
  await ended;
}

/** `moment`: a share of the total time. `fresh`: starting from the files. */
function trainingTrial({ begun, trainingMs, result }: ReferenceRun, moment: number, fresh: boolean): Trial {
  return {
    name: `training killed at ${moment} of its time${fresh ? ', files and all' : ''}`,
    async run() {
      const dir = `${begun}-trial`;
      await rm(dir, { recursive: true, force: true });
      await cp(begun, dir, { recursive: true });
      if (fresh) await rm(join(dir, 'corpus'), { recursive: true });
      await killedAfter('trainer', [dir], moment * trainingMs);
      await train(dir);
      if (!(await readFile(join(dir, 'adapter.gguf'))).equals(result)) throw new Error('a different result');
    },
  };
}

const exportArgs = (dir: string, output: string) => [dir, JSON.stringify({ to: 'gguf-adapter', output })];

function exportTrial({ at }: Ground, { done, exportMs, exported }: ReferenceRun, moment: number): Trial {
  return {
    name: `export killed at ${moment} of its time`,
    async run() {
      const folder = at('exports');
      await rm(folder, { recursive: true, force: true });
      const args = exportArgs(done, join(folder, 'adapter.gguf'));
      await killedAfter('exporter', args, moment * exportMs);
      await finish('exporter', args);
      if (!(await readFile(join(folder, 'adapter.gguf'))).equals(exported))
        throw new Error('a different file');
      const names = await readdir(folder);
      if (names.length > 1) throw new Error(`left behind: ${names.join(', ')}`);
    },
  };
}
