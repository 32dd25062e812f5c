import { describe, expect, it } from 'vitest';
import { SampleQueue } from '../../../src/serving/host/sample-queue.ts';

interface Job {
  prompt: string;
  index: number;
}

function queueOf(counts: Record<string, number>): SampleQueue<Job> {
  const queue = new SampleQueue<Job>();
  for (const [prompt, count] of Object.entries(counts))
    for (let index = 0; index < count; index += 1) queue.add({ prompt, index });
  return queue;
}

/** The jobs that the takers get in turn, each staying with its prompt as long as it can. */
function takeAll(queue: SampleQueue<Job>, takers: number): Job[][] {
  const taken: Job[][] = Array.from({ length: takers }, () => []);
  while (!queue.empty)
    for (const own of taken) {
      const job = queue.take(own.at(-1)?.prompt);
      if (job) own.push(job);
    }
  return taken;
}

describe('the next sample', () => {
  it('covers every job once, those of a prompt in order', () => {
    for (const takers of [1, 2, 3, 8, 20]) {
      const queue = queueOf({ a: 5, b: 1, c: 7 });
      const all = takeAll(queue, takers).flat();
      const indices = (name: string) => all.filter(({ prompt }) => prompt === name).map(({ index }) => index);
      expect(indices('a').sort()).toEqual([0, 1, 2, 3, 4]);
      expect(indices('b')).toEqual([0]);
      expect(indices('c').sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
      expect(queue.take()).toBeUndefined();
    }
  });

  it('comes from a different prompt for each taker while there are new prompts', () => {
    const names = Array.from({ length: 12 }, (_, index) => `prompt ${index}`);
    const queue = queueOf(Object.fromEntries(names.map((name) => [name, 10])));
    const readers = takeAll(queue, 4).map((own) => new Set(own.map(({ prompt }) => prompt)));
    expect(readers.reduce((total, prompts) => total + prompts.size, 0)).toBe(names.length);
  });

  it('leaves no taker idle: the prompt with the most jobs left is shared', () => {
    const queue = queueOf({ short: 2, long: 9 });
    expect([queue.take(), queue.take()].map((job) => job?.prompt)).toEqual(['short', 'long']);
    expect(queue.take()).toEqual({ prompt: 'long', index: 1 });
    expect(queue.take('short')).toEqual({ prompt: 'short', index: 1 });
    expect(queue.take('short')).toEqual({ prompt: 'long', index: 2 });
  });

  it('skips a job that was removed', () => {
    const queue = new SampleQueue<Job>();
    const jobs = [0, 1, 2].map((index) => ({ prompt: 'one', index }));
    for (const job of jobs) queue.add(job);
    queue.remove(jobs[1]!);
    expect([queue.take(), queue.take('one')].map((job) => job?.index)).toEqual([0, 2]);
    queue.remove(jobs[0]!);
    expect(queue.empty).toBe(true);
  });
});
