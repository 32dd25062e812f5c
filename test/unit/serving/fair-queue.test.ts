import { describe, expect, it } from 'vitest';
import { FairQueue } from '../../../src/serving/http/fair-queue.ts';

/** Requests that run until they are ended; `order` records which have started. */
function scene(options: Partial<ConstructorParameters<typeof FairQueue>[0]> = {}) {
  const queue = new FairQueue({ slots: 1, perModel: 1, waiting: 100, ...options });
  const order: string[] = [];
  const ends: (() => void)[] = [];
  const ask = (model: string, client: string, name: string, signal = new AbortController().signal) =>
    queue.run(
      model,
      client,
      () => {
        order.push(name);
        return new Promise<void>((resolve) => ends.push(resolve));
      },
      signal,
    );
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  const endAll = async () => {
    for (let end = ends.shift(); end; end = ends.shift()) {
      end();
      await settle();
    }
  };
  return { queue, order, ask, endAll, settle };
}

describe('the queue', () => {
  it('serves models in turn, however many requests one of them has', async () => {
    const { order, ask, endAll, settle } = scene();
    const all = ['a1', 'a2', 'a3', 'b1', 'c1', 'b2'].map((name) => ask(name[0]!, 'x', name));
    await settle();
    await endAll();
    await Promise.all(all);
    // a1 was alone when it came; then those waiting, in turn.
    expect(order).toEqual(['a1', 'a2', 'b1', 'c1', 'a3', 'b2']);
  });

  it('serves the clients of a model in turn', async () => {
    const { order, ask, endAll, settle } = scene();
    const all = ['x1', 'x2', 'x3', 'y1'].map((name) => ask('a', name[0]!, name));
    await settle();
    await endAll();
    await Promise.all(all);
    expect(order).toEqual(['x1', 'x2', 'y1', 'x3']);
  });

  it("limits a model's concurrent requests, and runs other models meanwhile", async () => {
    const { queue, order, ask, endAll, settle } = scene({ slots: 3, perModel: 2 });
    const all = ['a1', 'a2', 'a3', 'b1'].map((name) => ask(name[0]!, 'x', name));
    await settle();
    expect(order).toEqual(['a1', 'a2', 'b1']);
    expect([queue.running, queue.waiting]).toEqual([3, 1]);
    await endAll();
    await Promise.all(all);
    expect([queue.running, queue.waiting]).toEqual([0, 0]);
  });

  it('rejects excess requests, says when to retry, and accepts more once there is room', async () => {
    const { queue, ask, endAll, settle } = scene({ waiting: 2 });
    const all = ['a1', 'a2', 'a3'].map((name) => ask('a', 'x', name));
    await settle();
    const refusal = await ask('a', 'x', 'a4').catch((error: unknown) => error);
    expect(refusal).toMatchObject({ status: 429, code: 'too_many_requests', retryAfter: expect.any(Number) });
    expect((refusal as { retryAfter: number }).retryAfter).toBeGreaterThanOrEqual(1);
    expect(queue.waiting).toBe(2);
    await endAll();
    await Promise.all(all);
    const again = ask('a', 'x', 'a5');
    await settle();
    await endAll();
    await again;
  });

  it('drops clients that give up waiting', async () => {
    const { queue, order, ask, endAll, settle } = scene();
    const leaving = new AbortController();
    const first = ask('a', 'x', 'a1');
    const second = ask('a', 'x', 'a2', leaving.signal);
    const third = ask('a', 'x', 'a3');
    leaving.abort(new Error('left'));
    await expect(second).rejects.toThrow('left');
    expect(queue.waiting).toBe(1);
    await settle();
    await endAll();
    await Promise.all([first, third]);
    expect(order).toEqual(['a1', 'a3']);
  });

  it('continues after a request that fails', async () => {
    const queue = new FairQueue({ slots: 1, perModel: 1, waiting: 10 });
    const { signal } = new AbortController();
    const failing = queue.run('a', 'x', () => Promise.reject(new Error('broken')), signal);
    await expect(failing).rejects.toThrow('broken');
    expect(await queue.run('a', 'x', () => Promise.resolve(7), signal)).toBe(7);
  });
});
