/** Several folders on the command line: their corpus, a run, and a run that continues it. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTokenizer } from '../../src/llama-cpp/tokenizer.ts';
import { openCorpus, type CorpusSummary, type KeptEntry } from '../../src/corpus/index.ts';
import { cursorContinuations } from '../../src/evaluation/cursors/continuations.ts';
import type { Changed } from '../../src/protocol/changed.ts';
import { runSpecSchema } from '../../src/protocol/run.ts';
import { sweepSpecSchema } from '../../src/protocol/sweep.ts';
import { Workplace } from '../support/cli.ts';
import { runGit } from '../support/git.ts';
import { writeTinyModel } from '../support/tiny-model.ts';

let place: Workplace;
let base = '';
/** A folder of real code, and another one of the same name. */
let api = '';
let other = '';

beforeAll(async () => {
  place = await Workplace.create();
  base = place.path('base.gguf');
  await writeTinyModel(base);
  await mkdir(place.path('new'));
  await mkdir(place.path('old'));
  api = await place.code(join('new', 'api'));
  other = place.path('old', 'api');
  await mkdir(join(other, 'src'), { recursive: true });
  for (let n = 0; n < 40; n += 1) await writeFile(join(other, 'src', `part${n}.py`), python(n));
  await writeFile(
    join(other, 'key.py'),
    `key = "${'ghp_'}${'a1B2c3D4e5F6g7H8i9J0'.repeat(2).slice(0, 36)}"\n`,
  );
});
afterAll(() => place.dispose());

const python = (n: number) =>
  Array.from(
    { length: 6 },
    (_, line) => `def value_${n}_${line}(first):\n    return first * ${n * 31 + line} + ${line}\n\n\n`,
  ).join('');

type Read = CorpusSummary & { files: KeptEntry[] };

describe('forget-me-not corpus', () => {
  it('reads all given folders', async () => {
    const { files, folders, leftOut } = await place.json<Read>('corpus', api, other);
    expect(folders).toEqual([
      { path: api, name: 'api (new)' },
      { path: other, name: 'api (old)' },
    ]);
    const kept = files.filter((entry) => entry.in);
    expect(new Set(kept.map(({ path }) => path.split('/')[0]))).toEqual(new Set(['api (new)', 'api (old)']));
    expect(kept.map(({ path }) => path)).toContain('api (old)/src/part3.py');
    expect(leftOut).toMatchObject({ secret: 1 });
    const { stdout } = await place.run('corpus', api, other);
    expect(stdout.split('\n').slice(0, 2)).toEqual([api, other]);
    expect(stdout).toContain('api (old)/key.py:1 (');
  });

  it('reads a folder that is given twice once', async () => {
    const once = await place.json<Read>('corpus', other);
    expect(once).not.toHaveProperty('folders');
    expect(await place.json('corpus', other, join(other, '..', 'api'))).toEqual(once);
  });

  it('reads a folder inside another once', async () => {
    const { files } = await place.json<Read>('corpus', other, join(other, 'src'));
    const kept = files.filter((entry) => entry.in).map(({ path }) => path);
    expect(kept.filter((path) => path.startsWith('src/'))).toHaveLength(40);
    expect(kept.some((path) => path.startsWith('api/'))).toBe(false);
  });

  it('names a missing and an empty folder', async () => {
    const missing = await place.run('corpus', other, place.path('gone'));
    expect(missing.code).not.toBe(0);
    expect(missing.stderr).toContain(`[corpus-unreadable] ${place.path('gone')} is not a folder`);
    expect(missing.stderr.trim().split('\n')).toHaveLength(1);
    await mkdir(place.path('empty'));
    const { code, stdout } = await place.run('corpus', other, place.path('empty'));
    expect(code).toBe(0);
    expect(stdout).toContain(
      `There is nothing to learn from in ${place.path('empty')}: it contains no files.`,
    );
  });

  it('takes instruction pairs from all folders', async () => {
    for (const [folder, name] of [
      [api, 'first'],
      [other, 'second'],
    ] as const) {
      // A commit most of whose lines are learned as functions would be left out.
      const limits = [1, 2, 3, 4, 5].map((n) => `${name}_limit_${n} = ${name}_limits.pop(${n})\n`).join('');
      await writeFile(
        join(folder, `${name}.py`),
        `def ${name}(value):\n    """Doubles the ${name} value that it is given."""\n    return value * 2\n\n\n${limits}`,
      );
      const git = (...args: string[]) => runGit(folder, args);
      git('init', '-q');
      git('add', `${name}.py`);
      git('commit', '-qm', `Add the ${name} function of all`);
    }
    const { files } = await place.json<Read>('corpus', api, other, '--mode', 'instruct');
    const paths = files.filter((entry) => entry.in).map(({ path }) => path);
    expect(paths).toContain('api (old)/second.py:1');
    expect(paths).toContainEqual(expect.stringMatching(/^api \(new\)\/commit [\da-f]{12}$/));
    for (const [folder, name] of [
      [api, 'first'],
      [other, 'second'],
    ] as const) {
      await rm(join(folder, '.git'), { recursive: true });
      await rm(join(folder, `${name}.py`));
    }
  });
});

const quick = ['--backend', 'wasm', '--seq', '64', '--lr', '1e-3', '--held-out-windows', '2'];
const noMeasuring = ['--humaneval', '0', '--retention', '0', '--eval-tasks', 'none'];

describe('a run of several folders', () => {
  let run = '';
  const dir = (...parts: string[]) => place.path('data', 'runs', run, ...parts);
  const specOf = async () => runSpecSchema.parse(JSON.parse(await readFile(dir('run.json'), 'utf8')));

  it('records its folders in a format that older versions refuse', async () => {
    const done = await place.json<{ run: string }>(
      ...['train', api, other, '--base', base, '--steps', '2', '--strength', '1', ...quick, ...noMeasuring],
    );
    run = done.run;
    const spec = await specOf();
    expect(spec).toMatchObject({
      ...{ format: 2, folder: api, name: 'api (new) + api (old)' },
      folders: [
        { path: api, name: 'api (new)' },
        { path: other, name: 'api (old)' },
      ],
    });
    expect((await place.run('show', run)).stdout).toMatch(new RegExp(`folders +${api}, ${other}\n`));
    const listed = await place.json<{ runs: object[] }>('runs');
    expect(listed.runs).toMatchObject([{ folder: api, folders: [{ path: api }, { path: other }] }]);
  });

  it('is laid out as in completion: each folder a repository, with paths relative to it', async () => {
    const spec = await specOf();
    const corpus = await openCorpus(dir('corpus'));
    const tokenizer = await openTokenizer(base);
    try {
      const trained = tokenizer.decode(corpus.train.read(0, corpus.train.length), { special: true });
      expect(trained).toContain('<|repo_name|>api\n<|file_sep|>');
      expect(trained).toMatch(/<\|file_sep\|>src\/part\d+\.py\n/);
      expect(trained).not.toContain('api (old)');
      const cursors = await cursorContinuations(corpus, tokenizer, spec, 24);
      const ofOther = cursors.filter(({ path }) => path.startsWith('api (old)/src/'));
      expect(ofOther.length).toBeGreaterThan(0);
      for (const { tokens, path } of ofOther) {
        const asked = tokenizer.decode(Int32Array.from(tokens), { special: true });
        expect(asked).toMatch(/^<\|repo_name\|>api\n<\|file_sep\|>src\/part\d+\.py\n/);
        expect(asked).toContain(`<|file_sep|>${path.replace('api (old)/', '')}\n`);
        expect(asked).not.toContain('api (old)');
      }
    } finally {
      await tokenizer.dispose();
    }
  });

  it('rebuilds the same corpus if it is gone', async () => {
    const before = await readFile(dir('corpus', 'manifest.jsonl'), 'utf8');
    const { digest } = (await openCorpus(dir('corpus'))).summary;
    await rm(dir('corpus'), { recursive: true });
    await rm(dir('adapter.gguf'));
    expect((await place.run('resume', run)).code).toBe(0);
    expect((await openCorpus(dir('corpus'))).summary.digest).toBe(digest);
    expect(await readFile(dir('corpus', 'manifest.jsonl'), 'utf8')).toBe(before);
  });

  it('finds what has changed in any folder, and is continued with that', async () => {
    expect(await place.json<Changed>('changed', run)).toMatchObject({ files: 0, enough: false });
    const documents = (await openCorpus(dir('corpus'))).documents;
    const sides = new Map(documents.map(({ path, split }) => [path, split]));
    const [changed] = documents.filter(
      ({ path, split }) => split === 'train' && path.startsWith('api (old)/src'),
    );
    await writeFile(join(other, changed!.path.replace('api (old)/', '')), python(77));
    await writeFile(join(other, 'src', 'added.py'), python(78));
    expect(await place.json<Changed>('changed', run)).toMatchObject({ files: 2, enough: false });
    const { run: next } = await place.json<{ run: string }>(
      ...[
        'train',
        '--continue',
        run,
        '--steps',
        '2',
        ...quick.slice(0, 2),
        ...quick.slice(4),
        ...noMeasuring,
      ],
    );
    const later = await openCorpus(place.path('data', 'runs', next, 'corpus'));
    const { folders } = runSpecSchema.parse(
      JSON.parse(await readFile(place.path('data', 'runs', next, 'run.json'), 'utf8')),
    );
    expect(folders).toEqual((await specOf()).folders);
    for (const { path, split } of later.documents)
      if (sides.has(path)) expect([path, split]).toEqual([path, sides.get(path)]);
    expect(later.summary.changed).toMatchObject({ files: 2 });
  });

  it('can be continued with one of its folders, whose files keep their split', async () => {
    const sides = new Map(
      (await openCorpus(dir('corpus'))).documents.map(({ path, split }) => [path, split]),
    );
    const { run: next } = await place.json<{ run: string }>(
      ...['train', other, '--continue', run, '--steps', '2', ...quick.slice(0, 2), ...noMeasuring],
    );
    const spec = JSON.parse(await readFile(place.path('data', 'runs', next, 'run.json'), 'utf8')) as object;
    expect(spec).toMatchObject({ format: 1, folder: other });
    expect(spec).not.toHaveProperty('folders');
    const { documents, summary } = await openCorpus(place.path('data', 'runs', next, 'corpus'));
    for (const { path, split } of documents)
      if (sides.has(`api (old)/${path}`))
        expect([path, split]).toEqual([path, sides.get(`api (old)/${path}`)]);
    expect(summary.changed).toMatchObject({ files: 2 });
  });
});

it('a sweep takes several folders', async () => {
  const { dir } = await place.json<{ dir: string }>(
    ...['sweep', api, other, '--base', base, '--method', 'lora', '--grid', '1e-3', '--steps', '1'],
    ...['--backend', 'wasm', '--seq', '64', '--held-out-windows', '1'],
  );
  const spec = sweepSpecSchema.parse(JSON.parse(await readFile(join(dir, 'sweep.json'), 'utf8')));
  expect(spec).toMatchObject({ format: 2, folders: [{ path: api }, { path: other }] });
  expect((await place.run('sweeps')).stdout).toContain(`${api}, ${other}`);
});
