import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { measure } from '../../../bench/training/child.ts';
import {
  largeMatrices,
  operationsPerToken,
  shapes,
  type Job,
  type Measurement,
} from '../../../bench/training/job.ts';
import { writeRandomBase } from '../../../bench/training/random-base.ts';
import { compare } from '../../../bench/training/summary.ts';
import { elementCount, openGguf } from '../../../src/gguf/index.ts';
import { readConfig } from '../../../src/model/index.ts';

const job: Job = {
  shape: shapes['smollm2-135m'],
  precision: 'f32',
  sequence: 512,
  batch: 1,
  warmupSteps: 1,
  steps: 3,
  threads: 1,
  seed: 1,
  learningRate: 1e-4,
  clipNorm: 1,
  lora: { rank: 16, alpha: 32, dropout: 0 },
  base: '',
  randomBase: true,
  recompute: false,
};

const run = (seconds: number[], peakBytes: number, more: Partial<Measurement> = {}): Measurement => ({
  framework: 'a framework',
  trainedParameters: 4_884_480,
  steps: seconds.map((wallSeconds) => ({ wallSeconds, cpuSeconds: wallSeconds, loss: 10.8 })),
  peakBytes,
  cpuSeconds: 1,
  ...more,
});

describe('results', () => {
  it('are ratios of medians, without the warm-up', () => {
    const ours = [run([99, 1, 2, 3], 1e9, { matmulRate: 512 * 567e6 }), run([99, 2, 2, 50], 1e9)];
    const theirs = [run([0.1, 4, 4, 4], 4e9)];
    const results = compare(ours, theirs, job);
    expect(results).toMatchObject({ speedRatio: 2, memoryRatio: 0.25, tokensPerSecond: 256 });
    // 2 s per step, where about 1 s is possible at the matmul rate.
    expect(results.rooflineShare).toBeCloseTo(0.5, 2);
  });

  it('are rejected if the two sides did different work', () => {
    const other = run([1, 1, 1, 1], 1, { trainedParameters: 7 });
    expect(() => compare([run([1, 1, 1, 1], 1)], [other], job)).toThrow('4884480 parameters');
    const learned = run([1, 1, 1, 1], 1);
    learned.steps[2]!.loss = 0.3;
    expect(() => compare([run([1, 1, 1, 1], 1)], [learned], job)).toThrow('loss of 0.3');
  });
});

describe('operations', () => {
  it("match engine.md's count for SmolLM2-135M", () => {
    // 134.5 million parameters; the norms' gains (61 x 576) are not part of matrix products.
    const frozen = largeMatrices(shapes['smollm2-135m']).reduce(
      (sum, m) => sum + m.rows * m.columns * m.count,
      0,
    );
    expect(frozen).toBe(134_515_008 - 61 * 576);
    expect(operationsPerToken(shapes['smollm2-135m'], 4_884_480)).toBeCloseTo(567.2e6, -6);
  });
});

describe('a random base', () => {
  let dir: string | undefined;
  afterEach(async () => {
    if (dir) await rm(dir, { recursive: true });
    dir = undefined;
  });

  it.each(['llama', 'qwen2'] as const)(
    '%s: a GGUF file that the loader reads with the expected shape',
    async (architecture) => {
      dir = await mkdtemp(join(tmpdir(), 'forget-me-not-bench-test-'));
      const path = join(dir, 'base.gguf');
      const small = {
        layers: 2,
        hiddenSize: 32,
        feedForwardSize: 48,
        heads: 4,
        kvHeads: 2,
        vocabularySize: 40,
      };
      await writeRandomBase(path, { ...shapes['qwen2.5-1.5b'], ...small, architecture }, 'bf16');
      const gguf = await openGguf(path);
      try {
        expect(readConfig(gguf)).toMatchObject({
          architecture,
          layers: 2,
          width: 32,
          hiddenWidth: 48,
          heads: 4,
          kvHeads: 2,
          vocabularySize: 40,
          tiedHead: true,
        });
        const values = await gguf.readF32('blk.1.ffn_down.weight');
        expect(values).toHaveLength(elementCount([32, 48]));
        const deviation = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
        expect(deviation).toBeCloseTo(0.02, 2);
      } finally {
        await gguf.close();
      }
    },
  );
});

describe('a side that cannot do a job', () => {
  const node = (script: string) => [process.execPath, '-e', script];
  const never = new AbortController().signal;

  it('says why and does not crash', async () => {
    const failing = measure(node('throw new RangeError("too large")'), job, never);
    await expect(failing).rejects.toThrow('RangeError: too large');
    await expect(measure(node('process.kill(process.pid, "SIGKILL")'), job, never)).rejects.toThrow(
      'out of memory',
    );
  });

  it('receives the job as JSON and answers in JSON', async () => {
    const echo =
      'for (const end = Date.now() + 100; Date.now() < end;);' +
      'console.log(JSON.stringify({ framework: JSON.parse(process.argv.at(-1)).precision, cpuSeconds: 0 }))';
    const outcome = await measure(node(echo), job, never);
    expect(outcome).toMatchObject({ framework: 'f32' });
    // What a child computes and does not report counts as the work of other programs.
    expect(outcome.disturbance).toBeGreaterThan(0);
    expect(outcome.disturbance).toBeLessThanOrEqual(1);
  });

  it('is stopped on demand', async () => {
    const stop = new AbortController();
    const waiting = measure(node('setInterval(() => {}, 1000)'), job, stop.signal);
    stop.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'cancelled' });
  });
});
