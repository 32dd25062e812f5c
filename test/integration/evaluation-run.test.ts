/** Evaluates a run of a generated model: its metrics against llama.cpp's own probabilities. */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTokenizer } from '../../src/llama-cpp/tokenizer.ts';
import { buildCorpus, openCorpus, type Sequence } from '../../src/corpus/index.ts';
import { readEvaluated } from '../../src/evaluation/metrics/between-runs.ts';
import { calibrate, type Outcome } from '../../src/completion/index.ts';
import { evaluateRun } from '../../src/evaluation/evaluate-run.ts';
import type { EvaluateOptions } from '../../src/evaluation/measure.ts';
import { checkRun } from '../../src/evaluation/served-check.ts';
import { reportStrength, setStrength } from '../../src/evaluation/strength/set.ts';
import { compareDistributions, requireVerified } from '../../src/runs/verify.ts';
import { summarySchema, type Summary } from '../../src/protocol/evaluation.ts';
import { evaluatorMessageSchema, type EvaluatorMessage } from '../../src/protocol/evaluator.ts';
import { hyperSchema } from '../../src/protocol/run.ts';
import { createRun } from '../../src/runs/index.ts';
import { openLlamaHost, type LlamaHost } from '../../src/serving/host/llama-host.ts';
import { servedRun } from '../../src/serving/client/run-model.ts';
import { runGit } from '../support/git.ts';
import { writeTinyAdapter, writeTinyModel } from '../support/tiny-model.ts';

const WINDOW = 48;
const git = (...args: string[]) => runGit(join(root, 'code'), args);
function commit(): void {
  git('add', '-A');
  git('commit', '-q', '-m', 'code');
}
let root: string;
let base: string;
let changed: string;
let unchanged: string;
let host: LlamaHost;
let problems: string;

async function newRun(
  result?: string,
  method: 'lora' | 'full' = 'lora',
  strength: number | 'measured' = 1,
): Promise<string> {
  const { dir } = await createRun({
    name: 'test',
    folder: join(root, 'code'),
    base: { id: 'tiny', path: base, sha256: 'ab'.repeat(32) },
    hyper: hyperSchema.parse({ method, learningRate: 1e-3, steps: 7, sequenceLength: WINDOW }),
    backend: 'wasm',
    evaluation: { heldOutWindows: 3, humanevalProblems: 2, retentionTexts: 2, strength, strengthLimit: 100 },
    versions: {},
  });
  const state = JSON.parse(await readFile(join(dir, 'state.json'), 'utf8')) as object;
  await writeFile(join(dir, 'state.json'), JSON.stringify({ ...state, status: 'done', step: 7 }));
  await cp(join(root, 'corpus'), join(dir, 'corpus'), { recursive: true });
  if (result) await cp(result, join(dir, method === 'lora' ? 'adapter.gguf' : 'model.gguf'));
  return dir;
}

async function evaluate(dir: string, options: EvaluateOptions = {}) {
  const messages: EvaluatorMessage[] = [];
  const summary = await evaluateRun(dir, {
    data: { humaneval: problems },
    onEvent: (message) => messages.push(evaluatorMessageSchema.parse(message)),
    ...options,
  });
  return { summary, messages };
}
/** llama.cpp's loss of the learned tokens in nats, each document on its own. */
async function natsOf({ tokens, learned, starts }: Sequence, of: LlamaHost, model: string): Promise<number> {
  let nats = 0;
  for (const start of new Set(starts)) {
    const end = starts.findIndex((other) => other > start);
    const document = tokens.subarray(start, end < 0 ? tokens.length : end);
    const rows = await of.distributions(model, document);
    for (let i = 1; i < document.length; i += 1)
      if (learned[start + i - 1]) nats -= Math.log(rows[i - 1]![document[i]!]!);
  }
  return nats;
}
const find = (summary: Summary, task: string, metric: string) =>
  summary.comparisons.find((one) => one.task === task && one.metric === metric)!;
const rowsOf = async (dir: string, name: string) =>
  (await readFile(join(dir, 'evaluation', name), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'fmn-evaluation-'));
  process.env['FORGET_ME_NOT_HOME'] = join(root, 'data');
  base = join(root, 'tiny.gguf');
  changed = join(root, 'changed.gguf');
  unchanged = join(root, 'unchanged.gguf');
  await writeTinyModel(base, { seed: 5 });
  await writeTinyAdapter(changed, base, { seed: 2, scale: 0.1 });
  await writeTinyAdapter(unchanged, base, { scale: 0 });
  await mkdir(join(root, 'code'));
  await cp(resolve('node_modules/commander/lib'), join(root, 'code'), { recursive: true });
  git('init', '-q');
  commit();
  const tokenizer = await openTokenizer(base);
  await buildCorpus({
    folder: join(root, 'code'),
    out: join(root, 'corpus'),
    tokenizer,
    seed: 0,
    heldOutShare: 0.2,
  });
  await tokenizer.dispose();
  problems = join(root, 'problems.jsonl');
  const problem = (id: number) =>
    `${JSON.stringify({ task_id: `T/${id}`, prompt: `def f${id}():\n    """Doc."""\n`, entry_point: `f${id}`, canonical_solution: '    pass\n', test: 'def check(f):\n    assert f() == 1' })}\n`;
  await writeFile(problems, [0, 1, 2, 3].map(problem).join(''));
  host = await openLlamaHost({
    basePath: base,
    adapters: [{ name: 'changed', path: changed }],
    contextSize: 512,
  });
});
afterAll(async () => {
  await host?.dispose();
  delete process.env['FORGET_ME_NOT_HOME'];
  await rm(root, { recursive: true, force: true, maxRetries: 5 });
});

describe('a run with an adapter', () => {
  let dir: string;
  let summary: Summary;
  let messages: EvaluatorMessage[];
  beforeAll(async () => {
    dir = await newRun(changed);
    ({ summary, messages } = await evaluate(dir));
  });

  it('has the losses of llama.cpp, before and after', async () => {
    const corpus = await openCorpus(join(dir, 'corpus'));
    const loss = find(summary, 'workspace', 'loss');
    for (const [model, metric] of [
      ['base', loss.before],
      ['changed', loss.after],
    ] as const) {
      let nats = 0;
      let tokens = 0;
      for (const sequence of corpus.heldOutSequences(WINDOW, 3)) {
        nats += await natsOf(sequence, host, model);
        tokens += sequence.learned.filter((flag) => flag === 1).length;
      }
      expect(metric.value).toBeCloseTo(nats / tokens, 3);
      expect(metric.n).toBe(3);
    }
  });

  it('has bits per byte from these nats and the bytes of the text', async () => {
    const rows = (await rowsOf(dir, 'workspace.7.jsonl')).filter(({ bytes }) => bytes !== undefined);
    expect(rows).toHaveLength(3);
    const total = (pick: (row: Record<string, unknown>) => number) =>
      rows.reduce((sum, row) => sum + pick(row), 0);
    const nats = total((row) => (row['before'] as { nats: number }).nats);
    const bits = find(summary, 'workspace', 'bits per byte');
    expect(bits.before.value).toBeCloseTo(nats / Math.LN2 / total((row) => row['bytes'] as number), 9);
  });

  it("has the KL of llama.cpp's distributions on the texts that it sampled", async () => {
    const rows = await rowsOf(dir, 'retention.7.jsonl');
    let sum = 0;
    let tokens = 0;
    for (const { text } of rows) {
      const encoded = await host.encode(text as string);
      const { meanKl } = compareDistributions(
        await host.distributions('base', encoded),
        await host.distributions('changed', encoded),
      );
      sum += meanKl * encoded.length;
      tokens += encoded.length;
    }
    const kl = find(summary, 'retention', 'KL from base');
    expect(kl.after.value).toBeGreaterThan(0.001);
    expect(kl.after.value / (sum / tokens)).toBeCloseTo(1, 2);
    expect(kl.before.value).toBe(0);
  });

  it('is served as trained, far below the limit for F32 weights', async () => {
    expect(summary.served).toMatchObject({ ok: true, tokens: 96 });
    expect(summary.served!.meanKl).toBeLessThan(1e-5);
    await expect(requireVerified(dir, () => Promise.reject(new Error('it was')))).resolves.toBeUndefined();
  });

  it('lists the held-out lines that only one of the two suggests exactly', async () => {
    const chosen = await newRun(changed, 'lora', 'measured');
    const { summary: measured } = await evaluate(chosen, { tasks: ['humaneval'], limit: 1 });
    const { documents } = await openCorpus(join(chosen, 'corpus'));
    const { shown, tried, both, gained, lost } = measured.places!;
    expect(shown).toHaveLength(gained + lost);
    for (const { file, line, prefix, actual, before, after } of shown) {
      const splits = documents.filter((document) => document.path === file).map(({ split }) => split);
      expect(splits).toContain('held-out');
      const written = (await readFile(join(root, 'code', file), 'utf8')).split('\n')[line - 1]!;
      expect(written.trimEnd()).toBe(prefix + actual);
      expect([before, after].filter((suggested) => suggested === actual)).toHaveLength(1);
    }
    const lines = find(measured, 'cursors', 'exact lines');
    expect([lines.before.n, lines.before.value * tried, lines.after.value * tried]).toEqual([
      ...[tried, expect.closeTo(both + lost), expect.closeTo(both + gained)],
    ]);
    expect(find(measured, 'retention', 'KL from base').before.value).toBe(0);
  });

  it('sends its parent every metric of base and result', () => {
    const results = messages.filter((message) => message.type === 'result');
    expect(results.filter(({ step }) => step === 0)).toHaveLength(summary.comparisons.length);
    expect(results.filter(({ step }) => step === 7).map(({ result }) => result.task)).toEqual(
      expect.arrayContaining(['workspace', 'humaneval', 'retention']),
    );
    expect(messages.at(-1)).toEqual({ type: 'summary', summary });
  });

  it('writes the same summary to disk, with every item', async () => {
    expect(
      summarySchema.parse(JSON.parse(await readFile(join(dir, 'evaluation', 'summary.json'), 'utf8'))),
    ).toEqual(summary);
    const rows = await rowsOf(dir, 'humaneval.7.jsonl');
    expect(rows.map(({ item }) => item)).toEqual(['T/1', 'T/3']);
    expect(rows[0]!['before']).toMatchObject([
      { completion: expect.stringMatching(/^ {3}/) as string, outcome: expect.any(String) as string },
    ]);
  });

  it('calibrates from held-out cursors how often its suggestions can be used', async () => {
    const rows = await rowsOf(dir, 'workspace.7.jsonl');
    const outcomes = rows.flatMap(({ after }) => (after as { outcome?: Outcome }).outcome ?? []);
    expect(outcomes.length).toBeGreaterThan(0);
    expect(outcomes.every(({ logprob }) => logprob <= 0)).toBe(true);
    expect(summary.calibration).toEqual({ ...calibrate(outcomes), count: outcomes.length });
  });

  it('keeps the metrics of other tasks when one is measured again', async () => {
    const again = await evaluate(dir, { tasks: ['workspace'], limit: 2 });
    expect(find(again.summary, 'workspace', 'loss').before.n).toBe(2);
    expect(find(again.summary, 'retention', 'KL from base')).toEqual(
      find(summary, 'retention', 'KL from base'),
    );
  });
});

it('loses only the current task when stopped, and resumes with it', async () => {
  const dir = await newRun(changed);
  const stop = new AbortController();
  const onDisk = async () =>
    summarySchema.parse(JSON.parse(await readFile(join(dir, 'evaluation', 'summary.json'), 'utf8')));
  const seen: Promise<Summary>[] = [];
  const stopped = evaluate(dir, {
    signal: stop.signal,
    onEvent(message) {
      if (message.type === 'progress' && message.phase === 'HumanEval' && message.done === 0)
        seen.push(onDisk());
      if (message.type === 'progress' && message.phase === "Forgetting on the base's own text") stop.abort();
    },
  });
  await expect(stopped).rejects.toMatchObject({ code: 'cancelled' });
  expect(await seen[0]).toMatchObject({
    served: { ok: true },
    comparisons: [],
    pending: ['humaneval', 'workspace', 'retention'],
  });
  const left = await onDisk();
  expect(left).toMatchObject({ served: { ok: true }, pending: ['retention'] });
  expect(left.sentence).toMatch(
    /^Completes \d+ of \d+ held-out lines exactly .* Not measured yet: Forgetting on the base's own text\.$/,
  );
  const { summary, messages } = await evaluate(dir);
  expect(summary).not.toHaveProperty('pending');
  expect(find(summary, 'workspace', 'loss')).toEqual(find(left, 'workspace', 'loss'));
  expect(find(summary, 'workspace', 'latency')).toEqual(find(left, 'workspace', 'latency'));
  expect(find(summary, 'retention', 'KL from base')).toBeDefined();
  expect(messages.at(-1)).toEqual({ type: 'summary', summary });
});

it('can be checked without being measured, and is served then', async () => {
  const dir = await newRun(changed);
  const messages: EvaluatorMessage[] = [];
  const check = async () => {
    await checkRun(dir, { onEvent: (message) => messages.push(message) });
  };
  expect(await servedRun(dir, check)).toMatchObject({ basePath: base, models: [] });
  expect(messages.at(-1)).toMatchObject({
    type: 'summary',
    summary: { served: { ok: true }, comparisons: [], pending: ['humaneval', 'workspace', 'retention'] },
  });
  // Once is enough.
  await servedRun(dir, () => Promise.reject(new Error('it was checked')));
});

it('is measured again at a strength set by hand, and restored when that is undone', async () => {
  // The adapter's alpha is a quarter of that in the run's plan.
  const dir = await newRun(changed, 'lora', 0.25);
  expect(await reportStrength(dir)).toEqual({ strength: 0.25, chosen: 0.25 });
  const tasks = ['workspace', 'retention'];
  const { summary: whole } = await evaluate(dir, { tasks });
  await setStrength(dir, 0.05);
  await expect(readEvaluated(dir)).rejects.toMatchObject({ code: 'run-not-finished' });
  const { summary: weak } = await evaluate(dir, { tasks });
  expect(weak).toMatchObject({ givenStrength: 0.05, served: { ok: true } });
  expect(weak.sentence).toMatch(/^Strength 0\.05 was set by hand\. Completes/);
  const [strong, little] = [whole, weak].map((one) => find(one, 'retention', 'KL from base').after.value);
  expect(little).toBeGreaterThan(0);
  expect(little).toBeLessThan(strong! / 4);

  await setStrength(dir, 'chosen');
  const seen: string[] = [];
  const { summary: again } = await evaluate(dir, {
    tasks,
    onEvent: (message) => message.type === 'warning' && seen.push(message.message),
  });
  expect(again).not.toHaveProperty('givenStrength');
  const metrics = (summary: Summary) => summary.comparisons.filter(({ metric }) => metric !== 'latency');
  expect(metrics(again)).toEqual(metrics(whole));
  expect(seen).toEqual([]);
});

it('measures a whole model as well', async () => {
  const whole = join(root, 'whole.gguf');
  await writeTinyModel(whole, { seed: 6 });
  const { summary } = await evaluate(await newRun(whole, 'full'), { tasks: ['workspace', 'retention'] });
  expect(summary.served!.meanKl).toBeLessThan(1e-5);
  const other = await openLlamaHost({ basePath: whole, contextSize: 512 });
  const corpus = await openCorpus(join(root, 'corpus'));
  let nats = 0;
  let tokens = 0;
  for (const sequence of corpus.heldOutSequences(WINDOW, 3)) {
    nats += await natsOf(sequence, other, 'base');
    tokens += sequence.learned.filter((flag) => flag === 1).length;
  }
  await other.dispose();
  expect(find(summary, 'workspace', 'loss').after.value).toBeCloseTo(nats / tokens, 3);
  expect(find(summary, 'retention', 'KL from base').after.value).toBeGreaterThan(0.01);
});

it('finds no change where the adapter changes nothing', async () => {
  const { summary } = await evaluate(await newRun(unchanged), { tasks: ['workspace', 'retention'] });
  for (const { metric, difference, significant } of summary.comparisons) {
    if (metric === 'latency') continue;
    // Shares may differ where nobody looked.
    const most = /exact match|similarity|saved/.test(metric) ? (expect.any(Number) as number) : 0;
    expect(difference).toEqual({ value: 0, low: most === 0 ? 0 : -difference.high, high: most });
    expect(significant).toBe(false);
  }
  expect(summary.sentence).toContain('Predicts held-out text no better than before, as far as was seen.');
});

it('finds a served model that differs from the trained one', async () => {
  const { heldOut } = await openCorpus(join(root, 'corpus'));
  const tokens = heldOut.read(0, 64);
  const verdict = compareDistributions(
    await host.distributions('changed', tokens),
    await host.distributions('base', tokens),
  );
  expect(verdict.ok).toBe(false);
});

it('refuses what cannot be evaluated before it loads anything', async () => {
  await expect(evaluate(await newRun())).rejects.toMatchObject({ code: 'run-not-finished' });
  await expect(evaluate(join(root, 'nowhere'))).rejects.toMatchObject({ code: 'run-not-found' });
  await expect(evaluate(await newRun(changed), { tasks: ['nope'] })).rejects.toMatchObject({
    code: 'bad-argument',
  });
  const stopped = AbortSignal.abort();
  await expect(evaluate(await newRun(changed), { signal: stopped })).rejects.toMatchObject({
    code: 'cancelled',
  });
});

describe('what was committed since the run', () => {
  it('is completed by the model before and the result, and counted commit by commit', async () => {
    const dir = await newRun(changed);
    const options = { tasks: ['commits'], limit: 8 };
    await expect(evaluate(dir, options)).rejects.toMatchObject({ code: 'no-commits' });
    const left = async () =>
      (JSON.parse(await readFile(join(dir, 'evaluation', 'summary.json'), 'utf8')) as Summary).pending;
    expect(await left()).toBeUndefined();
    for (const name of ['first', 'second', 'third', 'fourth']) {
      const lines = [1, 2].map((n) => `export const ${name}Number${n} = parse("${name}", ${n});\n`);
      await writeFile(join(root, 'code', `${name}.js`), `${'// A file.\n'.repeat(5)}${lines.join('')}`);
      commit();
    }
    const { summary } = await evaluate(dir, options);
    expect(find(summary, 'commits', 'line exact match').after.n).toBe(8);
    const rows = await rowsOf(dir, 'commits.7.jsonl');
    expect(rows.map(({ actual }) => actual)).toEqual(
      expect.arrayContaining([expect.stringMatching(/^(= )?parse\("first", \d\);$|"first", \d\);$/)]),
    );
    expect(summary.commits?.map(({ commits, cursors }) => [commits, cursors])).toEqual([[4, 8]]);
    const saved = find(summary, 'commits', 'characters saved');
    expect(summary.commits?.at(-1)).toMatchObject({ before: saved.before.value, after: saved.after.value });
    expect(summary.pending).toBeUndefined();
  });
});
