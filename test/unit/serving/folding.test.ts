import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { cacheDir } from '../../../src/protocol/paths.ts';
import { aboutCopy, findCopy, keepCopy, removeCopy } from '../../../src/serving/folding/copies.ts';
import { Folding } from '../../../src/serving/folding/while-idle.ts';
import type { LlamaHost } from '../../../src/serving/host-types.ts';
import { ownHome } from '../../support/own-home.ts';

ownHome();
let dir: string;
const at = (name: string) => join(dir, name);
const kept = () => readdir(join(cacheDir(), 'folded')).catch(() => []);
const write = (text: string) => async (files: { model: string }) => {
  await writeFile(files.model, text);
  return { meanKl: 0.001, change: 0.1, beside: false };
};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fmn-copies-'));
  await writeFile(at('base.gguf'), 'base');
});
afterAll(() => rm(dir, { recursive: true }));
beforeEach(async () => {
  await rm(join(cacheDir(), 'folded'), { recursive: true, force: true });
  for (const name of ['one', 'two', 'three']) await writeFile(at(name), name);
});

describe('folded copies', () => {
  it('are found until the adapter is replaced', async () => {
    expect(await findCopy(at('base.gguf'), at('one'))).toBeUndefined();
    await keepCopy(at('base.gguf'), at('one'), write('copy'));
    const copy = await findCopy(at('base.gguf'), at('one'));
    expect(copy).toMatchObject({ model: expect.stringMatching(/model\.gguf$/), beside: undefined });
    await writeFile(at('one'), 'another');
    expect(await findCopy(at('base.gguf'), at('one'))).toBeUndefined();
  });

  it('that are of no use leave only a mark', async () => {
    const make = (files: { model: string; beside: string }) =>
      write('copy')(files).then((about) => ({ ...about, unfit: 'it is not faster' }));
    await keepCopy(at('base.gguf'), at('one'), make);
    expect(await findCopy(at('base.gguf'), at('one'))).toBeUndefined();
    expect(await aboutCopy(at('base.gguf'), at('one'))).toMatchObject({ unfit: 'it is not faster' });
    const [only] = await kept();
    expect(await readdir(join(cacheDir(), 'folded', only!))).toEqual(['about.json']);
  });

  it('leave nothing if making them fails', async () => {
    const failing = keepCopy(at('base.gguf'), at('one'), async (files) => {
      await writeFile(files.model, 'half');
      throw new Error('The disk is full.');
    });
    await expect(failing).rejects.toThrow('The disk is full.');
    expect(await kept()).toEqual([]);
  });

  it('are two at most, those used last; of deleted adapters, none', async () => {
    const soon = (seconds: number) => new Date(Date.now() + 1000 * seconds);
    await keepCopy(at('base.gguf'), at('one'), write('1'));
    await keepCopy(at('base.gguf'), at('two'), write('2'));
    const folder = join(cacheDir(), 'folded');
    for (const name of await kept()) await utimes(join(folder, name), soon(-90), soon(-90));
    await findCopy(at('base.gguf'), at('one'));
    await keepCopy(at('base.gguf'), at('three'), write('3'));
    const found = await Promise.all(
      ['one', 'two', 'three'].map((name) => findCopy(at('base.gguf'), at(name))),
    );
    expect(found.map((copy) => copy !== undefined)).toEqual([true, false, true]);

    await rm(at('one'));
    for (const name of await kept()) await utimes(join(folder, name), soon(-7200), soon(-7200));
    await mkdir(join(folder, 'unfinished.1.tmp'));
    await keepCopy(at('base.gguf'), at('two'), write('2'));
    // The copies of "three" and "two", and what another process may still be at work on.
    expect(await kept()).toHaveLength(3);
  });

  it('can be removed, and damaged notes count as none', async () => {
    await keepCopy(at('base.gguf'), at('one'), write('copy'));
    const [name] = await kept();
    await writeFile(join(cacheDir(), 'folded', name!, 'about.json'), '{"version":');
    expect(await findCopy(at('base.gguf'), at('one'))).toBeUndefined();
    await removeCopy(at('base.gguf'), at('one'));
    expect(await kept()).toEqual([]);
  });
});

describe('when a copy is made', () => {
  function idleHost() {
    const statistics = { requests: 0, active: 0 };
    const host = {
      statistics,
      engine: { backend: 'cpu' },
      threads: 2,
      rest: vi.fn(async () => {}),
      complete: vi.fn(async () => {}),
    };
    let now = 0;
    const make = vi.fn(async (adapter: { path: string }) => {
      await keepCopy(at('base.gguf'), adapter.path, write('copy'));
    });
    const others = { busy: 0 };
    const watch = () => () => others.busy;
    const folding = new Folding({ basePath: at('base.gguf'), make, now: () => now, watch });
    folding.start(host as unknown as LlamaHost);
    folding.stop();
    const later = (seconds: number) => {
      now += 1000 * seconds;
      return folding.look();
    };
    return { host, make, others, folding, later, one: { name: 'mine', path: at('one') } };
  }

  it('is after a minute without a request, of the adapter in use; then the host opens it', async () => {
    const { host, make, folding, later, one } = idleHost();
    expect(await folding.find(one)).toBeUndefined();
    host.statistics.requests = 30;
    await later(0);
    await later(50);
    host.statistics.requests = 31;
    await later(5);
    await later(55);
    expect(make).not.toHaveBeenCalled();
    await later(5);
    expect(make).toHaveBeenCalledExactlyOnceWith(one, 2);
    expect(host.rest).toHaveBeenCalledExactlyOnceWith('mine');
    expect(host.complete).toHaveBeenCalledOnce();
    expect(await folding.find(one)).toMatchObject({ bytes: 4 });
    host.statistics.requests = 99;
    await later(0);
    await later(100);
    expect(make).toHaveBeenCalledOnce();
  });

  it('is again after ten minutes, if it could be neither made nor ruled out', async () => {
    const { host, make, folding, later, one } = idleHost();
    make.mockResolvedValue(undefined);
    await folding.find(one);
    host.statistics.requests = 30;
    await later(0);
    for (let minute = 0; minute < 12; minute += 1) await later(60);
    expect(make).toHaveBeenCalledTimes(2);
    expect(host.rest).not.toHaveBeenCalled();
  });

  it('is never while other programs are at work', async () => {
    const { host, make, others, folding, later, one } = idleHost();
    await folding.find(one);
    host.statistics.requests = 30;
    others.busy = 1;
    for (let minute = 0; minute < 3; minute += 1) await later(60);
    others.busy = 0;
    await later(50);
    expect(make).not.toHaveBeenCalled();
    await later(10);
    expect(make).toHaveBeenCalledOnce();
  });

  it('is never while somebody waits, after a few requests, for the base alone, or with a GPU', async () => {
    const waiting = idleHost();
    await waiting.folding.find(waiting.one);
    Object.assign(waiting.host.statistics, { requests: 30, active: 1 });
    const few = idleHost();
    await few.folding.find(few.one);
    few.host.statistics.requests = 19;
    const base = idleHost();
    base.host.statistics.requests = 30;
    const gpu = idleHost();
    await gpu.folding.find(gpu.one);
    gpu.host.statistics.requests = 30;
    gpu.host.engine.backend = 'vulkan';
    for (const { later, make } of [waiting, few, base, gpu]) {
      await later(0);
      await later(100);
      await later(100);
      expect(make).not.toHaveBeenCalled();
    }
  });
});
