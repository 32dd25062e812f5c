import { describe, expect, it } from 'vitest';
import { LruMemory } from '../../../src/serving/host/lru-memory.ts';

function scene(limit: number) {
  const residents = new LruMemory<{ name: string; bytes: number; dispose(): Promise<void> }>(limit);
  const log: string[] = [];
  const use = <R>(
    name: string,
    work: (value: { name: string }) => Promise<R>,
    signal?: AbortSignal,
    bytes = 10,
  ) =>
    residents.use(
      name,
      {
        expected: () => bytes,
        open: () => {
          log.push(`+${name}`);
          const dispose = () => Promise.resolve(void log.push(`-${name}`));
          return name === 'broken'
            ? Promise.reject(new Error('broken'))
            : Promise.resolve({ name, bytes, dispose });
        },
      },
      work,
      signal,
    );
  const touch = (name: string) => use(name, (value) => Promise.resolve(value.name));
  return { residents, log, use, touch };
}

describe('a model kept in memory', () => {
  it('is opened once and stays', async () => {
    const { log, touch, residents } = scene(100);
    expect(await Promise.all([touch('a'), touch('a'), touch('b')])).toEqual(['a', 'a', 'b']);
    await touch('a');
    expect(log).toEqual(['+a', '+b']);
    expect([residents.bytes, residents.size]).toEqual([20, 2]);
  });

  it('is closed if there is no room, least recently used first', async () => {
    const { log, touch, residents } = scene(20);
    for (const name of ['a', 'b', 'a', 'c', 'a']) await touch(name);
    expect(log).toEqual(['+a', '+b', '-b', '+c']);
    expect(residents.evictions).toBe(1);
    expect(residents.bytes).toBe(20);
  });

  it('is never closed while in use: others wait for the room', async () => {
    const { log, use, touch } = scene(10);
    let release = () => {};
    const using = use('a', () => new Promise<void>((resolve) => (release = resolve)));
    const waiting = touch('b');
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(log).toEqual(['+a']);
    release();
    await Promise.all([using, waiting]);
    expect(log).toEqual(['+a', '-a', '+b']);
  });

  it('is not opened if the wait is cancelled', async () => {
    const { log, use, touch } = scene(10);
    const leaving = new AbortController();
    let release = () => {};
    const using = use('a', () => new Promise<void>((resolve) => (release = resolve)));
    await new Promise((resolve) => setTimeout(resolve, 5));
    const waiting = use('b', () => Promise.resolve(), leaving.signal);
    leaving.abort(new Error('left'));
    await expect(waiting).rejects.toThrow('left');
    release();
    await using;
    await touch('a');
    expect(log.includes('+b')).toBe(false);
  });

  it('does not affect its successor if its wait is cancelled', async () => {
    const { log, use, touch, residents } = scene(10);
    const leaving = new AbortController();
    let release = () => {};
    let holds = () => {};
    const held = new Promise<void>((resolve) => (holds = resolve));
    const using = use('a', () => (holds(), new Promise<void>((resolve) => (release = resolve))));
    await held;
    const waiting = use('b', () => Promise.resolve(), leaving.signal);
    leaving.abort(new Error('left'));
    await expect(waiting).rejects.toThrow('left');
    await residents.retire('b');
    const newer = touch('b');
    release();
    await Promise.all([using, newer]);
    await touch('b');
    expect(log).toEqual(['+a', '-a', '+b']);
  });

  it('is opened alone, even if it is larger than the limit', async () => {
    const { log, use, touch } = scene(15);
    await touch('a');
    expect(await use('large', (value) => Promise.resolve(value.name), undefined, 40)).toBe('large');
    expect(log).toEqual(['+a', '-a', '+large']);
  });

  it('finishes its work after it is retired, and is opened again for others', async () => {
    const { log, use, touch, residents } = scene(100);
    let release = () => {};
    const using = use('a', () => new Promise<void>((resolve) => (release = resolve)));
    await new Promise((resolve) => setTimeout(resolve, 5));
    await residents.retire('a');
    expect(log).toEqual(['+a']);
    await touch('a');
    release();
    await using;
    expect(log).toEqual(['+a', '+a', '-a']);
    await residents.dispose();
    expect(log).toEqual(['+a', '+a', '-a', '-a']);
  });

  it('is retried after failing to open', async () => {
    const { log, touch, residents } = scene(100);
    await expect(touch('broken')).rejects.toThrow('broken');
    await expect(touch('broken')).rejects.toThrow('broken');
    expect(log).toEqual(['+broken', '+broken']);
    expect(residents.size).toBe(0);
  });
});
