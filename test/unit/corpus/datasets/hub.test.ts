import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readRows, type ReadRowsOptions } from '../../../../src/corpus/datasets/rows.ts';
import { HubServer } from '../../../support/hub-server.ts';

let home: string;
let hub: HubServer;
const lines = (...rows: object[]) => ({
  content: Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join('')),
});

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'fmn-hub-data-'));
  const pairs = { content: await readFile(join(import.meta.dirname, 'pairs.parquet')) };
  hub = await HubServer.start({
    'datasets/team/pairs': {
      'README.md': { content: Buffer.from('# Pairs') },
      'data/train-00000-of-00002.parquet': pairs,
      'data/train-00001-of-00002.parquet': pairs,
      'data/test-00000-of-00001.parquet': pairs,
    },
    'datasets/team/lines': {
      'train.jsonl': lines({ text: 'a'.repeat(50_000) }, { text: 'b' }),
      'test.jsonl': lines({ text: 'c' }),
    },
    'datasets/team/configs': {
      'go/train.jsonl': lines({ text: 'go' }),
      'c/train.jsonl': lines({ text: 'c' }),
    },
    'datasets/team/wrong': { 'train.jsonl': { ...lines({ text: 'x' }), sha256: '0'.repeat(64) } },
    'datasets/team/evil': { 'a\\..\\..\\evil.jsonl': lines({ text: 'x' }) },
    'team/model': { 'train.jsonl': lines({ text: 'x' }) },
  });
  vi.stubEnv('FORGET_ME_NOT_HOME', home);
  vi.stubEnv('HF_ENDPOINT', hub.url);
  vi.stubEnv('HF_TOKEN', '');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub.stop();
  await rm(home, { recursive: true, force: true });
});

const downloads = () => hub.requests.filter(({ host }) => host === 'storage');

async function read(reference: string, options: ReadRowsOptions & { stopAfter?: number } = {}) {
  const names: string[] = [];
  for await (const { name } of readRows(reference, options)) {
    names.push(name);
    if (names.length === options.stopAfter) break;
  }
  return names;
}

describe('a data set on the hub', () => {
  it('is fetched file by file, only as far as needed, after consent', async () => {
    const asked: unknown[] = [];
    const confirm = async (download: object) => asked.push(download) > 0;
    expect(await read('team/pairs', { confirm, stopAfter: 3 })).toEqual([
      'data/train-00000-of-00002.parquet row 1',
      'data/train-00000-of-00002.parquet row 2',
      'data/train-00000-of-00002.parquet row 3',
    ]);
    expect(downloads()).toHaveLength(1);
    expect(await read('team/pairs', { confirm })).toHaveLength(50);
    expect(downloads()).toHaveLength(2);
    expect(asked).toEqual([
      { what: 'team/pairs:data/train-00000-of-00002.parquet', bytes: expect.any(Number) },
      { what: 'team/pairs:data/train-00001-of-00002.parquet', bytes: expect.any(Number) },
    ]);
  });

  it('another split, a folder, a file', async () => {
    expect(await read('team/lines:test')).toEqual(['row 1']);
    expect(await read('team/configs:go')).toEqual(['row 1']);
    expect(await read('team/pairs:data/test-00000-of-00001.parquet')).toHaveLength(25);
  });

  it('resumes after a lost connection', async () => {
    hub.stallAfter.push(20_000);
    const onProgress: ReadRowsOptions['onProgress'] = ({ phase, done }) => {
      if (phase === 'downloading' && done === 20_000) hub.drop();
    };
    expect(await read('team/lines', { onProgress })).toEqual(['row 1', 'row 2']);
    expect(downloads().map(({ range }) => range)).toEqual([undefined, 'bytes=20000-']);
  });

  it('is found without a network once downloaded', async () => {
    await read('team/lines');
    await hub.stop();
    expect(await read('team/lines')).toEqual(['row 1', 'row 2']);
  });

  it.each([
    ['no such data set', 'team/nothing', { code: 'hub-not-found' }],
    ['a model of that name', 'team/model', { code: 'hub-not-found' }],
    ['no such split', 'team/lines:validation', { code: 'corpus-empty', next: 'It has: test, train.' }],
    ['several data sets', 'team/configs', { code: 'corpus-empty', next: 'Name one of them: c, go.' }],
    ['the wrong checksum', 'team/wrong', { code: 'corpus-unreadable' }],
    ['a server that leads outside the cache', 'team/evil', { code: 'hub-not-found' }],
  ])('%s is rejected, and nothing is left on disk', async (_, reference, error) => {
    await expect(read(reference)).rejects.toMatchObject(error);
    const left = await readdir(home, { recursive: true, withFileTypes: true });
    expect(left.filter((entry) => entry.isFile()).map(({ name }) => name)).toEqual([]);
  });

  it('consent refused', async () => {
    await expect(read('team/lines', { confirm: async () => false })).rejects.toMatchObject({
      code: 'cancelled',
    });
    expect(downloads()).toEqual([]);
  });
});
