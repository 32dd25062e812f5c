/** Errors of the command line: one sentence with a code, a non-zero exit, nothing lost. Needs dist/. */
import { createServer, type AddressInfo } from 'node:net';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { lockRun } from '../../src/runs/lock.ts';
import { Workplace, type CliResult } from '../support/cli.ts';
import { writeTinyModel } from '../support/tiny-model.ts';
import { ENDLESS, untilIdle, untilEvent } from '../support/trainer.ts';

let place: Workplace;
let code: string;
const base = () => place.path('tiny.gguf');
const small =
  '--strength 1 --seq 32 --eval-every 2 --humaneval 0 --retention 0 --held-out-windows 2 --backend wasm'.split(
    ' ',
  );
const train = (...args: string[]) => ['train', code, '--base', base(), ...small, ...args];

beforeAll(async () => {
  place = await Workplace.create();
  await writeTinyModel(base(), { seed: 1 });
  await writeTinyModel(place.path('short.gguf'), { context: 64 });
  await writeTinyModel(place.path('other.gguf'), { architecture: 'qwen9' });
  code = await place.code();
});
afterAll(() => place?.dispose());

/** The only line on stderr that is not progress: `[code] What happened. What to do.` */
function expectSentence({ code: exit, stderr }: CliResult, errorCode: string, words: RegExp): void {
  const lines = stderr.trimEnd().split('\n');
  const sentences = lines.filter((line) => line.startsWith('['));
  expect(sentences).toEqual([expect.stringMatching(new RegExp(`^\\[${errorCode}\\] \\S.*[.?!]$`))]);
  expect(sentences[0]).toMatch(words);
  expect(lines.at(-1)).toBe(sentences[0]);
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(exit).toBe(1);
}

describe('before it creates a run, the command line refuses', () => {
  type Case = [what: string, args: () => string[], errorCode: string, words: RegExp];
  const cases: Case[] = [
    ['an unknown command', () => ['trian'], 'bad-argument', /Did you mean train\?/],
    ['a missing folder', () => ['train'], 'bad-argument', /neither a folder nor a data set/],
    ['an unknown option', () => train('--foo'), 'bad-argument', /'--foo'/],
    ['a file in place of a folder', () => ['train', base()], 'corpus-unreadable', /is not a folder/],
    ['rank 0', () => train('--rank', '0'), 'bad-argument', /--rank.*at least 1/],
    ['dropout 2', () => train('--dropout', '2'), 'bad-argument', /--dropout.*from 0 to 0.9/],
    ['unknown targets', () => train('--targets', 'q,foo'), 'bad-argument', /no linear "foo"/],
    [
      'a pattern that matches nothing',
      () => train('--targets', 'blk.9.*'),
      'bad-argument',
      /blocks are 0 to 1/,
    ],
    ['a rank above that of the matrix', () => train('--rank', '65'), 'bad-argument', /rank 65.*64/],
    ['a budget of no steps', () => train('--steps', '0'), 'bad-argument', /--steps.*at least 1/],
    ['a budget of no epochs', () => train('--epochs', '0'), 'bad-argument', /--epochs.*above 0/],
    ['a budget of no tokens', () => train('--tokens', '0'), 'bad-argument', /--tokens.*at least 1/],
    ['a budget of no time', () => train('--minutes', '0'), 'bad-argument', /--minutes.*above 0/],
    ['a cosine schedule with a cool-down', () => train('--cooldown', '0.2'), 'bad-argument', /cosine/],
    [
      'warm-up and cool-down longer than the run',
      () => train('--schedule', 'constant', '--warmup', '0.6', '--cooldown', '0.6'),
      'bad-argument',
      /0.6.*0.6.*whole run/,
    ],
    ['two budgets', () => train('--steps', '5', '--minutes', '3'), 'bad-argument', /--steps and --minutes/],
    [
      'more HumanEval problems than exist',
      () => train('--humaneval', '500'),
      'bad-argument',
      /from 0 to 164/,
    ],
    [
      'a sequence longer than the context',
      () => train('--base', 'short.gguf', '--seq', '128'),
      'bad-argument',
      /128 .* 64 tokens/,
    ],
    [
      'an architecture that cannot be trained',
      () => train('--base', 'other.gguf'),
      'base-unsupported-architecture',
      /"qwen9"/,
    ],
    [
      'an architecture unknown to llama.cpp',
      () => ['serve', '--base', place.path('other.gguf')],
      'base-unsupported-architecture',
      /qwen9/,
    ],
    ['a run that does not exist', () => ['show', 'nothing'], 'run-not-found', /"nothing"/],
    ['an invalid position', () => ['complete', 'a.js', '--base', base()], 'bad-argument', /LINE:COLUMN/],
  ];
  it.each(cases)('%s', async (_, args, errorCode, words) => {
    const result = await place.run(...args(), '--json');
    expectSentence(result, errorCode, words);
    expect(JSON.parse(result.stdout)).toMatchObject({ error: { code: errorCode } });
    expect(await readdir(place.path('data', 'runs')).catch(() => [])).toEqual([]);
  });

  it('a port in use', async () => {
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const port = String((server.address() as AddressInfo).port);
    const result = await place.run('serve', '--base', base(), '--port', port);
    server.close();
    expectSentence(result, 'port-taken', new RegExp(port));
  });

  it('a data directory that cannot be created', async () => {
    await writeFile(place.path('file'), '');
    place.home = place.path('file');
    try {
      expectSentence(await place.run(...train()), 'not-writable', /FORGET_ME_NOT_HOME/);
      expectSentence(await place.run('runs'), 'not-writable', /FORGET_ME_NOT_HOME/);
    } finally {
      place.home = place.path('data');
    }
  });
});

describe('on a Linux without glibc', () => {
  it.runIf(process.platform === 'linux').each([
    ['training', () => train('--steps', '1')],
    ['serving', () => ['serve', '--base', base()]],
    ['reading tokens', () => ['corpus', code, '--base', base()]],
    ['fetching a model', () => ['models', 'fetch', 'smollm2-135m', '--yes']],
    ['installing TensorFlow', () => ['runtime', 'install', '--yes']],
  ])('%s says what is needed before it downloads anything', async (_, args) => {
    // Alpine's Node reports nothing.
    await writeFile(place.path('musl.cjs'), 'process.report.getReport = () => ({ header: {} });\n');
    vi.stubEnv('NODE_OPTIONS', `--require ${place.path('musl.cjs')}`);
    expectSentence(await place.run(...args()), 'backend-unavailable', /needs glibc.*Alpine.*Debian 12/);
    vi.unstubAllEnvs();
  });
});

it('trains on and completes in a file of two lines whose name has spaces and non-ASCII letters', async () => {
  const folder = place.path('prö jekt 日本');
  await mkdir(folder);
  await writeFile(join(folder, 'ä b.py'), 'x = 1\n');
  expectSentence(
    await place.run('train', folder, '--base', base(), ...small),
    'corpus-empty',
    /ä b\.py.*hold/,
  );
  await writeFile(join(folder, 'ä b.py'), 'x = 1\ny = 2\n');
  const { run, summary } = await place.json<{ run: string; summary: { served: { ok: boolean } } }>(
    ...['train', folder, '--base', base(), ...small, '--steps', '2'],
  );
  expect(summary.served.ok).toBe(true);
  expect(await place.json('complete', `${join(folder, 'ä b.py')}:2:1`, '--run', run)).toMatchObject({
    model: run,
  });
});

describe('a run that diverges', () => {
  const args = () => [...train('--optimizer', 'adamw', '--clip', '0', '--warmup', '0', '--steps', '20')];
  const newest = async () => (await place.json<{ runs: { dir: string; id: string }[] }>('runs')).runs[0]!;

  it('to NaN keeps the checkpoint before it, and resume says what helps', async () => {
    expectSentence(
      await place.run(...args(), '--lr', '1e30', '--eval-every', '1'),
      'diverged',
      /at step 1: .*; no checkpoint had been written yet/,
    );
    const { dir, id } = await newest();
    expect(await readdir(join(dir, 'checkpoints'))).toEqual(['step-000000']);
    expect(await readFile(join(dir, 'events.jsonl'), 'utf8')).not.toContain('null');
    expectSentence(await place.run('resume', id), 'diverged', /--lr 3e\+29/);
    expect((await place.run('show', id)).stdout).not.toContain('forget-me-not resume');
  });

  it('into huge weights is reported when no gradient is left', async () => {
    expectSentence(await place.run(...args(), '--lr', '1e9'), 'diverged', /the gradient has vanished/);
  });
});

it('resume says why a trainer cannot take the run or use its base', async () => {
  const mine = place.path('mine.gguf');
  await copyFile(base(), mine);
  const { run, dir } = await place.json<{ run: string; dir: string }>(
    ...train('--base', mine, '--steps', String(ENDLESS), '--detach'),
  );
  await untilEvent(dir, ({ type }) => type === 'step');
  await place.json('cancel', run);
  await untilIdle(place.home);
  const before = await readFile(join(dir, 'events.jsonl'), 'utf8');
  const lock = await lockRun(dir);
  try {
    expectSentence(await place.run('resume', run), 'run-locked', new RegExp(String(process.pid)));
  } finally {
    await lock.release();
  }
  expect(await readFile(join(dir, 'events.jsonl'), 'utf8')).toBe(before);
  expect((await place.run('cancel', run)).stdout).toMatch(/has already ended/);

  // Without a checksum, another file in place of the base would go unnoticed.
  await writeTinyModel(mine, { seed: 2 });
  expectSentence(await place.run('resume', run), 'base-checksum', /mine\.gguf is not the file/);
});
