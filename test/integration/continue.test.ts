/** A run that continues another: it starts where that one ended and learns what has changed since. */
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { examine } from '../../src/base-models/checksums.ts';
import { trainCommand } from '../../src/cli/commands/fine-tune/train.ts';
import { evaluateRun } from '../../src/evaluation/evaluate-run.ts';
import { Resources, runSubject } from '../../src/evaluation/resources.ts';
import { openLlamaHost } from '../../src/serving/host/llama-host.ts';
import { openTokenizer } from '../../src/llama-cpp/tokenizer.ts';
import { buildCorpus, openCorpus, readManifest, type Sequence } from '../../src/corpus/index.ts';
import { exportBetween, setAdapterStrength } from '../../src/weights/strength.ts';
import type { RunEvent } from '../../src/protocol/events.ts';
import { hyperSchema, type RunSpec } from '../../src/protocol/run.ts';
import {
  createRun,
  findRun,
  listRuns,
  openRunWriter,
  readRun,
  readSpec,
  type NewRun,
} from '../../src/runs/index.ts';
import { placeEarlierAdapter } from '../../src/training/continued.ts';
import { findComparison } from '../../src/protocol/evaluation.ts';
import { openScorer } from '../../src/training/scorer.ts';
import { trainRun } from '../../src/training/train-run.ts';
import { Workplace } from '../support/cli.ts';
import { learnedFromUse } from '../unit/runs/help.ts';
import { writeTinyModel } from '../support/tiny-model.ts';
import { createSmallRun } from '../support/trainer.ts';

/** The base's reference adapter: the known ones belong to real bases. */
const known = vi.hoisted(() => ({ path: '', sha256: '' }));
vi.mock('../../src/base-models/reference-adapters.ts', async (original) => ({
  ...(await original<object>()),
  knownReferenceAdapter: () => (known.path ? { sha256: known.sha256, rank: 16 } : undefined),
  findReferenceAdapter: () => Promise.resolve(known.path || undefined),
}));

const hyper = hyperSchema.parse({
  ...{ learningRate: 3e-3, steps: 6, sequenceLength: 48, evalEvery: 2, dropout: 0, warmup: 0 },
});

/** Options of `train` for a run that takes seconds. */
const small =
  '--seq 48 --steps 6 --humaneval 0 --retention 0 --held-out-windows 2 --eval-tasks none --strength 1';

describe('training', () => {
  let home: string;
  let base: RunSpec['base'];
  /** The run that is continued. */
  let earlier: { dir: string; id: string };

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'forget-me-not-continue-'));
    vi.stubEnv('FORGET_ME_NOT_HOME', join(home, 'data'));
    const path = join(home, 'tiny.gguf');
    await writeTinyModel(path, { seed: 1 });
    base = { id: path, path, sha256: (await examine(path)).sha256 };
    const tokenizer = await openTokenizer(path);
    const folder = 'node_modules/commander/lib';
    await buildCorpus({ folder, out: join(home, 'corpus'), tokenizer, seed: 0 });
    await tokenizer.dispose();
    earlier = await newRun({});
    await trainUpTo(earlier.dir);
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await rm(home, { recursive: true, force: true });
  });

  async function newRun(patch: Partial<NewRun>): Promise<{ dir: string; id: string }> {
    const evaluation = { heldOutWindows: 2, completions: false };
    const asked = { name: 'code', folder: 'code', base, hyper, backend: 'wasm' as const, evaluation };
    const run = await createRun({ ...asked, versions: {}, ...patch });
    await cp(join(home, 'corpus'), join(run.dir, 'corpus'), { recursive: true });
    return run;
  }

  /** A run that continues another one as it is now. */
  const continuing = async ({ dir, id } = earlier, patch: Partial<NewRun> = {}) => {
    const { sha256 } = await examine(join(dir, 'adapter.gguf'));
    return newRun({ continues: { run: id, sha256 }, ...patch });
  };

  /** Trains to the end, or up to a step as if cancelled there. Returns all events. */
  async function trainUpTo(dir: string, step = Infinity): Promise<RunEvent[]> {
    const writer = await openRunWriter(dir);
    const stop = new AbortController();
    const watching = {
      ...{ stopped: writer.stopped, close: () => writer.close() },
      state: (patch: Parameters<typeof writer.state>[0]) => writer.state(patch),
      async event(event: Parameters<typeof writer.event>[0]) {
        await writer.event(event);
        if (event.type === 'step' && event.step === step) stop.abort();
      },
    };
    await trainRun(dir, watching, stop.signal).finally(() => writer.close());
    return (await readRun(dir)).events;
  }

  /** Nats per learned token of these sequences, with the adapter as its file has it. */
  async function lossOf(sequences: readonly Sequence[], which: 'base' | 'result'): Promise<number> {
    const adapterPath = join(earlier.dir, 'adapter.gguf');
    const scorer = await openScorer({ basePath: base.path, adapterPath, backend: 'wasm' });
    const sums = { nats: 0, tokens: 0 };
    for (const { tokens, learned, starts } of sequences)
      (await scorer.tokenLosses(tokens, which, { starts })).forEach((loss, at) => {
        sums.nats += learned[at]! * loss;
        sums.tokens += learned[at]!;
      });
    scorer.dispose();
    return sums.nats / sums.tokens;
  }

  it.each([1, 0.5])('starts with the adapter as it is served, at strength %d', async (strength) => {
    await setAdapterStrength(earlier.dir, { id: earlier.id, hyper }, strength);
    const { dir } = await continuing();
    const events = await trainUpTo(dir, 1);
    const corpus = await openCorpus(join(dir, 'corpus'));
    const first = [corpus.sequences(hyper.sequenceLength, hyper.seed).at(0)];
    const step = events.find((event) => event.type === 'step')!;
    expect(step.loss).toBeCloseTo(await lossOf(first, 'result'), 5);
    expect(Math.abs(step.loss - (await lossOf(first, 'base')))).toBeGreaterThan(0.01);
    // As every run, it is compared with what it began with.
    const before = events.find((event) => event.type === 'evaluation')!;
    const heldOut = corpus.heldOutSequences(hyper.sequenceLength, 2);
    expect(before).toMatchObject({
      step: 0,
      result: { value: expect.closeTo(await lossOf(heldOut, 'result'), 5) },
    });
    await setAdapterStrength(earlier.dir, { id: earlier.id, hyper }, 1);
  });

  it('starts from the reference adapter, which has another rank, and is compared with it', async () => {
    const reference = join(earlier.dir, 'adapter.gguf');
    const { sha256 } = await examine(reference);
    const { dir } = await newRun({
      reference: { sha256 },
      hyper: { ...hyper, rank: 24, alpha: 24 },
    });
    await placeEarlierAdapter(dir, await readSpec(dir), reference);
    const events = await trainUpTo(dir);
    const corpus = await openCorpus(join(dir, 'corpus'));
    const first = [corpus.sequences(hyper.sequenceLength, hyper.seed).at(0)];
    const heldOut = corpus.heldOutSequences(hyper.sequenceLength, 2);
    expect(events.find((event) => event.type === 'step')!.loss).toBeCloseTo(await lossOf(first, 'result'), 5);
    expect(events.find((event) => event.type === 'evaluation')).toMatchObject({
      step: 0,
      result: { value: expect.closeTo(await lossOf(heldOut, 'result'), 5) },
    });
    await isComparedWithEarlier(dir, 'the base with its reference adapter');
  });

  it('is compared with the result that it continues', async () => {
    const { dir } = await continuing();
    await trainUpTo(dir);
    await isComparedWithEarlier(dir, 'the result of the run that it continues');
  });

  /** A run's figures before training are those of the earlier run's result, which have this name. */
  async function isComparedWithEarlier(dir: string, name: string): Promise<void> {
    const bits = async (run: string) =>
      findComparison(
        (await evaluateRun(run, { tasks: ['workspace'] })).comparisons,
        'workspace',
        'bits per byte',
      )!;
    const compared = await bits(dir);
    expect(compared.before.value).toBeCloseTo((await bits(earlier.dir)).after.value, 5);
    expect(compared.after.setting.endsWith(`; before: ${name}`)).toBe(true);
    await isMeasuredBetween(dir);
  }

  it('starts from the reference adapter of a known base, as the command line does', async () => {
    known.path = join(earlier.dir, 'adapter.gguf');
    known.sha256 = (await examine(known.path)).sha256;
    const args = ['--base', base.path, '--backend', 'wasm', ...small.split(' ')];
    const printed = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    await trainCommand().parseAsync(['node_modules/commander/lib', '--json', ...args], { from: 'user' });
    printed.mockRestore();
    known.path = '';
    const { spec, state } = (await listRuns()).find(({ spec: { name } }) => name === 'lib')!;
    expect(state.status).toBe('done');
    expect(spec.reference).toEqual({ sha256: known.sha256 });
    expect(existsSync(join(await findRun(spec.id), 'earlier.gguf'))).toBe(true);
  });

  /** A run's result is scored and served at strengths between what it began with and what it trained. */
  async function isMeasuredBetween(dir: string): Promise<void> {
    const resources = new Resources(runSubject(dir, await readSpec(dir)));
    const [start, end] = [join(dir, 'earlier.gguf'), join(dir, 'adapter.gguf')];
    const strengths = [0.25, 0.5];
    const adapters = strengths.map((strength) => ({
      name: `at ${strength}`,
      path: join(home, `${strength}.gguf`),
    }));
    for (const [at, { path }] of adapters.entries())
      await exportBetween(path, { start, end }, strengths[at]!);
    const host = await openLlamaHost({ basePath: base.path, adapters });
    const tokens = Int32Array.from({ length: 40 }, (_, at) => (at * 7) % 200);
    try {
      const models = await Promise.all(strengths.map((strength) => resources.result(strength)));
      for (const [at, model] of models.entries()) {
        const scorer = await openScorer({
          basePath: base.path,
          adapterPath: adapters[at]!.path,
          backend: 'wasm',
        });
        expect(await model.tokenLosses(tokens)).toEqual(await scorer.tokenLosses(tokens, 'result'));
        scorer.dispose();
        const ask = { prompt: 'const answer =', maxTokens: 8, temperature: 0 };
        const { text } = await host.complete({ ...ask, model: adapters[at]!.name });
        expect((await model.completeAlone(ask)).text).toBe(text);
      }
      const kl = await (await resources.before()).klFromBase(tokens);
      expect(Math.max(...kl)).toBeGreaterThan(1e-4);
      expect(kl).not.toEqual(await models[1]!.klFromBase(tokens));
    } finally {
      await resources.dispose();
      await host.dispose();
    }
  }

  it('starts from the base if it continues nothing', async () => {
    const events = await trainUpTo((await newRun({ hyper: { ...hyper, steps: 1 } })).dir);
    const { dir } = await continuing();
    const continued = await trainUpTo(dir, 1);
    const lossIn = (all: RunEvent[]) => all.find((event) => event.type === 'step')!.loss;
    expect(lossIn(continued)).toBeLessThan(lossIn(events));
  });

  it('resumes to the same bytes though the earlier run is gone', async () => {
    const doomed = await newRun({ hyper: { ...hyper, steps: 2 } });
    await trainUpTo(doomed.dir);
    const adapterOf = ({ dir }: { dir: string }) => readFile(join(dir, 'adapter.gguf'));
    const [whole, parted, untouched] = [
      await continuing(doomed),
      await continuing(doomed),
      await continuing(doomed),
    ];
    await trainUpTo(whole.dir);
    await trainUpTo(parted.dir, 3);
    // Stopped before its first checkpoint, it only has its initial weights.
    await trainUpTo(untouched.dir, 1);
    await rm(join(untouched.dir, 'checkpoints'), { recursive: true });
    await rm(doomed.dir, { recursive: true });
    for (const run of [parted, untouched]) {
      await trainUpTo(run.dir);
      expect((await adapterOf(run)).equals(await adapterOf(whole))).toBe(true);
    }
  });

  it("resumes and can be continued if an earlier version was to learn from the user's completions", async () => {
    const [whole, old] = [await newRun({}), await newRun({})];
    await trainUpTo(whole.dir);
    await trainUpTo(old.dir, 3);
    learnedFromUse(old.dir);
    await trainUpTo(old.dir);
    const [bytes, expected] = await Promise.all(
      [old, whole].map(({ dir }) => readFile(join(dir, 'adapter.gguf'))),
    );
    expect(bytes!.equals(expected!)).toBe(true);
    const next = await continuing(old);
    expect((await trainUpTo(next.dir, 1)).some(({ type }) => type === 'step')).toBe(true);
  });

  it('refuses an adapter that has changed in the meantime', async () => {
    const run = await continuing();
    await setAdapterStrength(earlier.dir, { id: earlier.id, hyper }, 0.25);
    await expect(trainUpTo(run.dir)).rejects.toMatchObject({ code: 'adapter-damaged' });
    await setAdapterStrength(earlier.dir, { id: earlier.id, hyper }, 1);
  });
});

describe('train --continue', () => {
  let place: Workplace;
  let base: string;
  let code: string;
  let first: { run: string; dir: string };
  const train = (...args: string[]) =>
    place.json<{ run: string; dir: string }>('train', ...args, '--backend', 'wasm', ...small.split(' '));
  /** The error of a command that must fail. */
  const refused = async (...args: string[]) => {
    const { code: exit, stderr } = await place.run('train', ...args, '--backend', 'wasm', '--steps', '6');
    expect(exit).toBe(1);
    return stderr.trim().split('\n').at(-1)!;
  };

  beforeAll(async () => {
    place = await Workplace.create();
    base = place.path('tiny.gguf');
    await writeTinyModel(base, { seed: 1 });
    code = await place.code();
    await cp('node_modules/fastify/lib', join(code, 'more'), { recursive: true });
    first = await train(code, '--base', base, '--lr', '3e-3', '--rank', '4', '--exclude', 'secret*');
  });
  afterAll(() => place?.dispose());

  it('refuses if nothing has changed', async () => {
    const run = first.run;
    expect(await place.json('changed', run)).toEqual({ run, files: 0, share: 0, enough: false });
    expect(await refused('--continue', run)).toMatch(
      /^\[corpus-empty\] Nothing that could be learned has changed since run .*\. Continue it when there are new/,
    );
  });

  it('counts what has changed since a result that is not offered: the next one may learn it', async () => {
    const { run } = first;
    const path = join(first.dir, 'evaluation', 'summary.json');
    const before = await readFile(path, 'utf8');
    const choice = { strength: 0, why: 'it learned nothing', limit: 0.1, path: [], setting: '' };
    await writeFile(path, JSON.stringify({ ...JSON.parse(before), choice }));
    try {
      expect(await refused('--continue', run)).toMatch(/^\[not-better\]/);
      expect(await place.json('changed', run)).toEqual({ run, files: 0, share: 0, enough: false });
    } finally {
      await writeFile(path, before);
    }
  });

  it('learns what has changed with the settings of the earlier run, and keeps every file in its split', async () => {
    const before = readManifest(join(first.dir, 'corpus'));
    const result = await readFile(join(first.dir, 'adapter.gguf'));
    await cp('node_modules/pino/lib', join(code, 'pino'), { recursive: true });
    const learned = before.kept.find(({ split }) => split === 'train')!.path;
    await writeFile(
      join(code, learned),
      `${await readFile(join(code, learned), 'utf8')}\nmodule.exports.x = 1;\n`,
    );
    const changed = await place.json<{ files: number; share: number; enough: boolean }>('changed', first.run);
    expect(changed).toMatchObject({ files: 15, enough: true });
    const second = await train('--continue', first.run);
    expect((await readFile(join(first.dir, 'adapter.gguf'))).equals(result)).toBe(true);
    const spec = await readSpec(second.dir);
    const { sha256 } = await examine(join(first.dir, 'adapter.gguf'));
    expect(spec).toMatchObject({
      folder: code,
      corpus: { exclude: ['secret*'] },
      hyper: { rank: 4, alpha: 8, learningRate: 3e-3 },
      continues: { run: first.run, sha256 },
    });
    const after = readManifest(join(second.dir, 'corpus'));
    const sides = new Map(after.kept.map(({ path, split }) => [path, split]));
    for (const { path, split } of before.kept) expect([path, sides.get(path)]).toEqual([path, split]);
    expect(after.kept.find(({ path }) => path === learned)).not.toHaveProperty('known');
    const { stdout } = await place.run('show', second.run);
    expect(stdout).toMatch(
      new RegExp(`continues +${first.run}: 15 new or changed since, .*25% of training is`),
    );
    expect(stdout).toContain('Since the run that it continues: older code');
    const ages = /^(older|new) code /;
    const { comparisons } = (await readRun(second.dir)).summary!;
    expect(comparisons.filter(({ metric }) => ages.test(metric))).toHaveLength(2);
  });

  it('says in one sentence what it cannot continue', async () => {
    expect(await refused('--continue', 'nothing')).toMatch(/^\[run-not-found\] There is no run "nothing"/);
    expect(await refused('--continue', first.run, '--rank', '8')).toMatch(
      /^\[bad-argument\] Run .* has --rank 4, but 8 was given\./,
    );
    const other = await place.code('other');
    for (const name of await readdir(other)) await rm(join(other, name));
    await cp('node_modules/zod/src/v4/classic', other, { recursive: true });
    expect(await refused(other, '--continue', first.run)).toMatch(
      /^\[bad-argument\] This is not the folder of run .*none of the files/,
    );
    vi.stubEnv('FORGET_ME_NOT_HOME', place.home);
    const full = await createSmallRun({ base, code, hyper: { method: 'full', steps: 6 } });
    vi.unstubAllEnvs();
    expect(await refused('--continue', basename(full))).toMatch(
      /^\[bad-argument\] Run .* can't be continued: it is a full fine-tuning/,
    );
    await cp(first.dir, join(place.home, 'runs', 'unfinished'), { recursive: true });
    const state = join(place.home, 'runs', 'unfinished', 'state.json');
    await writeFile(state, (await readFile(state, 'utf8')).replace('"done"', '"cancelled"'));
    expect(await refused('--continue', 'unfinished')).toMatch(
      /^\[run-not-finished\] Run .* has no result yet/,
    );
    const adapter = join(first.dir, 'adapter.gguf');
    const imported = await place.json<{ run: string }>('import', adapter, '--base', base);
    expect(await refused('--continue', imported.run)).toMatch(/can't be continued: it was imported/);
    await writeTinyModel(base, { seed: 2 });
    expect(await refused('--continue', first.run)).toMatch(/^\[base-checksum\] .* is not the file that run/);
    await rm(base);
    expect(await refused('--continue', first.run)).toMatch(
      /^\[base-not-found\] The base of run .* is gone: there is no .*tiny\.gguf\. Put that file back, or start a new training/,
    );
    const { code: exit, stderr } = await place.run('resume', 'unfinished');
    expect(exit).toBe(1);
    expect(stderr).toMatch(/^\[base-not-found\] The base of run .* is gone/);
    expect(JSON.parse(await readFile(state, 'utf8'))).toMatchObject({ status: 'cancelled' });
    await writeTinyModel(base, { seed: 1 });
  });

  it('says that a result is gone, and resume makes the same one again', async () => {
    const adapter = join(first.dir, 'adapter.gguf');
    const before = await readFile(adapter);
    await rm(adapter);
    expect(await refused('--continue', first.run)).toMatch(
      new RegExp(
        `^\\[run-not-finished\\] The result of run .* is gone: .* with "forget-me-not resume ${first.run}"`,
      ),
    );
    await place.json('resume', first.run);
    expect((await readFile(adapter)).equals(before)).toBe(true);
    const { code: exit, stderr } = await place.run('resume', first.run);
    expect(exit).toBe(1);
    expect(stderr).toMatch(/^\[bad-argument\] Run .* is done\./);
  });
});
