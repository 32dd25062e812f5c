import { describe, expect, it } from 'vitest';
import { Resource, MemoryTurns } from '../../../src/evaluation/turns.ts';

/** A resource that records when it is in memory, and how many are at a time. */
function resources() {
  const log: string[] = [];
  let inMemory = 0;
  let most = 0;
  const resource = (name: string, fails = 0) =>
    new Resource(async () => {
      await Promise.resolve();
      if (fails-- > 0) throw new Error(`${name} failed`);
      most = Math.max(most, (inMemory += 1));
      log.push(`${name} opened`);
      return {
        name,
        dispose: async () => {
          await Promise.resolve();
          inMemory -= 1;
          log.push(`${name} closed`);
        },
      };
    });
  return { resource, log, most: () => most };
}

const soon = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('resources that take turns', () => {
  it('are never in memory together, and stay while in use', async () => {
    const { resource, log, most } = resources();
    const [scorer, server] = [resource('scorer'), resource('server')];
    const turns = new MemoryTurns();
    const use = (one: typeof scorer, what: string) =>
      turns.use(one, async ({ name }) => {
        await soon();
        log.push(`${name} ${what}`);
      });
    await Promise.all([use(scorer, 'a'), use(server, 'b'), use(scorer, 'c'), use(server, 'd')]);
    await turns.dispose();
    expect(most()).toBe(1);
    expect(log).toEqual([
      ...['scorer opened', 'scorer a', 'scorer c', 'scorer closed'],
      ...['server opened', 'server b', 'server d', 'server closed'],
    ]);
  });

  it('stay open if there is room', async () => {
    const { resource, log, most } = resources();
    const [scorer, server] = [resource('scorer'), resource('server')];
    const turns = new MemoryTurns(() => Promise.resolve(true));
    const use = (one: typeof scorer) => turns.use(one, () => Promise.resolve());
    for (const one of [scorer, server, scorer, server]) await use(one);
    expect(log).toEqual(['scorer opened', 'server opened']);
    expect(most()).toBe(2);
    await turns.close(server);
    await turns.dispose();
    expect(log.slice(2)).toEqual(['server closed', 'scorer closed']);
  });

  it('are reopened if they ended by themselves', async () => {
    let opened = 0;
    let end = () => {};
    const scorer = new Resource(() => {
      opened += 1;
      return Promise.resolve({
        dispose: () => {},
        closed: new Promise<void>((resolve) => (end = resolve)),
      });
    });
    const turns = new MemoryTurns();
    const use = () => turns.use(scorer, () => Promise.resolve());
    await use();
    await use();
    expect(opened).toBe(1);
    end();
    await soon();
    await use();
    expect(opened).toBe(2);
  });

  it('need room again if they ended by themselves', async () => {
    const { resource, log } = resources();
    const server = resource('server');
    let end = () => {};
    const scorer = new Resource(() => {
      log.push('scorer opened');
      const closed = new Promise<void>((resolve) => (end = resolve));
      return Promise.resolve({ dispose: () => {}, closed });
    });
    let hasRoom = true;
    const turns = new MemoryTurns(() => Promise.resolve(hasRoom));
    await turns.use(scorer, () => Promise.resolve());
    await turns.use(server, () => Promise.resolve());
    hasRoom = false;
    end();
    await soon();
    await turns.use(scorer, () => Promise.resolve());
    expect(log).toEqual(['scorer opened', 'server opened', 'server closed', 'scorer opened']);
  });

  it('make room after an error, too, whether of the work or while opening', async () => {
    const { resource, log, most } = resources();
    const [scorer, server] = [resource('scorer'), resource('server', 1)];
    const turns = new MemoryTurns();
    const broken = turns.use(scorer, () => Promise.reject(new Error('the work failed')));
    await expect(broken).rejects.toThrow('the work failed');
    await expect(turns.use(server, ({ name }) => Promise.resolve(name))).rejects.toThrow('server failed');
    expect(await turns.use(server, ({ name }) => Promise.resolve(name))).toBe('server');
    expect(await turns.use(scorer, ({ name }) => Promise.resolve(name))).toBe('scorer');
    await turns.dispose();
    expect(most()).toBe(1);
    expect(log.filter((line) => line.endsWith('opened'))).toHaveLength(3);
    expect(log.filter((line) => line.endsWith('closed'))).toHaveLength(3);
  });
});
