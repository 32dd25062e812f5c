import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { cacheDir } from '../../../src/platform/files/paths.ts';
import {
  readCopyInfo,
  findCopy,
  storeCopy,
  recordAttempt,
  removeCopy,
  pruneCopies,
} from '../../../src/serving/folding/copies.ts';
import { startNode, type NodeOptions } from '../../../src/platform/processes/start.ts';
import { processMark } from '../../../src/runs/processes.ts';
import { IdleFolding } from '../../../src/serving/folding/idle-folding.ts';
import type { LlamaHost } from '../../../src/serving/host-types.ts';
import { ownHome } from '../../support/own-home.ts';

vi.mock('../../../src/platform/processes/bundles.ts', () => ({
  startBundle: (name: string, args: string[], options: NodeOptions) =>
    startNode(at(`${name}.mjs`), args, options),
}));

ownHome();
let dir: string;
const at = (name: string) => join(dir, name);
const kept = () => readdir(join(cacheDir(), 'folded')).catch(() => []);
const write = (text: string) => async (files: { model: string }) => {
  await writeFile(files.model, text);
  return { meanKl: 0.001, change: 0.1 };
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
    await storeCopy(at('base.gguf'), at('one'), write('copy'));
    const copy = await findCopy(at('base.gguf'), at('one'));
    expect(copy).toMatchObject({ model: expect.stringMatching(/model\.gguf$/), residualAdapter: undefined });
    await writeFile(at('one'), 'another');
    expect(await findCopy(at('base.gguf'), at('one'))).toBeUndefined();
  });

  it('that are unsuitable leave only a note', async () => {
    const make = (files: { model: string; beside: string }) =>
      write('copy')(files).then((about) => ({ ...about, unfit: 'it is not faster' }));
    await storeCopy(at('base.gguf'), at('one'), make);
    expect(await findCopy(at('base.gguf'), at('one'))).toBeUndefined();
    expect(await readCopyInfo(at('base.gguf'), at('one'))).toMatchObject({ unfit: 'it is not faster' });
    const [only] = await kept();
    expect(await readdir(join(cacheDir(), 'folded', only!))).toEqual(['about.json']);
  });

  it('leave nothing if making them fails', async () => {
    const failing = storeCopy(at('base.gguf'), at('one'), async (files) => {
      await writeFile(files.model, 'half');
      throw new Error('The disk is full.');
    });
    await expect(failing).rejects.toThrow('The disk is full.');
    expect(await kept()).toEqual([]);
  });

  it('are two at most, the most recently used; an unsuitable one does not count', async () => {
    const soon = (seconds: number) => new Date(Date.now() + 1000 * seconds);
    const folder = join(cacheDir(), 'folded');
    const found = async () => {
      const copies = ['one', 'two', 'three'].map((name) => readCopyInfo(at('base.gguf'), at(name)));
      return (await Promise.all(copies)).map((about) => about?.model !== undefined);
    };
    await storeCopy(at('base.gguf'), at('one'), write('1'));
    await storeCopy(at('base.gguf'), at('two'), write('2'));
    await storeCopy(at('base.gguf'), at('three'), () => Promise.resolve({ unfit: 'it differs' }));
    expect(await found()).toEqual([true, true, false]);
    for (const name of await kept()) await utimes(join(folder, name), soon(-90), soon(-90));
    await findCopy(at('base.gguf'), at('one'));
    await writeFile(at('three'), 'another');
    await storeCopy(at('base.gguf'), at('three'), write('3'));
    expect(await found()).toEqual([true, false, true]);
  });

  it('of deleted adapters are deleted, and so are leftovers of ended processes', async () => {
    await storeCopy(at('base.gguf'), at('one'), write('1'));
    await storeCopy(at('base.gguf'), at('two'), write('2'));
    await rm(at('one'));
    const folder = join(cacheDir(), 'folded');
    // No process has a number that high; the second one is from an earlier process with this one's number.
    const [mine, gone, earlier] = [
      `key.${processMark()}.tmp`,
      'key.99999999-1.tmp',
      `key.${process.pid}-1.tmp`,
    ];
    for (const name of [mine, gone, earlier]) await mkdir(join(folder, name));
    await pruneCopies();
    const left = await kept();
    expect(left).toHaveLength(2);
    expect(left).toContain(mine);
    expect(await findCopy(at('base.gguf'), at('two'))).toBeDefined();
  });

  it('used while the clock was ahead do not displace a new one', async () => {
    for (const name of ['one', 'two']) await storeCopy(at('base.gguf'), at(name), write(name));
    const ahead = new Date(Date.now() + 365 * 24 * 3600_000);
    for (const name of await kept()) await utimes(join(cacheDir(), 'folded', name), ahead, ahead);
    await findCopy(at('base.gguf'), at('two'));
    await storeCopy(at('base.gguf'), at('three'), write('3'));
    expect(await findCopy(at('base.gguf'), at('three'))).toBeDefined();
    // The one used just now is kept, not the one that may have been used long ago.
    expect(await findCopy(at('base.gguf'), at('two'))).toBeDefined();
    expect(await kept()).toHaveLength(2);
  });

  it("that can't be used are deleted: for an adapter or a base that was replaced", async () => {
    await writeFile(at('other.gguf'), 'other base');
    await storeCopy(at('base.gguf'), at('one'), write('1'));
    await storeCopy(at('base.gguf'), at('three'), () => Promise.resolve({ unfit: 'it differs' }));
    await storeCopy(at('other.gguf'), at('two'), write('2'));
    await pruneCopies();
    expect(await kept()).toHaveLength(3);
    for (const name of ['one', 'three']) await writeFile(at(name), `${name}, trained again`);
    await pruneCopies();
    expect(await kept()).toHaveLength(1);
    await writeFile(at('other.gguf'), 'another base');
    await pruneCopies();
    expect(await kept()).toEqual([]);
  });

  it('that were attempted leave a note until there is one, or a reason why not', async () => {
    const about = () => readCopyInfo(at('base.gguf'), at('one'));
    await recordAttempt(at('base.gguf'), at('one'), 5);
    await recordAttempt(at('base.gguf'), at('one'), 7);
    await pruneCopies();
    expect(await about()).toMatchObject({ tries: { count: 2, at: 7 } });
    expect(await findCopy(at('base.gguf'), at('one'))).toBeUndefined();
    await storeCopy(at('base.gguf'), at('one'), write('copy'));
    expect((await about())!.tries).toBeUndefined();
  });

  it('that were modified afterwards are deleted', async () => {
    await storeCopy(at('base.gguf'), at('one'), write('copy'));
    await writeFile((await findCopy(at('base.gguf'), at('one')))!.model, 'cope');
    expect(await findCopy(at('base.gguf'), at('one'))).toBeUndefined();
    expect(await kept()).toEqual([]);
  });

  it('can be removed, and damaged notes are ignored', async () => {
    await storeCopy(at('base.gguf'), at('one'), write('copy'));
    const [name] = await kept();
    await writeFile(join(cacheDir(), 'folded', name!, 'about.json'), '{"version":');
    expect(await findCopy(at('base.gguf'), at('one'))).toBeUndefined();
    await removeCopy(at('base.gguf'), at('one'));
    expect(await kept()).toEqual([]);
  });
});

describe('making a copy', () => {
  /** A host of an adapter with `uses` requests, and the code that has a copy made of it. */
  function idleHost(uses = 20) {
    const statistics = { requests: uses, active: 0 };
    const host = {
      statistics,
      device: { backend: 'cpu' },
      threads: 2,
      models: ['base', 'mine'],
      unload: vi.fn(async () => {}),
      complete: vi.fn(async () => {}),
    };
    let now = 0;
    const others = { busy: 0 };
    const stop = vi.fn();
    let end = () => {};
    const make = vi.fn(() => ({ ended: new Promise<void>((resolve) => (end = resolve)), stop }));
    const watch = () => () => others.busy;
    const folding = new IdleFolding({ basePath: at('base.gguf'), make, now: () => now, watch });
    const one = { name: 'mine', path: at('one') };
    for (let n = 0; n < uses; n++) folding.noteUse(one);
    const later = (seconds: number) => {
      now += 1000 * seconds;
      return folding.check(host as unknown as LlamaHost);
    };
    /** The child process has ended, with a copy or without. */
    const ended = async (copy: boolean) => {
      if (copy) await storeCopy(at('base.gguf'), one.path, write('copy'));
      end();
      await vi.waitFor(() => expect(folding).toMatchObject({ making: undefined }));
    };
    return { host, statistics, make, stop, others, folding, later, ended, one };
  }

  it('happens after a minute without a request, for the adapter in use; then the host opens the copy', async () => {
    const { host, statistics, make, later, ended, one, folding } = idleHost();
    await later(0);
    await later(50);
    statistics.requests += 1;
    await later(5);
    await later(55);
    expect(make).not.toHaveBeenCalled();
    await later(5);
    expect(make).toHaveBeenCalledExactlyOnceWith(one, 2);
    await later(5);
    await ended(true);
    await vi.waitFor(() => expect(folding).toMatchObject({ readyAdapter: one }));
    statistics.active = 1;
    await later(5);
    expect(host.unload).not.toHaveBeenCalled();
    statistics.active = 0;
    await later(5);
    expect(host.unload).toHaveBeenCalledExactlyOnceWith('mine');
    expect(host.complete).toHaveBeenCalledOnce();
    for (let minute = 0; minute < 30; minute += 1) await later(60);
    expect(make).toHaveBeenCalledOnce();
  });

  it('ends when a request comes, and starts again ten minutes later', async () => {
    const { host, statistics, make, stop, folding, one, later, ended } = idleHost();
    await later(0);
    await later(60);
    await later(5);
    expect(stop).not.toHaveBeenCalled();
    statistics.requests += 1;
    folding.noteUse(one);
    expect(stop).toHaveBeenCalledOnce();
    await later(5);
    await ended(false);
    for (let minute = 0; minute < 9; minute += 1) await later(60);
    expect(make).toHaveBeenCalledOnce();
    await later(60);
    expect(make).toHaveBeenCalledTimes(2);
    expect(host.unload).not.toHaveBeenCalled();
  });

  it('is retried after a pause that doubles, also by the next server', async () => {
    const before = idleHost();
    await before.later(0);
    await before.later(60);
    await before.ended(false);
    expect(before.make).toHaveBeenCalledOnce();
    const { make, later, ended, folding } = idleHost();
    await later(0);
    await later(60);
    for (let minute = 0; minute < 9; minute += 1) await later(60);
    expect(make).not.toHaveBeenCalled();
    await later(60);
    expect(make).toHaveBeenCalledOnce();
    expect(folding.isMaking).toBe(true);
    await ended(false);
    expect(folding.isMaking).toBe(false);
    for (let minute = 0; minute < 19; minute += 1) await later(60);
    expect(make).toHaveBeenCalledOnce();
    await later(60);
    expect(make).toHaveBeenCalledTimes(2);
  });

  it('happens even if the clock was set back since: a future attempt is ignored', async () => {
    await recordAttempt(at('base.gguf'), at('one'), 365 * 24 * 3600_000);
    const { make, later } = idleHost();
    await later(0);
    await later(60);
    expect(make).toHaveBeenCalledOnce();
  });

  it('is not delayed by a clock that is set back', async () => {
    const { host, make, one } = idleHost();
    const now = vi.spyOn(Date, 'now').mockReturnValue(5000_000);
    const steady = vi.spyOn(performance, 'now').mockReturnValue(0);
    onTestFinished(() => void vi.restoreAllMocks());
    const folding = new IdleFolding({ basePath: at('base.gguf'), make, watch: () => () => 0 });
    for (let n = 0; n < 20; n++) folding.noteUse(one);
    await folding.check(host as unknown as LlamaHost);
    now.mockReturnValue(1000);
    steady.mockReturnValue(61_000);
    await folding.check(host as unknown as LlamaHost);
    expect(make).toHaveBeenCalledOnce();
  });

  it('is given up if it takes far too long; until then the server does not end', async () => {
    const { stop, later } = idleHost();
    await later(0);
    await later(60);
    await later(20 * 60);
    expect(stop).not.toHaveBeenCalled();
    await later(20 * 60);
    expect(stop).toHaveBeenCalledOnce();
  });

  it.runIf(process.platform !== 'win32').each([
    [
      'that is asked to stop',
      'process.once("disconnect", () => process.exit(1)); setInterval(() => {}, 1000);',
    ],
    ['that was paused', 'process.kill(process.pid, "SIGSTOP");'],
  ])('is over once its process %s has ended', async (_, program) => {
    await writeFile(at('fold.mjs'), program);
    const { host, one } = idleHost();
    let now = 0;
    const folding = new IdleFolding({ basePath: at('base.gguf'), now: () => now, watch: () => () => 0 });
    for (let n = 0; n < 20; n++) folding.noteUse(one);
    const look = () => folding.check(host as unknown as LlamaHost);
    await look();
    now += 60_000;
    await look();
    expect(folding.isMaking).toBe(true);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    folding.noteUse(one);
    await vi.advanceTimersByTimeAsync(60_000);
    vi.useRealTimers();
    await vi.waitFor(() => expect(folding.isMaking).toBe(false), 20_000);
  });

  it("does not happen if the loaded base's file was replaced, nor is a copy found", async () => {
    const { make, later, folding, one } = idleHost();
    await later(0);
    await writeFile(at('base.gguf'), 'another base');
    onTestFinished(() => writeFile(at('base.gguf'), 'base'));
    await storeCopy(at('base.gguf'), one.path, write('copy'));
    expect(await findCopy(at('base.gguf'), one.path)).toBeDefined();
    expect(await folding.find(one)).toBeUndefined();
    await removeCopy(at('base.gguf'), one.path);
    await later(60);
    expect(make).not.toHaveBeenCalled();
  });

  it('does not happen while other programs are busy', async () => {
    const { make, others, later } = idleHost();
    others.busy = 1;
    for (let minute = 0; minute < 3; minute += 1) await later(60);
    others.busy = 0;
    await later(50);
    expect(make).not.toHaveBeenCalled();
    await later(10);
    expect(make).toHaveBeenCalledOnce();
  });

  it('does not happen while a request waits, after a few requests, for the base alone, or with a GPU', async () => {
    const [waiting, few, base, gpu] = [idleHost(), idleHost(19), idleHost(0), idleHost()];
    waiting.statistics.active = 1;
    base.statistics.requests = 30;
    gpu.host.device.backend = 'vulkan';
    for (const { later, make } of [waiting, few, base, gpu]) {
      await later(0);
      await later(100);
      await later(100);
      expect(make).not.toHaveBeenCalled();
    }
  });

  it('has no effect on the host if the adapter is no longer offered', async () => {
    const { host, later, ended, folding, one } = idleHost();
    await later(0);
    await later(60);
    await ended(true);
    await vi.waitFor(() => expect(folding).toMatchObject({ readyAdapter: one }));
    host.models = ['base'];
    await later(5);
    expect(host.complete).not.toHaveBeenCalled();
  });
});
