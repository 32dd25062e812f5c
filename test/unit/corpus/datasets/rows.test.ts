import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chooseFiles } from '../../../../src/corpus/datasets/choose.ts';
import { parseDataSetReference } from '../../../../src/corpus/datasets/files.ts';
import { readRows, type NamedRow } from '../../../../src/corpus/datasets/rows.ts';

const fixture = (name: string) => join(import.meta.dirname, name);

let scratch: string;
beforeAll(async () => (scratch = await mkdtemp(join(tmpdir(), 'fmn-rows-'))));
afterAll(() => rm(scratch, { recursive: true, force: true }));

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(scratch, name);
  await writeFile(path, content);
  return path;
}

async function all(rows: AsyncIterable<NamedRow>): Promise<NamedRow[]> {
  const found: NamedRow[] = [];
  for await (const row of rows) found.push(row);
  return found;
}
const values = async (reference: string) =>
  (await all(readRows(reference))).map((row) => ('values' in row ? row.values : row.problem));

describe('JSON', () => {
  it('reports lines that are not UTF-8, and reads the others', async () => {
    const bad = Buffer.concat([
      Buffer.from('{"a":1}\n{"a":"'),
      Buffer.from([0xff, 0xc3]),
      Buffer.from('"}\n{"a":"é"}\n'),
    ]);
    expect(await values(await file('bad.jsonl', bad))).toEqual([{ a: 1 }, 'it is not UTF-8', { a: 'é' }]);
    expect(await values(await file('bad.jsonl.gz', gzipSync(bad)))).toHaveLength(3);
    const array = Buffer.concat([Buffer.from('[{"a":1},{"a":"'), Buffer.from([0xff]), Buffer.from('"}]')]);
    await expect(values(await file('bad.json', array))).rejects.toMatchObject({
      code: 'corpus-unreadable',
      message: expect.stringContaining('not UTF-8') as string,
    });
  });

  it('numbers lines as in the file, skips empty ones and reports broken ones', async () => {
    const path = await file('a.jsonl', '\uFEFF{"a":1}\r\n\n{"a":\n[1]\n{"a":"\u2028"}');
    expect(await all(readRows(path))).toEqual([
      { number: 1, name: 'row 1', columns: ['a'], values: { a: 1 } },
      { number: 3, name: 'row 3', problem: 'it is not JSON' },
      { number: 4, name: 'row 4', problem: 'it is not an object' },
      { number: 5, name: 'row 5', columns: ['a'], values: { a: '\u2028' } },
    ]);
  });

  it('reads lines across block borders, even in the middle of a character', async () => {
    const rows = Array.from({ length: 300 }, (_, n) => ({ n, text: 'ä€😀'.repeat(2000 + n) }));
    const path = await file('blocks.jsonl', rows.map((row) => JSON.stringify(row)).join('\n'));
    expect(await values(path)).toEqual(rows);
  });

  it('gzipped', async () => {
    const path = await file('b.jsonl.gz', gzipSync('{"a":1}\n{"a":2}\n'));
    expect(await values(path)).toEqual([{ a: 1 }, { a: 2 }]);
  });

  it('reads one large array, as MetaMathQA has', async () => {
    const rows = Array.from({ length: 1000 }, (_, n) => ({ n, text: '"],[{é'.repeat(300) }));
    const path = await file('c.json', `\n ${JSON.stringify([...rows, 7], null, 1)}\n`);
    expect(await values(path)).toEqual([...rows, 'it is not an object']);
  });

  it('an array that is cut off', async () => {
    const path = await file('d.json', '[{"a":1},{"a":2},{"a"');
    const seen: NamedRow[] = [];
    const reading = (async () => {
      for await (const row of readRows(path)) seen.push(row);
    })();
    await expect(reading).rejects.toMatchObject({
      code: 'corpus-unreadable',
      message: expect.stringContaining('after row 2'),
    });
    expect(seen).toHaveLength(2);
  });

  it('an empty file has no rows', async () => {
    expect(await values(await file('e.jsonl', ''))).toEqual([]);
    expect(await values(await file('e.json', '[]'))).toEqual([]);
  });
});

describe('Parquet as written by Arrow', () => {
  it('zstd, nulls, several row groups', async () => {
    const rows = await all(readRows(fixture('pairs.parquet')));
    expect(rows).toHaveLength(25);
    expect(rows[24]).toEqual({
      number: 25,
      name: 'row 25',
      columns: ['instruction', 'response', 'length'],
      values: {
        instruction: 'Question 25 – ünïcode',
        response: 'Answer 25\nAnswer 25\nAnswer 25\n',
        length: 25n,
      },
    });
    expect(rows[6]).toMatchObject({ values: { response: null } });
  });

  it('reads only the needed columns, and lists all', async () => {
    const [row] = await all(readRows(fixture('pairs.parquet'), { columns: ['response', 'query'] }));
    expect(row).toMatchObject({ columns: ['instruction', 'response', 'length'] });
    expect(row).toHaveProperty('values', { response: 'Answer 1\nAnswer 1\nAnswer 1\n' });
  });

  it('lists of structs', async () => {
    expect(await values(fixture('chats.parquet'))).toContainEqual({
      id: 'c2',
      messages: [
        { role: 'user', content: 'Q2' },
        { role: 'assistant', content: 'A2' },
      ],
    });
  });

  it('one row group larger than the read limit', async () => {
    const text = Array.from({ length: 50 }, (_, n) => `${n} `.padEnd(2_000_000, String(n)));
    const number = Array.from({ length: 50 }, (_, n) => n);
    const columnData = [
      { name: 'text', data: text, type: 'STRING' as const },
      { name: 'number', data: number, type: 'INT32' as const },
    ];
    const path = await file('large.parquet', new Uint8Array(parquetWriteBuffer({ columnData })));
    const rows = await all(readRows(path));
    expect(rows.map((row) => 'values' in row && row.values)).toEqual(
      number.map((n) => ({ text: text[n], number: n })),
    );
  });

  it('no rows; no Parquet; half a file', async () => {
    expect(await values(fixture('empty.parquet'))).toEqual([]);
    await expect(values(await file('x.parquet', 'no parquet at all'))).rejects.toMatchObject({
      code: 'corpus-unreadable',
      message: expect.stringContaining('x.parquet'),
    });
    const whole = await readFile(fixture('pairs.parquet'));
    await expect(values(await file('half.parquet', whole.subarray(0, 900)))).rejects.toMatchObject({
      code: 'corpus-unreadable',
    });
  });
});

describe('a folder', () => {
  it('reads its training files in order, and names rows by file', async () => {
    const folder = join(scratch, 'folder');
    await mkdir(join(folder, 'data'), { recursive: true });
    await writeFile(join(folder, 'data', 'train-00001.jsonl'), '{"a":3}\n');
    await writeFile(join(folder, 'data', 'train-00000.jsonl'), '{"a":1}\n{"a":2}\n');
    await writeFile(join(folder, 'data', 'test-00000.jsonl'), '{"a":4}\n');
    await writeFile(join(folder, 'README.md'), '# Data');
    const rows = await all(readRows(folder));
    expect(rows.map(({ name }) => name)).toEqual([
      'data/train-00000.jsonl row 1',
      'data/train-00000.jsonl row 2',
      'data/train-00001.jsonl row 1',
    ]);
  });

  it('rejects a folder without data files, and one that is not a data set', async () => {
    const folder = join(scratch, 'none');
    await mkdir(folder);
    await writeFile(join(folder, 'a.txt'), 'text');
    await expect(values(folder)).rejects.toMatchObject({ code: 'corpus-empty' });
    await expect(values(join(folder, 'a.txt'))).rejects.toMatchObject({ code: 'corpus-unreadable' });
    await expect(values('./nothing/here.jsonl')).rejects.toMatchObject({
      code: 'corpus-unreadable',
      message: expect.stringContaining('neither a file nor a folder'),
    });
  });
});

describe('choosing files', () => {
  const gsm8k = ['main/test-0.parquet', 'main/train-0.parquet', 'socratic/train-0.parquet'];
  it.each([
    ['a Parquet copy before JSON lines', ['train.jsonl', 'train.parquet'], undefined, ['train.parquet']],
    ['no splits: all', ['b.jsonl', 'a.jsonl'], undefined, ['a.jsonl', 'b.jsonl']],
    [
      'splits as folders',
      ['default/train/0.parquet', 'default/test/0.parquet'],
      undefined,
      ['default/train/0.parquet'],
    ],
    [
      'another split',
      ['data/train-0.parquet', 'data/validation-0.parquet'],
      'validation',
      ['data/validation-0.parquet'],
    ],
    ['another split that is a folder', ['train/0.parquet', 'test/0.parquet'], 'test', ['test/0.parquet']],
    [
      'a split by another of its names',
      ['data/train-0.parquet', 'data/validation-0.parquet'],
      'dev',
      ['data/validation-0.parquet'],
    ],
    [
      'a folder whose name contains that of a split',
      ['en-test/test-0.parquet', 'en-test/train-0.parquet'],
      'en-test',
      ['en-test/train-0.parquet'],
    ],
    [
      'a folder',
      ['go/train-0.parquet', 'python/train-1.parquet', 'python/train-0.parquet'],
      'python',
      ['python/train-0.parquet', 'python/train-1.parquet'],
    ],
    ['a folder with splits', gsm8k, 'main', ['main/train-0.parquet']],
    ['a file', gsm8k, 'main/test-0.parquet', ['main/test-0.parquet']],
    [
      '"constraint" is not "train"',
      ['constraints.jsonl', 'other.jsonl'],
      undefined,
      ['constraints.jsonl', 'other.jsonl'],
    ],
  ])('%s', (_, paths, wanted, expected) => expect(chooseFiles(paths, wanted)).toEqual(expected));

  it('lists the contents', () => {
    expect(() => chooseFiles(gsm8k, undefined)).toThrow('several sets');
    expect(() => chooseFiles(gsm8k, undefined)).toThrow(
      expect.objectContaining({ next: 'Name one of them: main, socratic.' }),
    );
    expect(() => chooseFiles(gsm8k, 'python')).toThrow(
      expect.objectContaining({ next: 'It has: main, test, train, socratic.' }),
    );
    expect(() => chooseFiles(['a/test.jsonl'], undefined)).toThrow('no training split');
    expect(() => chooseFiles(['train.jsonl', 'test.jsonl'], 'my-test')).toThrow('does not exist');
    expect(() => chooseFiles([], undefined)).toThrow('no .jsonl');
  });

  it.each([
    ['bigcode/starcoderdata:python', { repository: 'bigcode/starcoderdata', selector: 'python' }],
    ['meta-math/MetaMathQA', { repository: 'meta-math/MetaMathQA' }],
    ['folder/file.jsonl', undefined],
    ['./folder/name', undefined],
    ['name', undefined],
  ])('reference %s', (text, expected) => expect(parseDataSetReference(text)).toEqual(expected));
});
