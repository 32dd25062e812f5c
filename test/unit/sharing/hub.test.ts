import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { readRun } from '../../../src/runs/index.ts';
import { HubStore } from '../../../src/sharing/stores/hub-store.ts';
import { openStore } from '../../../src/sharing/stores/open-store.ts';
import { placeOf } from '../../../src/sharing/stores/store.ts';
import { HubServer } from '../../support/hub-server.ts';
import { useDesk } from './help.ts';

const desk = useDesk();
let dir: string;
let hub: HubServer;
beforeAll(async () => {
  dir = await desk.makeRun();
});
beforeEach(async () => {
  hub = await HubServer.start({});
  hub.writer = 'hf_writer';
  desk.switchTo('alice');
  vi.stubEnv('HF_ENDPOINT', hub.url);
  vi.stubEnv('HF_TOKEN', 'hf_writer');
});
afterEach(() => hub.stop());
const open = () => new HubStore('team/adapters');
const files = () => [...hub.repositories.get('team/adapters')!.keys()];

describe('the hub', () => {
  it('gets a repository, and one commit with all files of a version', async () => {
    await desk.publish(dir, open());
    expect(files()).toEqual(
      expect.arrayContaining(['README.md', 'demo/1/manifest.json', 'demo/1/adapter.gguf']),
    );
    await desk.publish(dir, open());
    expect(await open().versions('demo')).toEqual([1, 2]);
    expect(await open().names()).toEqual(['demo']);
    const commits = hub.requests.filter(({ path }) => path.includes('/commit/'));
    expect(commits).toHaveLength(2);
  });

  it('is named by its host if it is a mirror', () => {
    expect(placeOf(open())).toBe(`hub:team/adapters (at ${new URL(hub.url).host})`);
    vi.stubEnv('HF_ENDPOINT', '');
    expect(placeOf(open())).toBe('hub:team/adapters');
  });

  it.each([
    ['http://mirror.example', /to mirror\.example in plain text/],
    ['https://name:secret@mirror.example', /HF_ENDPOINT contains more than a host/],
  ])('gets neither a token nor weights at %s', async (endpoint, words) => {
    vi.stubEnv('HF_ENDPOINT', endpoint);
    await expect(openStore('hub:a/b')).rejects.toMatchObject({
      code: 'bad-argument',
      message: expect.stringMatching(words),
    });
  });

  it('returns it, even to somebody without a token', async () => {
    const sha256 = await desk.publish(dir, open());
    desk.switchTo('bob');
    vi.stubEnv('HF_TOKEN', '');
    const { dir: fetched } = await desk.fetch(open(), { name: 'demo', sha256 });
    expect((await readRun(fetched)).spec.fetched).toMatchObject({ from: 'hub:team/adapters', version: 1 });
  });

  it.each([
    ['without a token', '', 'store-refused', /needs a token/],
    ['with a token without write permission', 'hf_reader', 'store-refused', /may not write/],
  ])('accepts nothing %s', async (_, token, code, words) => {
    hub.repositories.set('team/adapters', new Map());
    vi.stubEnv('HF_TOKEN', token);
    const error: unknown = await desk.publish(dir, open()).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code });
    expect((error as Error).message).toMatch(words);
    expect(files()).toEqual([]);
  });

  it('accepts nothing if somebody else was faster', async () => {
    await desk.publish(dir, open());
    hub.beforeCommit = () => hub.committed();
    await expect(desk.publish(dir, open())).rejects.toMatchObject({ code: 'bad-argument' });
    expect(await open().versions('demo')).toEqual([1]);
  });

  it('never replaces a version that somebody published after the number was chosen', async () => {
    const late = open();
    expect(await late.versions('demo')).toEqual([]);
    await desk.publish(dir, open());
    const before = hub.repositories.get('team/adapters')!.get('demo/1/manifest.json');
    await expect(desk.publish(dir, late)).rejects.toMatchObject({ code: 'bad-argument' });
    expect(hub.repositories.get('team/adapters')!.get('demo/1/manifest.json')).toBe(before);
  });

  it('detects a file with the wrong content', async () => {
    await desk.publish(dir, open());
    const file = hub.repositories.get('team/adapters')!.get('demo/1/adapter.gguf')!;
    file.content = Buffer.from(file.content);
    file.content[file.content.length - 9]! ^= 1;
    desk.switchTo('bob');
    await expect(desk.fetch(open(), { name: 'demo' })).rejects.toMatchObject({ code: 'adapter-damaged' });
  });
});
