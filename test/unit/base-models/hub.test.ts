import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseHubReference } from '../../../src/base-models/hub.ts';
import {
  findKnownBase,
  isHubReachable,
  isPresent,
  presentBases,
  resolveBase,
} from '../../../src/base-models/index.ts';
import type { FetchProgress } from '../../../src/packages/pypi.ts';
import { partialPath } from '../../../src/platform/network/download.ts';
import { HubServer } from '../../support/hub-server.ts';
import { writeTinyModel } from '../../support/tiny-model.ts';
import { until } from '../../support/until.ts';

let scratch: string;
let home: string;
let model: Buffer;
let hub: HubServer;
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'fmn-hub-'));
  await writeTinyModel(join(scratch, 'tiny.gguf'), { layers: 1 });
  model = await readFile(join(scratch, 'tiny.gguf'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

beforeEach(async () => {
  home = await mkdtemp(join(scratch, 'home-'));
  hub = await HubServer.start({
    'team/tiny': { 'README.md': { content: Buffer.from('# tiny') }, 'tiny é.gguf': { content: model } },
    'team/many': {
      'q8/a.gguf': { content: model },
      'b.gguf': { content: Buffer.alloc(3_000_000) },
      'big-00001-of-00002.gguf': { content: model },
    },
    'team/parts': {
      'big-00001-of-00002.gguf': { content: model },
      'big-00002-of-00002.gguf': { content: model },
    },
    'team/none': { 'model.safetensors': { content: model } },
    'team/wrong': { 'x.gguf': { content: model, sha256: '0'.repeat(64) } },
    'team/evil': { '../../../../evil.gguf': { content: model } },
    'QuantFactory/Llama-3.2-1B-GGUF': {
      'Llama-3.2-1B.Q8_0.gguf': { content: model },
      'Llama-3.2-1B.Q4_K_M.gguf': { content: Buffer.alloc(9) },
    },
    'ggml-org/Qwen2.5-Coder-7B-Q8_0-GGUF': { 'qwen2.5-coder-7b-q8_0.gguf': { content: model } },
    'team/text': { 'x.gguf': { content: Buffer.from('no model at all') } },
  });
  vi.stubEnv('FORGET_ME_NOT_HOME', home);
  vi.stubEnv('HF_ENDPOINT', `${hub.url}/`);
  vi.stubEnv('HF_TOKEN', '');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub.stop();
});

const downloads = () => hub.requests.filter(({ host }) => host === 'storage');
const onDisk = async () =>
  (await readdir(home, { recursive: true })).filter((name) => /gguf/.test(name) && !/\.lock$/.test(name));

describe('parseHubReference', () => {
  it.each([
    ['owner/name', { owner: 'owner', name: 'name' }],
    [
      'Qwen/Qwen2.5-Coder-0.5B-GGUF:q8/a b.gguf',
      { owner: 'Qwen', name: 'Qwen2.5-Coder-0.5B-GGUF', file: 'q8/a b.gguf' },
    ],
    ['folder/file.gguf', undefined],
    ['./folder/name', undefined],
    ['../name', undefined],
    ['/folder/name', undefined],
    ['a/b/c', undefined],
    ['name', undefined],
  ])('%s', (reference, expected) => expect(parseHubReference(reference)).toEqual(expected));
});

describe('a model on the hub', () => {
  it('is downloaded completely, verified, and then found without another request', async () => {
    const asked: unknown[] = [];
    const phases = new Set<string>();
    const base = await resolveBase('team/tiny', {
      confirm: async (download) => asked.push(download) > 0,
      onProgress: ({ phase }) => phases.add(phase),
    });
    expect(base).toMatchObject({ id: 'team/tiny:tiny é.gguf', sha256: sha256(model), licence: 'apache-2.0' });
    expect((await readFile(base.path)).equals(model)).toBe(true);
    expect(base.path.startsWith(home)).toBe(true);
    expect(asked).toEqual([{ what: 'team/tiny:tiny é.gguf', bytes: model.length }]);
    expect([...phases]).toEqual(['resolving', 'downloading', 'checking']);

    const before = hub.requests.length;
    expect(await resolveBase('team/tiny:tiny é.gguf')).toEqual(base);
    expect(hub.requests.length).toBe(before);
  });

  it('resumes after a lost connection', async () => {
    hub.stallAfter.push(30_000);
    const { path } = await resolveBase('team/tiny', {
      onProgress: ({ phase, done }) => phase === 'downloading' && done === 30_000 && hub.drop(),
    });
    expect((await readFile(path)).equals(model)).toBe(true);
    expect(downloads().map(({ range }) => range)).toEqual([undefined, 'bytes=30000-']);
  });

  it('resumes after an earlier process stopped', async () => {
    hub.stallAfter.push(50_000);
    const stop = new AbortController();
    const stopped = resolveBase('team/tiny', {
      signal: stop.signal,
      onProgress: ({ phase, done }) => phase === 'downloading' && done >= 50_000 && stop.abort(),
    });
    await expect(stopped).rejects.toMatchObject({ code: 'cancelled' });
    const { path } = await resolveBase('team/tiny');
    expect((await readFile(path)).equals(model)).toBe(true);
    expect(downloads().at(-1)!.range).toBe('bytes=50000-');
    expect(await onDisk()).toEqual([expect.stringContaining('tiny é.gguf')]);
  });

  it('starts over if the leftover of an earlier download is of another file', async () => {
    const target = join(home, 'models', 'hub', 'team', 'tiny', 'tiny é.gguf');
    await mkdir(dirname(target), { recursive: true });
    await writeFile(partialPath(target, sha256(model)), Buffer.alloc(1000, 7));
    expect((await readFile((await resolveBase('team/tiny')).path)).equals(model)).toBe(true);
    expect(downloads().map(({ range }) => range)).toEqual(['bytes=1000-', undefined]);
  });

  it('is downloaded once for two concurrent calls', async () => {
    const [one, two] = await Promise.all([resolveBase('team/tiny'), resolveBase('team/tiny')]);
    expect(one).toEqual(two);
    expect(downloads()).toHaveLength(1);
  });

  it('is left to another process by one that stood still, as while the machine sleeps', async () => {
    let waits = false;
    let received = 0;
    const onProgress = ({ phase, done }: FetchProgress) => {
      waits ||= phase === 'waiting';
      if (phase === 'downloading') received = Math.max(received, done);
    };
    const whether = (what: string, is: () => boolean) => until(what, is, { patienceMs: 20_000 });
    hub.stallAfter.push(30_000, 10_000);
    const stalled = resolveBase('team/tiny', { onProgress });
    await whether('the first to begin', () => received === 30_000);
    const before = Date.now() / 1000 - 20;
    await utimes(join(home, 'models', 'hub', 'team', 'tiny', 'tiny é.gguf.lock'), before, before);
    const other = resolveBase('team/tiny', { onProgress });
    await whether('one to go on and one to wait', () => waits && received === 40_000);
    hub.drop();
    expect(await stalled).toEqual(await other);
    expect((await readFile((await other).path)).equals(model)).toBe(true);
    expect(downloads().map(({ range }) => range)).toEqual([undefined, 'bytes=30000-', 'bytes=40000-']);
  });

  it('keeps its folder in the repository', async () => {
    const { path } = await resolveBase('team/many:q8/a.gguf');
    expect(path).toBe(join(home, 'models', 'hub', 'team', 'many', 'q8', 'a.gguf'));
  });

  it('sends the token to the hub, but not to its storage', async () => {
    vi.stubEnv('HF_TOKEN', 'hf_secret');
    await resolveBase('team/tiny');
    for (const { host, authorization } of hub.requests)
      expect(authorization).toBe(host === 'hub' ? 'Bearer hf_secret' : undefined);
  });

  it('is found without a network once downloaded', async () => {
    const base = await resolveBase('team/tiny');
    await hub.stop();
    expect(await resolveBase('team/tiny')).toEqual(base);
  });
});

describe('a known base on the hub', () => {
  it('is downloaded by name, after stating its licence', async () => {
    const asked: unknown[] = [];
    expect(await presentBases()).toEqual([]);
    const base = await resolveBase('llama-3.2-1b', { confirm: async (download) => asked.push(download) > 0 });
    expect(asked).toEqual([{ what: 'Llama-3.2-1B', bytes: model.length, licence: 'Llama 3.2 Community' }]);
    expect(base).toMatchObject({ id: 'llama-3.2-1b', sha256: sha256(model), licence: 'Llama 3.2 Community' });
    expect((await readFile(base.path)).equals(model)).toBe(true);
    expect(await isPresent(findKnownBase('llama-3.2-1b')!)).toBe(true);
    expect(await presentBases()).toEqual(['llama-3.2-1b']);

    await hub.stop();
    expect(await resolveBase('llama-3.2-1b')).toEqual(base);
  });

  it('is rejected if a mirror has a different file', async () => {
    await expect(resolveBase('qwen2.5-coder-7b')).rejects.toMatchObject({
      code: 'base-checksum',
      message: expect.stringContaining('not the file that we know by this name'),
      next: expect.stringContaining('--base ggml-org/Qwen2.5-Coder-7B-Q8_0-GGUF:qwen2.5-coder-7b-q8_0.gguf'),
    });
    expect(downloads()).toEqual([]);
    expect(await onDisk()).toEqual([]);
  });

  it('is not offered as a choice if the hub does not answer', async () => {
    expect(await isHubReachable()).toBe(true);
    hub.status = 500;
    expect(await isHubReachable()).toBe(true);
    await hub.stop();
    expect(await isHubReachable()).toBe(false);
    await expect(resolveBase('llama-3.2-1b')).rejects.toMatchObject({ code: 'network' });
  });
});

describe('one-sentence errors, with nothing left on disk', () => {
  it.each([
    ['no such repository', 'team/nothing', 'hub-not-found', /^team\/nothing does not exist on the hub/],
    ['no such file', 'team/tiny:other.gguf', 'hub-not-found', /other.gguf does not exist/],
    ['several files without a file name', 'team/many', 'hub-not-found', /several GGUF files/],
    ['a model in parts', 'team/parts', 'hub-not-found', /no complete GGUF file/],
    ['no GGUF', 'team/none', 'hub-not-found', /no complete GGUF file/],
    [
      'a file outside the repository',
      'team/tiny:../../evil.gguf',
      'hub-not-found',
      /can't be the name of a file/,
    ],
    [
      'a server that leads outside the models folder',
      'team/evil',
      'hub-not-found',
      /can't be the name of a file/,
    ],
    ['the wrong checksum', 'team/wrong', 'base-checksum', /checksum/],
  ])('%s', async (_, reference, code, message) => {
    await expect(resolveBase(reference)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
    expect(await onDisk()).toEqual([]);
  });

  it('lists the files to choose from', async () => {
    const failure = resolveBase('team/many');
    await expect(failure).rejects.toMatchObject({
      next: expect.stringMatching(/team\/many:FILE.*q8\/a\.gguf \(1 MB\), b\.gguf \(3 MB\)\.$/),
    });
    await expect(failure).rejects.not.toMatchObject({ next: expect.stringContaining('of-0000') });
  });

  it('no network', async () => {
    await hub.stop();
    await expect(resolveBase('team/tiny')).rejects.toMatchObject({
      code: 'network',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('sign-in required', async () => {
    hub.status = 401;
    await expect(resolveBase('team/tiny')).rejects.toMatchObject({
      code: 'hub-not-found',
      next: expect.stringContaining('HF_TOKEN'),
    });
  });

  it.each([401, 403])('sign-in required for the file only (%d)', async (status) => {
    hub.fileStatus = status;
    await expect(resolveBase('team/tiny')).rejects.toMatchObject({
      code: 'hub-not-found',
      next: expect.stringContaining('HF_TOKEN'),
    });
  });

  it('broken hub', async () => {
    hub.status = 500;
    await expect(resolveBase('team/tiny')).rejects.toMatchObject({
      code: 'network',
      message: expect.stringContaining('500'),
    });
  });

  it('disk full', async () => {
    hub.claimedLength = 2 ** 52;
    hub.stallAfter.push(10);
    await expect(resolveBase('team/tiny')).rejects.toMatchObject({ code: 'disk-full' });
    expect(await onDisk()).toEqual([]);
  });

  it('consent refused', async () => {
    await expect(resolveBase('team/tiny', { confirm: async () => false })).rejects.toMatchObject({
      code: 'cancelled',
    });
    expect(downloads()).toEqual([]);
  });

  it('not a model on the hub', async () => {
    await expect(resolveBase('team/text')).rejects.toMatchObject({ code: 'base-not-gguf' });
  });
});
