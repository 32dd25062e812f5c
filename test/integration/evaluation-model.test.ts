/** Evaluates a generated model by itself. Needs dist/. */
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evaluateModel } from '../../src/evaluation/evaluate-model.ts';
import { logLikelihoods, type ScoredText } from '../../src/evaluation/scoring/likelihood.ts';
import { Resources } from '../../src/evaluation/resources.ts';
import type { Metric } from '../../src/protocol/evaluation.ts';
import { openLlamaHost } from '../../src/serving/host/llama-host.ts';
import { Workplace } from '../support/cli.ts';
import { writeTinyModel } from '../support/tiny-model.ts';

let place: Workplace;
let base: { id: string; path: string; sha256: string };
const data: Record<string, string> = {};

beforeAll(async () => {
  place = await Workplace.create();
  // Without this machine's cache, which may have these scores.
  place.home = place.path('fresh');
  process.env['FORGET_ME_NOT_HOME'] = place.home;
  base = { id: 'tiny', path: place.path('tiny.gguf'), sha256: 'cd'.repeat(32) };
  await writeTinyModel(base.path, { seed: 3 });
  const rows = (name: string, row: (n: number) => object) => {
    data[name] = place.path(`${name}.jsonl`);
    const lines = Array.from({ length: 6 }, (_, n) => JSON.stringify(row(n)));
    return writeFile(data[name], lines.join('\n'));
  };
  await rows('hellaswag', (n) => ({
    activity_label: `Walking ${n}`,
    ctx_a: 'A dog runs.',
    ctx_b: 'it',
    endings: [`barks ${n} times.`, 'sleeps.', 'sings a song of summer.', 'is a cat.'],
    label: n % 4,
  }));
  await rows('arc_challenge', (n) => ({
    question: `What is ${n}?`,
    choices: { text: ['A number', 'A colour', 'A dog'], label: ['A', 'B', 'C'] },
    answerKey: 'ABC'[n % 3],
  }));
  await rows('winogrande', (n) => ({
    sentence: `Dog ${n} chased the cat because _ was angry.`,
    option1: 'the dog',
    option2: 'the cat',
    answer: String(1 + (n % 2)),
  }));
});
afterAll(async () => {
  delete process.env['FORGET_ME_NOT_HOME'];
  await place?.dispose();
});

it('has the log-likelihoods of llama.cpp, each text by itself', async () => {
  const continued: ScoredText[] = [
    { context: 'The quick brown', continuation: ' fox jumps' },
    { context: 'The quick brown ', continuation: 'dog' },
    { context: 'x = [1, 2', continuation: ', 3]\n' },
  ];
  const resources = new Resources({ base, backend: 'wasm' });
  const found = await logLikelihoods(resources.base, continued).finally(() => resources.dispose());
  const host = await openLlamaHost({ basePath: base.path });
  for (const [index, { context, continuation }] of continued.entries()) {
    const tokens = await host.encode(context + continuation);
    const from = (await host.encode(context.trimEnd())).length;
    const rows = await host.distributions('base', tokens);
    let value = 0;
    for (let at = from; at < tokens.length; at += 1) value += Math.log(rows[at - 1]![tokens[at]!]!);
    expect(found[index]!.tokens).toBe(tokens.length - from);
    expect(found[index]!.value / value).toBeCloseTo(1, 3);
  }
  await host.dispose();
});

describe('a model by itself', () => {
  const names = ['hellaswag', 'arc_challenge', 'winogrande'];
  const cached = async () => {
    const folder = join(place.home, 'cache', 'evaluation', base.sha256.slice(0, 32));
    const files = (await readdir(folder)).sort();
    return Promise.all(files.map(async (file) => [file, await readFile(join(folder, file), 'utf8')]));
  };
  it('has each accuracy with its interval, their average, and the same from the cache', async () => {
    const first = await evaluateModel(base, { tasks: names, data });
    expect(first.map(({ task, metric, n }) => [task, metric, n])).toEqual([
      ['hellaswag', 'acc', 6],
      ['hellaswag', 'acc_norm', 6],
      ['arc_challenge', 'acc', 6],
      ['arc_challenge', 'acc_norm', 6],
      ['winogrande', 'acc', 6],
      ['forgetting', 'average', 18],
    ]);
    for (const { value, low, high } of first) {
      expect(low).toBeLessThanOrEqual(value);
      expect(high).toBeGreaterThanOrEqual(value);
      expect(high).toBeGreaterThan(low);
    }
    const written = await cached();
    expect(await evaluateModel(base, { tasks: names, data })).toEqual(first);
    expect(await cached()).toEqual(written);
  });
});

describe('the command line', () => {
  const evaluate = (...args: string[]) => [
    'evaluate',
    base.path,
    '--data',
    `winogrande=${data['winogrande']}`,
    ...args,
  ];
  it('prints the metrics of a model', async () => {
    const metrics = await place.json<Metric[]>(...evaluate('--tasks', 'winogrande', '--limit', '3'));
    expect(metrics).toMatchObject([
      {
        ...{ step: 0, task: 'winogrande', metric: 'acc', n: 3 },
        value: expect.any(Number) as number,
        low: expect.any(Number) as number,
        high: expect.any(Number) as number,
        setting: 'quick: 3 of 6 questions, log-likelihood, no examples',
      },
    ]);
    const { stdout } = await place.run(...evaluate('--tasks', 'winogrande', '--limit', '3'));
    expect(stdout).toMatch(/winogrande acc +\d\.\d{3} +\[\d\.\d{3}, \d\.\d{3}\] +n = 3/);
  });
  it.each([
    ['a task that does not exist', ['--tasks', 'gsm9k'], /\[bad-argument\].*"gsm9k".*hellaswag/],
    ['a task that needs a run', ['--tasks', 'workspace'], /\[bad-argument\].*held-out files of a run/],
    ['a context too short for the examples', ['--tasks', 'gsm8k'], /\[bad-argument\].*5 examples/],
    ['the columns of another task', ['--tasks', 'arc_challenge'], /\[corpus-unreadable\].*sentence, option1/],
  ])('refuses %s', async (_, args, words) => {
    const sums = place.path('sums.jsonl');
    await writeFile(sums, JSON.stringify({ question: 'What is 1 + 1?', answer: '#### 2' }));
    const more = ['--data', `gsm8k=${sums}`, '--data', `arc_challenge=${data['winogrande']}`];
    const { code, stderr } = await place.run(...evaluate(...args, ...more));
    expect(stderr).toMatch(words);
    expect(code).toBe(1);
  });
  it('says what a run or a model is if it finds neither', async () => {
    const { code, stderr } = await place.run('evaluate', 'nothing');
    expect(stderr).toMatch(/\[run-not-found\].*"nothing".*\.gguf/);
    expect(code).toBe(1);
  });
});
