/** Learning from what became of completions: the stage itself, the run around it, and what `train --preferences` refuses. */
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { examine } from '../../src/base-models/checksums.ts';
import { openTokenizer, type Tokenizer } from '../../src/base-models/tokenizer.ts';
import { buildCorpus } from '../../src/corpus/index.ts';
import { uniformOf } from '../../src/corpus/shuffle.ts';
import { sum } from '../../src/statistics/statistics.ts';
import { openGguf } from '../../src/gguf/index.ts';
import { initialValues, loadModel, type TrainableModel } from '../../src/model/index.ts';
import { verdictsOfAll } from '../../src/preferences/verdict.ts';
import type { RunEvent } from '../../src/protocol/events.ts';
import type { Preference } from '../../src/protocol/preferences.ts';
import { hyperSchema, type RunSpec } from '../../src/protocol/run.ts';
import { createRun, openRunWriter, readRun, readSpec, type NewRun } from '../../src/runs/index.ts';
import type { RunWriter } from '../../src/runs/writer.ts';
import { startBackend } from '../../src/tensor/index.ts';
import { putInitial } from '../../src/training/checkpoints/store.ts';
import { examplesOf, parted, type Example } from '../../src/training/preferences/examples.ts';
import { PreferenceStage } from '../../src/training/preferences/stage.ts';
import { trainRun } from '../../src/training/train-run.ts';
import { Workplace } from '../support/cli.ts';
import { writeTinyModel } from '../support/tiny-model.ts';

type Told = Extract<RunEvent, { type: 'preferences' }>;

const STEPS = 40;
const hyper = hyperSchema.parse({
  ...{ learningRate: 1e-3, steps: STEPS, sequenceLength: 96, batch: 8, evalEvery: STEPS, dropout: 0 },
});
const FOLDER = 'node_modules/fastify/lib';
let home: string;
let base: RunSpec['base'];
let tokenizer: Tokenizer;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'forget-me-not-preferences-'));
  vi.stubEnv('FORGET_ME_NOT_HOME', home);
  const path = join(home, 'tiny.gguf');
  await writeTinyModel(path, { seed: 1 });
  base = { id: path, path, sha256: (await examine(path)).sha256 };
  tokenizer = await openTokenizer(path);
  await buildCorpus({ folder: FOLDER, out: join(home, 'corpus'), tokenizer, seed: 0 });
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await tokenizer?.dispose();
  await rm(home, { recursive: true, force: true });
});

type Outcome = (rest: string, at: number) => { shown: string; later: string };

/** Rests of real lines, and what was shown there and stood there later. */
async function records(outcome: Outcome): Promise<Preference[]> {
  const lines = (await readFile(join(FOLDER, 'reply.js'), 'utf8')).split('\n');
  const places = lines.flatMap((line, at) => {
    const [, head, rest] = /^( *\w+)(\W.{8,40})$/.exec(line) ?? [];
    return head && rest ? [{ prefix: [lines[at - 1], head].join('\n'), rest }] : [];
  });
  return places.slice(0, 120).map(({ prefix, rest }, at) => ({
    time: new Date(Date.UTC(2026, 0, 1) + at * 60_000).toISOString(),
    repository: 'lib',
    path: `src/file${at % 24}.js`,
    languageId: 'javascript',
    prefix,
    suffix: '\n',
    accepted: 0,
    seconds: 300,
    run: 'a-run',
    base,
    ...outcome(rest, at),
  }));
}

const shouted = (text: string) => text.toUpperCase().replaceAll(' ', '_').replaceAll(/\W/g, '#');
/** A taste that can be learned: the code as it is, and no shouting. */
const taste: Outcome = (rest) => ({ shown: shouted(rest), later: rest });
/** None: chance says which of two is kept. */
const noise: Outcome = (rest, at) => {
  const texts = [shouted(rest), [...rest].reverse().join('')];
  const [shown, later] = uniformOf(at, 5) < 0.5 ? texts : texts.reverse();
  return { shown: shown!, later: later! };
};

async function written(name: string, preferences: readonly Preference[]): Promise<string> {
  const file = join(home, `${name}.jsonl`);
  await writeFile(file, preferences.map((one) => `${JSON.stringify(one)}\n`).join(''));
  return file;
}

describe('the stage', () => {
  /** Mean log-probability of the texts of one kind, nats. */
  async function meanOf(model: TrainableModel, examples: readonly Example[], desirable: boolean) {
    const some = examples.filter((one) => one.desirable === desirable);
    let total = 0;
    for (const { tokens, counted } of some) total -= sum(await model.tokenLosses(tokens, { last: counted }));
    return total / some.length;
  }

  async function untrained(): Promise<TrainableModel> {
    const gguf = await openGguf(base.path);
    const model = await loadModel(await startBackend('wasm'), gguf, hyper);
    await putInitial({ model, initial: (parameter) => initialValues(gguf, parameter, hyper) });
    await gguf.close();
    return model;
  }
  async function texts() {
    const how = { sequenceLength: hyper.sequenceLength, wholeRepositories: false };
    return parted(examplesOf(verdictsOfAll(await records(taste)), tokenizer, how), () => false, 0);
  }
  /** Runs the stage, judged at these strengths, and comes back with what it has told. */
  async function learned(model: TrainableModel, strengths: number[]): Promise<Told> {
    const told: Told[] = [];
    const writer = {
      event: (one: Told) => void told.push(one),
      state: () => undefined,
    } as unknown as RunWriter;
    const { signal } = new AbortController();
    const spec = { hyper } as RunSpec;
    const options = { dir: home, spec, writer, signal, model, phase: () => Promise.resolve() };
    const stage = new PreferenceStage(options, { ...(await texts()), cursors: [], strengths });
    const event = await stage.run(5 * STEPS);
    expect(told).toEqual([{ type: 'preferences', ...event }]);
    return told[0]!;
  }

  it('makes what was kept likelier, also elsewhere, and what was thrown away less so', async () => {
    const model = await untrained();
    const { heldOut } = await texts();
    const before = { kept: await meanOf(model, heldOut, true), thrown: await meanOf(model, heldOut, false) };
    expect(await learned(model, [1])).toMatchObject({ taken: true, step: 5 * STEPS });
    expect(await meanOf(model, heldOut, true)).toBeGreaterThan(before.kept);
    expect(await meanOf(model, heldOut, false)).toBeLessThan(before.thrown);
    model.dispose();
  });

  it('is judged as it would be served, which changes nothing of what is learned', async () => {
    const of = async (strengths: number[]) => {
      const model = await untrained();
      const event = await learned(model, strengths);
      const values = await Promise.all(model.parameters.map(({ name }) => model.read(name)));
      model.dispose();
      return { gain: event.preferences!.value, why: event.why, values };
    };
    const [whole, half, both] = [await of([1]), await of([0.5]), await of([1, 0.5])];
    expect(half.gain / whole.gain).toBeGreaterThan(0.3);
    expect(half.gain / whole.gain).toBeLessThan(0.8);
    expect(both.gain).toBe(whole.gain);
    expect(half.why).toContain('at strength 0.5');
    expect(half.values).toEqual(whole.values);
    expect(both.values).toEqual(whole.values);
  });
});

describe('a run', () => {
  async function newRun(preferences?: { file: string }, patch: Partial<NewRun> = {}): Promise<string> {
    const evaluation = { heldOutWindows: 2, completions: false, strength: 'measured' as const };
    // As of a data set: no cursors are held out.
    const asked = { name: 'lib', folder: '', base, hyper, backend: 'wasm', evaluation } as const;
    const { dir } = await createRun({
      ...asked,
      ...(preferences && { preferences }),
      versions: {},
      ...patch,
    });
    await cp(join(home, 'corpus'), join(dir, 'corpus'), { recursive: true });
    return dir;
  }
  /** Trains, and stops where `stopAt` says so. Returns the result's bytes; undefined where it was stopped. */
  async function trained(dir: string, stopAt?: (phase: string) => boolean): Promise<Buffer | undefined> {
    const writer = await openRunWriter(dir);
    const stop = new AbortController();
    try {
      const watching: RunWriter = {
        stopped: writer.stopped,
        close: () => writer.close(),
        event: (event) => writer.event(event),
        state: (patch) => {
          if (stopAt?.(patch.phase ?? '')) stop.abort();
          return writer.state(patch);
        },
      };
      const result = await trainRun(dir, watching, stop.signal);
      return result && (await readFile(join(dir, result.artefact)));
    } finally {
      await writer.close();
    }
  }
  const told = async (dir: string) =>
    (await readRun(dir)).events.findLast((event): event is Told => event.type === 'preferences');

  it('takes what is better; stopped in the middle of it, comes to the same', async () => {
    const file = await written('taste', await records(taste));
    const dir = await newRun({ file });
    const whole = await trained(dir);
    expect(await told(dir)).toMatchObject({ taken: true, step: STEPS });
    const stopped = await newRun({ file });
    expect(
      await trained(stopped, (phase) => phase.startsWith('Learning from your use: step 3')),
    ).toBeUndefined();
    expect(await told(stopped)).toBeUndefined();
    expect((await trained(stopped))!.equals(whole!)).toBe(true);
    // What was taken is not learned again, and not lost, where only the measuring was stopped.
    const { events } = await readRun(stopped);
    expect((await trained(stopped))!.equals(whole!)).toBe(true);
    const count = (all: readonly RunEvent[]) => all.filter(({ type }) => type === 'preferences').length;
    expect(count((await readRun(stopped)).events)).toBe(count(events));
  });

  it('is the same as without, byte for byte, where there is nothing to be learned', async () => {
    const without = await trained(await newRun());
    const dir = await newRun({ file: await written('noise', await records(noise)) });
    expect((await trained(dir))!.equals(without!)).toBe(true);
    const event = (await told(dir))!;
    expect(event.learned).toBeGreaterThan(0);
    expect(event.taken).toBe(false);
    // Deleted before it came to that: said at once, and trained as without.
    const deleted = await newRun({ file: join(home, 'gone.jsonl') });
    expect((await trained(deleted))!.equals(without!)).toBe(true);
    expect(await told(deleted)).toMatchObject({ taken: false, step: 0, learned: 0 });
    expect((await readSpec(deleted)).preferences).toBeDefined();
  });

  it('that continues another learns from use after what has changed, beginning with that adapter', async () => {
    const earlier = await newRun(undefined, { hyper: { ...hyper, steps: 8 } });
    await trained(earlier);
    const { sha256 } = await examine(join(earlier, 'adapter.gguf'));
    const continues = { run: (await readSpec(earlier)).id, sha256 };
    const dir = await newRun({ file: await written('taste', await records(taste)) }, { continues });
    await trained(dir);
    const { step, learned, preferences } = (await told(dir))!;
    expect(step).toBe(STEPS);
    expect(learned).toBeGreaterThan(0);
    expect(preferences!.value).toBeLessThan(0);
  });
});

/** Needs dist/ (npm test builds it). */
it('train --continue --preferences learns both, and says so', async () => {
  const place = await Workplace.create();
  try {
    const folder = place.path('lib');
    await cp(FOLDER, folder, { recursive: true });
    const train = (...args: string[]) =>
      place.json<{ run: string; dir: string }>(
        ...['train', ...args, '--backend', 'wasm', '--held-out-windows', '2', '--strength', '1'],
        ...['--humaneval', '0', '--retention', '0', '--eval-tasks', 'none'],
      );
    const first = ['--base', base.path, '--seq', '96', '--batch', '8', '--lr', '1e-3', '--steps', '8'];
    const { run } = await train(folder, ...first);
    await cp('node_modules/pino/lib', join(folder, 'pino'), { recursive: true });
    const file = await written('taste', await records(taste));
    const { dir, run: second } = await train('--continue', run, '--preferences', file, '--steps', '80');
    const { spec, events, summary } = await readRun(dir);
    expect(spec).toMatchObject({ continues: { run }, preferences: { file } });
    const event = events.find((one): one is Told => one.type === 'preferences')!;
    expect(event.step).toBe(80);
    expect(event.learned).toBeGreaterThan(0);
    expect(summary!.served!.ok).toBe(true);
    expect(summary!.earlier).toMatchObject({ run });
    const { stdout } = await place.run('show', second);
    expect(stdout).toMatch(new RegExp(`continues +${run}: .*new or changed`));
    expect(stdout).toContain(event.why);
  } finally {
    await place.dispose();
  }
});

/** Needs dist/ (npm test builds it). */
describe('bad input: one sentence, a code, nothing begun', () => {
  let place: Workplace;
  beforeAll(async () => void (place = await Workplace.create()));
  afterAll(() => place?.dispose());
  const refused = async (...args: string[]) => {
    const { code, stderr } = await place.run(
      ...['train', resolve(FOLDER), '--base', base.path, '--seq', '96', '--steps', '8', ...args],
    );
    expect(code).toBe(1);
    expect(existsSync(place.path('data', 'runs'))).toBe(false);
    return stderr;
  };

  it('a file that is not there, and an empty one', async () => {
    expect(await refused('--preferences', join(home, 'none.jsonl'))).toMatch(
      /\[preferences-unreadable\] The preferences in .*none\.jsonl can't be read: there is no such file\./,
    );
    expect(await refused('--preferences', await written('empty', []))).toMatch(
      /\[preferences-unreadable\] There are no preferences in/,
    );
    // Of the folder itself nothing was kept.
    expect(await refused('--preferences')).toMatch(/\[preferences-unreadable\]/);
  });
  it('too few', async () => {
    const file = await written('few', (await records(taste)).slice(0, 20));
    expect(await refused('--preferences', file)).toMatch(
      /\[preferences-too-few\] 20 completions give 38 texts .*, but 200 are needed\. Use/,
    );
  });
  it('those of another base, naming both', async () => {
    const said = (id: string, preferences: Preference[]) =>
      preferences.map((one) => ({ ...one, base: { id, sha256: 'ab12' } }));
    const some = await records(taste);
    const file = await written('other', said('another-base', some));
    expect(await refused('--preferences', file)).toMatch(
      /\[preferences-mismatch\] The completions in .* were made by another-base, but this training starts from tiny\. Train on/,
    );
    // A known base's name may have stood for another file.
    const before = await written('before', said('tiny', some));
    expect(await refused('--preferences', before)).toMatch(
      /\[preferences-mismatch\] .* were made by another file named tiny, but/,
    );
    const mixed = await written('mixed', [...some.slice(0, 20), ...said('another-base', some.slice(20))]);
    expect(await refused('--preferences', mixed)).toMatch(
      /\[preferences-too-few\] 20 completions .*; completions by another-base do not count for tiny\./,
    );
  });
  it('a full fine-tuning', async () => {
    const file = await written('taste', await records(taste));
    expect(await refused('--preferences', file, '--method', 'full')).toMatch(
      /\[bad-argument\] Learning from preferences .* --method full/,
    );
  });
});
