import { describe, expect, it } from 'vitest';
import { readLogProbability } from '../../../src/serving/tokens/log-probabilities.ts';
import { Metrics } from '../../../src/serving/http/metrics.ts';
import { layOutPrompt } from '../../../src/serving/tokens/prompt-tokens.ts';
import { candidatesFor, fastest } from '../../../src/serving/threads/threads.ts';
import type { Vocabulary } from '../../../src/serving/tokens/vocabulary.ts';

describe('log probabilities', () => {
  const vocabulary = { piece: (token: number) => `t${token}` } as Vocabulary;
  const softmax = (logits: number[], temperature: number) => {
    const exps = logits.map((logit) => Math.exp(logit / temperature));
    const sum = exps.reduce((a, b) => a + b, 0);
    return new Map(
      exps.map((value, index): [number, number] => [index, value / sum]).sort((a, b) => b[1] - a[1]),
    );
  };
  it.each([0, 0.3, 1, 1.7])('are those before temperature %f', (temperature) => {
    const logits = [0.2, 2, -1, 1.5];
    const plain = softmax(logits, 1);
    const chance = readLogProbability(softmax(logits, temperature || 1), 3, {
      count: 2,
      temperature,
      vocabulary,
    });
    expect(chance.logprob).toBeCloseTo(Math.log(plain.get(3)!), 10);
    expect(chance.top.map(({ token }) => token)).toEqual(['t1', 't3']);
    expect(chance.top[0]!.logprob).toBeCloseTo(Math.log(plain.get(1)!), 10);
  });
  it('are finite for impossible tokens', () =>
    expect(readLogProbability(new Map([[1, 1]]), 2, { count: 0, vocabulary }).logprob).toBeLessThan(-100));
});

describe('metrics', () => {
  it("are in Prometheus's format", () => {
    const metrics = new Metrics({
      asks_total: { type: 'counter', help: 'Asks.' },
      ask_seconds: { type: 'histogram', help: 'Time.' },
    });
    metrics.add('asks_total', { model: 'a "b"\\' });
    metrics.add('asks_total', { model: 'a "b"\\' }, 2);
    metrics.observe('ask_seconds', 0.3, { model: 'a' });
    metrics.observe('ask_seconds', 70, { model: 'a' });
    const lines = metrics.render().split('\n');
    expect(lines.slice(0, 3)).toEqual([
      '# HELP asks_total Asks.',
      '# TYPE asks_total counter',
      'asks_total{model="a \\"b\\"\\\\"} 3',
    ]);
    expect(lines).toContain('ask_seconds_bucket{model="a",le="0.25"} 0');
    expect(lines).toContain('ask_seconds_bucket{model="a",le="0.5"} 1');
    expect(lines).toContain('ask_seconds_bucket{model="a",le="+Inf"} 2');
    expect(lines).toContain('ask_seconds_sum{model="a"} 70.3');
    expect(lines).toContain('ask_seconds_count{model="a"} 2');
  });
});

describe('threads', () => {
  it('are tried from one to all cores', () => {
    expect(candidatesFor(1)).toEqual([1]);
    expect(candidatesFor(6)).toEqual([1, 2, 4, 6]);
  });
  it.each([
    [{ 1: 100, 2: 60, 4: 40, 8: 90 }, 4],
    // Hardly faster is not worth it.
    [{ 1: 100, 2: 99, 4: 98, 8: 97 }, 1],
    // Much slower ends the search.
    [{ 1: 100, 2: 400, 4: 1, 8: 1 }, 1],
    // Too slow to continue.
    [{ 1: 9000, 2: 1, 4: 1, 8: 1 }, 1],
  ])('are the best choice given %j', async (times: Record<number, number>, best) =>
    expect(await fastest([1, 2, 4, 8], (candidate) => Promise.resolve(times[candidate]!))).toBe(best),
  );
});

describe('a prompt with other files and begun text', () => {
  const fill = { prefix: 9001, suffix: 9002, middle: 9003 };
  it('has them before and after the rest', () =>
    expect(
      layOutPrompt([1], [2], { fill, bos: undefined, room: 100, context: [7, 8], begun: [5] }).tokens,
    ).toEqual([7, 8, 9001, 1, 9002, 2, 9003, 5]));
  it('loses the files first, and keeps the begun text', () => {
    const many = (count: number, from: number) => Array.from({ length: count }, (_, index) => from + index);
    const { tokens, trimmed } = layOutPrompt(many(50, 100), many(10, 300), {
      fill,
      bos: undefined,
      room: 80,
      context: many(200, 1000),
      begun: [5, 6],
    });
    expect(tokens.slice(-3)).toEqual([fill.middle, 5, 6]);
    expect(tokens.filter((token) => token >= 100 && token < 310)).toHaveLength(60);
    expect(tokens.length).toBeLessThanOrEqual(80);
    expect(trimmed).toBe(262 - (tokens.length - 3));
  });
});
