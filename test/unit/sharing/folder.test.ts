import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { showCommand } from '../../../src/cli/commands/show.ts';
import { effectiveStatus, listRuns, readRun } from '../../../src/runs/index.ts';
import { findPublished } from '../../../src/sharing/fetch-adapter.ts';
import { sharedName } from '../../../src/sharing/pack.ts';
import { shareable } from '../../../src/sharing/shareable.ts';
import { FolderStore } from '../../../src/sharing/stores/folder-store.ts';
import { openStore } from '../../../src/sharing/stores/open-store.ts';
import { servedRun } from '../../../src/serving/client/run-model.ts';
import { readAdapterGguf } from '../../../src/weights/index.ts';
import { writeTinyModel } from '../../support/tiny-model.ts';
import { examine } from '../../../src/base-models/checksums.ts';
import { planted } from '../../support/planted-secrets.ts';
import { allTexts, PRIVATE, replaceFile, summary, tamper, useDesk } from './help.ts';
import { vi } from 'vitest';

const desk = useDesk();
let dir: string;
let store: FolderStore;
beforeAll(async () => {
  dir = await desk.makeRun();
});
beforeEach(async () => {
  desk.be('alice');
  await rm(desk.at('team'), { recursive: true, force: true });
  await rm(desk.at('bob'), { recursive: true, force: true });
  store = new FolderStore(desk.at('team'));
});
const version = (number = 1) => desk.at('team', 'demo', String(number));

describe('a published adapter', () => {
  it('has its figures and curves, and nothing of the text or of this machine', async () => {
    await desk.publish(dir, store, { licence: 'For our team only.' });
    const text = await allTexts(desk.at('team'));
    for (const word of [...PRIVATE, desk.root, homedir()]) expect(text).not.toContain(word);
    expect(await readdir(version())).toEqual([
      'README.md',
      'adapter.gguf',
      'events.jsonl',
      'manifest.json',
      'report.html',
      'run.json',
      'summary.json',
    ]);
    expect(JSON.parse(await readFile(join(version(), 'manifest.json'), 'utf8'))).toMatchObject({
      ...{ format: 1, name: 'demo', version: 1, step: 24, licence: 'For our team only.' },
      base: { id: 'tiny', sha256: desk.base.sha256, licence: 'apache-2.0' },
    });
    expect(await readFile(join(version(), 'README.md'), 'utf8')).toMatch(
      /\| workspace \| loss \| 2 \| 1.5 \|/,
    );
  });

  it('has the rate that the run chose by itself, and no folder of the base that an import named', async () => {
    const run = await readRun(dir);
    const { spec } = shareable({
      ...run,
      spec: { ...run.spec, imported: { from: '/mnt/x/mine', format: 'peft', base: '/mnt/x/models/Tiny' } },
      state: { ...run.state, learningRate: { rate: 3e-4, why: 'by trials' } },
    });
    expect(JSON.stringify(spec)).not.toContain('/mnt');
    expect(spec).toMatchObject({
      imported: { from: 'mine', base: 'Tiny' },
      hyper: { learningRate: 3e-4 },
      learningRateReason: 'by trials',
    });
  });

  it('names no folder, also not one that could be a name on the hub', async () => {
    const run = await readRun(dir);
    const of = (data: string, source: string) => {
      const corpus = { ...run.spec.corpus, data, replay: { source, rate: 0.1 } };
      return shareable({ ...run, spec: { ...run.spec, corpus } }).spec.corpus;
    };
    expect(of('owner/name:train', 'base')).toMatchObject({
      data: 'owner/name:train',
      replay: { source: 'base' },
    });
    // As of a run that was started beside such a folder: vitest runs in this repository.
    expect(of('test/support', 'src/corpus')).toMatchObject({ data: 'support', replay: { source: 'corpus' } });
    expect(of('colleague-data/rows.jsonl', 'base').data).toBe('rows.jsonl');
  });

  it('has a licence of many lines on one, so that it can be fetched', async () => {
    const right = desk.base;
    const licence = `LICENCE\r\n\tof\u202e the base\n\n${'All rights reserved. '.repeat(200)}`;
    await writeTinyModel(desk.at('licensed.gguf'), { seed: 3, licence });
    desk.base = { id: 'licensed', ...(await examine(desk.at('licensed.gguf'))) };
    try {
      await desk.publish(await desk.makeRun(), store);
      desk.be('bob');
      await desk.fetch(store, { name: 'demo' });
      const { manifest } = await findPublished({ store, name: 'demo' });
      expect(manifest.base.licence).toMatch(/^LICENCE of the base All rights reserved\. .{400,480}…$/);
    } finally {
      desk.base = right;
    }
  });

  it('becomes a run elsewhere, with the same weights and figures, that says where it came from', async () => {
    const sha256 = await desk.publish(dir, store, { licence: 'For our team only.' });
    desk.be('bob');
    const { dir: fetched } = await desk.fetch(store, { name: 'demo', sha256 });
    const run = await readRun(fetched);
    expect(effectiveStatus(run.state)).toBe('done');
    expect(run.spec).toMatchObject({
      ...{ name: 'demo@1', folder: '', base: { path: desk.base.path } },
      hyper: { learningRate: 1e-4, rank: 3, alpha: 6 },
      fetched: { from: desk.at('team'), name: 'demo', version: 1, sha256, licence: 'For our team only.' },
    });
    expect(run.summary?.comparisons).toEqual(summary.comparisons);
    expect(run.events.filter(({ type }) => type === 'step')).toHaveLength(3);
    const [before, after] = await Promise.all(
      [dir, fetched].map((folder) => readAdapterGguf(join(folder, 'adapter.gguf'))),
    );
    expect(after).toEqual(before);
    expect((await listRuns()).map(({ spec }) => spec.id)).toEqual([run.spec.id]);
  });

  it('is served only after this machine has checked it', async () => {
    await desk.publish(dir, store);
    desk.be('bob');
    const { dir: fetched } = await desk.fetch(store, { name: 'demo' });
    const checked = new Error('checked here');
    await expect(servedRun(fetched, () => Promise.reject(checked))).rejects.toBe(checked);
    await expect(servedRun(dir, () => Promise.reject(checked))).resolves.toBeDefined();
  });

  it('is shown with its origin', async () => {
    await desk.publish(dir, store);
    desk.be('bob');
    const { id } = await desk.fetch(store, { name: 'demo' });
    const print = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    await showCommand().parseAsync([id], { from: 'user' });
    const [shown] = print.mock.calls[0] as [string];
    print.mockRestore();
    expect(shown).toMatch(/fetched +demo version 1 from .*team, published 20\d\d-/);
    expect(shown).toContain('lionw at 0.0001');
  });

  it('computes on what this machine has, not on what it was trained with', async () => {
    const trained = { ...(await readRun(dir)).spec, backend: 'webgpu', device: 'H100', planned: 'webgpu' };
    await desk.publish(dir, store);
    await replaceFile(version(), 'run.json', JSON.stringify(trained));
    desk.be('bob');
    const { spec } = await desk.fetch(store, { name: 'demo' });
    expect(spec.backend).toBe('auto');
    expect([spec.device, spec.planned]).toEqual([undefined, undefined]);
  });

  it('is not fetched twice', async () => {
    await desk.publish(dir, store);
    desk.be('bob');
    const { id } = await desk.fetch(store, { name: 'demo' });
    expect(await findPublished({ store, name: 'demo' })).toMatchObject({ known: id });
  });

  it('can be published again by whoever fetched it', async () => {
    await desk.publish(dir, store);
    desk.be('bob');
    const { dir: fetched } = await desk.fetch(store, { name: 'demo' });
    await desk.publish(fetched, store, { name: 'again' });
    expect(await store.names()).toEqual(['again', 'demo']);
  });
});

describe('versions', () => {
  it('count up, and the newest is meant unless one is named', async () => {
    await desk.publish(dir, store);
    await desk.publish(dir, store);
    expect(await store.versions('demo')).toEqual([1, 2]);
    expect(await findPublished({ store, name: 'demo' })).toMatchObject({
      manifest: { version: 2 },
      newest: 2,
    });
    expect(await findPublished({ store, name: 'demo', version: 1 })).toMatchObject({ newest: 2 });
  });

  it('of a publisher that was interrupted are passed over, and their number stays taken', async () => {
    await desk.publish(dir, store);
    await desk.publish(dir, store);
    await rm(join(version(2), 'manifest.json'));
    expect(await findPublished({ store, name: 'demo' })).toMatchObject({ manifest: { version: 1 } });
    expect((await store.versions('demo')).at(-1)).toBe(2);
  });

  it('are never replaced', async () => {
    const late = new FolderStore(desk.at('team'));
    late.versions = () => Promise.resolve([]);
    await desk.publish(dir, store);
    await expect(desk.publish(dir, late)).rejects.toMatchObject({ code: 'bad-argument' });
    expect(await readdir(desk.at('team', 'demo'))).toEqual(['1']);
  });
});

describe('what is wrong is said in a sentence, and leaves no run', () => {
  const refused = async (code: string, words: RegExp, asked: { version?: number; sha256?: string } = {}) => {
    desk.be('bob');
    const error: unknown = await desk
      .fetch(store, { name: 'demo', ...asked })
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code });
    expect((error as Error).message).toMatch(words);
    expect(await listRuns()).toEqual([]);
  };
  beforeEach(() => desk.publish(dir, store));

  it('a changed byte', async () => {
    const path = join(version(), 'adapter.gguf');
    const bytes = await readFile(path);
    bytes[bytes.length - 9]! ^= 1;
    await writeFile(path, bytes);
    await refused('adapter-damaged', /checksum of adapter.gguf/);
  });
  it('a missing end', async () => {
    await truncate(join(version(), 'adapter.gguf'), 1000);
    await refused('adapter-damaged', /adapter.gguf has 1000 bytes instead of \d+/);
  });
  it('a missing file', async () => {
    await rm(join(version(), 'adapter.gguf'));
    await refused('not-published', /no adapter.gguf of demo version 1/);
  });
  it.each(['../../evil.sh', '/etc/evil', 'a/b', 'C:\\evil', '..', '.hidden', ''])(
    'a file named "%s"',
    async (path) => {
      await tamper(version(), ({ files }) => (files[0]!.path = path));
      await refused('adapter-damaged', /names a file .*, which is no plain name/);
    },
  );
  it('a manifest that is none', async () => {
    await writeFile(join(version(), 'manifest.json'), '{"format": 1');
    await refused('adapter-damaged', /manifest.json can't be read/);
  });
  it("another adapter's manifest", async () => {
    await tamper(version(), (manifest) => (manifest['name'] = 'other'));
    await refused('adapter-damaged', /says that it is other version 1/);
  });
  it('another checksum than was promised', () =>
    refused('adapter-mismatch', /another checksum/, { sha256: 'ab'.repeat(32) }));
  it('a newer format', async () => {
    await tamper(version(), (manifest) => (manifest['format'] = 2));
    await refused('run-newer', /newer version \(format 2/);
  });
  it('a version that is not there', () =>
    refused('not-published', /no version 7 of "demo"; it has 1/, { version: 7 }));
  it('settings that are not those of the adapter', async () => {
    const spec = JSON.parse(await readFile(join(version(), 'run.json'), 'utf8')) as {
      hyper: { rank: number };
    };
    spec.hyper.rank = 4;
    await replaceFile(version(), 'run.json', JSON.stringify(spec));
    await refused('adapter-damaged', /settings are not those of its adapter/);
  });
  it.each(['\\u001b[2J', '\\u202e', '\u202e', '\u009b2J', '\u200b'])(
    'a text that a terminal would obey, or nobody sees: %j',
    async (hostile) => {
      const path = join(version(), 'summary.json');
      await replaceFile(
        version(),
        'summary.json',
        (await readFile(path, 'utf8')).replace('It completes', hostile),
      );
      await refused('adapter-damaged', /summary.json has characters/);
    },
  );
  it.each(['only\u202e.yad', 'a\nb', 'a\u200bb'])('a licence such as %j', async (licence) => {
    await tamper(version(), (manifest) => (manifest['licence'] = licence));
    await refused('adapter-damaged', /"licence" in its manifest is not valid/);
  });
  it('a file that is no adapter', async () => {
    await replaceFile(version(), 'adapter.gguf', 'MZ');
    desk.be('bob');
    await expect(desk.fetch(store, { name: 'demo' })).rejects.toMatchObject({
      code: expect.stringMatching(/^(adapter|base)-/) as string,
    });
    expect(await listRuns()).toEqual([]);
  });
  it('another base', async () => {
    await writeTinyModel(desk.at('other.gguf'), { seed: 2 });
    const right = desk.base;
    desk.base = { id: 'other', ...(await examine(desk.at('other.gguf'))) };
    try {
      await refused(
        'adapter-mismatch',
        /was trained on tiny \(sha256 \w{12}\), and .*other.gguf is another base/,
      );
    } finally {
      desk.base = right;
    }
  });
});

describe('nothing is published', () => {
  it('with a secret in it', async () => {
    const secret = Object.values(planted).find((text) => text.includes('ghp_'))!;
    const licence = secret.replace(/\s+/g, ' ').slice(0, 400);
    await expect(desk.publish(dir, store, { licence })).rejects.toMatchObject({ code: 'secret-found' });
    expect(await store.names()).toEqual([]);
  });
  it.each([['../up'], ['a b'], ['']])('under the name "%s"', (name) =>
    expect(desk.publish(dir, store, { name, version: 1 })).rejects.toMatchObject({ code: 'bad-argument' }),
  );
  it('to a place that is none', () => {
    for (const place of ['ftp://x/y', 'hub:name', 'hub:a/b/c', 's3://'])
      expect(() => openStore(place)).toThrow(expect.objectContaining({ code: 'bad-argument' }) as Error);
  });
});

it('a name is made of the name of the run', () => {
  expect(sharedName('My parser (v2)')).toBe('My-parser-v2');
  expect(sharedName('../..')).toBe('adapter');
});
