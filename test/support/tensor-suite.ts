/** Tests a backend's tensors: lifetimes, and operations against plain arithmetic in double precision. */
import { beforeAll, describe, expect, it } from 'vitest';
import { gaussian } from '../../src/statistics/random.ts';
import type { BackendName } from '../../src/protocol/run.ts';
import { english } from '../../src/text/message.ts';
import type { Backend, Tensor } from '../../src/tensor/index.ts';
import { sharedBackend } from './shared-backend.ts';

export function tensorSuite(name: BackendName): void {
  describe(`tensors on ${name}`, () => {
    let b: Backend;
    beforeAll(async () => {
      b = await sharedBackend(name);
    });
    const make = (shape: number[], seed = 1) =>
      b.tensor(
        gaussian(
          shape.reduce((x, y) => x * y, 1),
          1,
          seed,
        ),
        shape,
      );
    const values = async (x: Tensor) => Array.from(await b.read(x));
    const close = (actual: number[], expected: number[], tolerance = 1e-5) => {
      expect(actual.length).toBe(expected.length);
      actual.forEach((value, i) => expect(Math.abs(value - expected[i]!)).toBeLessThan(tolerance));
    };

    it('reports its name, and why it was chosen', () => {
      expect(b.name).toBe(name);
      expect(english(b.reason)).toContain('asked for');
    });

    it('frees what an arena does not return, at any depth', async () => {
      const before = b.liveTensors;
      const outer = b.arena(() => {
        const kept = b.keep(make([2, 2]));
        const { inner } = b.arena(() => ({ inner: [b.add(make([3]), 1)], other: make([5]).shape }));
        make([4]);
        return { inner, kept };
      });
      expect(b.liveTensors).toBe(before + 2);
      expect(await values(outer.kept)).toHaveLength(4);
      expect(await values(outer.inner[0]!)).toHaveLength(3);
      b.dispose(outer, outer);
      expect(b.liveTensors).toBe(before);
      expect(() => b.add(outer.kept, 1)).toThrow('after it was disposed');
    });

    it('frees what was allocated before an error', () => {
      const before = b.liveTensors;
      const failing = () =>
        b.arena(() => {
          make([4]);
          throw new Error('stop');
        });
      expect(failing).toThrow('stop');
      expect(b.liveTensors).toBe(before);
    });

    it('multiplies matrices in every orientation, also in batches', async () => {
      const [m, k, n] = [3, 5, 4];
      for (const transposeA of [false, true])
        for (const transposeB of [false, true])
          for (const batch of [[], [2]]) {
            const a = make([...batch, ...(transposeA ? [k, m] : [m, k])], 2);
            const c = make([...batch, ...(transposeB ? [n, k] : [k, n])], 3);
            const [av, cv] = [await values(a), await values(c)];
            const expected: number[] = [];
            for (let g = 0; g < (batch[0] ?? 1); g += 1)
              for (let i = 0; i < m; i += 1)
                for (let j = 0; j < n; j += 1) {
                  let sum = 0;
                  for (let l = 0; l < k; l += 1)
                    sum +=
                      av[g * m * k + (transposeA ? l * m + i : i * k + l)]! *
                      cv[g * k * n + (transposeB ? j * k + l : l * n + j)]!;
                  expected.push(sum);
                }
            close(await values(b.matmul(a, c, { transposeA, transposeB })), expected);
          }
    });

    it('computes cross-entropy and its gradient', async () => {
      const logits = make([3, 6]);
      const labels = [4, 0, 5];
      const { losses, gradient } = b.crossEntropy(logits, b.tensor(Int32Array.from(labels), [3]));
      const rows = await values(logits);
      const probabilities = labels.map((_, r) => {
        const row = rows.slice(r * 6, r * 6 + 6).map(Math.exp);
        const total = row.reduce((x, y) => x + y, 0);
        return row.map((value) => value / total);
      });
      close(
        await values(losses),
        labels.map((label, r) => -Math.log(probabilities[r]![label]!)),
      );
      close(
        await values(gradient),
        probabilities.flatMap((row, r) => row.map((p, i) => p - Number(i === labels[r]))),
      );
      close(await values(b.logSoftmax(logits)), probabilities.flat().map(Math.log));
      close(await values(b.softmax(logits)), probabilities.flat());
    });

    it('gathers, adds and sets rows', async () => {
      const table = b.tensor(
        Float32Array.from({ length: 8 }, (_, i) => i),
        [4, 2],
      );
      const indices = b.tensor(Int32Array.of(3, 1, 3), [3]);
      close(await values(b.gather(table, indices)), [6, 7, 2, 3, 6, 7]);
      const rows = b.tensor(Float32Array.of(1, 2, 10, 20, 100, 200), [3, 2]);
      const sum = b.addRows(b.zeros([4, 2]), rows, indices);
      close(await values(sum), [0, 0, 10, 20, 0, 0, 101, 202]);
      const twice = b.addRows(
        sum,
        b.tensor(
          Float32Array.from({ length: 8 }, () => 1),
          [4, 2],
        ),
      );
      close(await values(twice), [1, 1, 11, 21, 1, 1, 102, 203]);
      close(
        await values(b.setRows(twice, b.tensor(Float32Array.of(5, 6, 7, 8), [2, 2]), 1)),
        [1, 1, 5, 6, 7, 8, 102, 203],
      );
      close(await values(b.setRows(make([3]), b.tensor(Float32Array.of(1, 2, 3), [3]), 0)), [1, 2, 3]);
    });

    it('makes zeros of each type', async () => {
      expect(b.zeros([2, 3]).dtype).toBe('f32');
      const integers = b.zeros([3], 'i32');
      expect(integers.dtype).toBe('i32');
      expect(await values(integers)).toEqual([0, 0, 0]);
      if (b.precisions.includes('bf16')) expect(b.zeros([2], 'bf16').dtype).toBe('bf16');
      else expect(() => b.zeros([2], 'bf16')).toThrow('no bf16');
    });

    it('reshapes, transposes, slices and joins', async () => {
      const x = b.tensor(
        Float32Array.from({ length: 12 }, (_, i) => i),
        [2, 3, 2],
      );
      close(await values(b.transpose(x, [1, 0, 2])), [0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11]);
      close(await values(b.slice(x, [0, 1, 1], [2, 2, 1])), [3, 5, 9, 11]);
      const flat = b.reshape(x, [4, 3]);
      expect(flat.shape).toEqual([4, 3]);
      close(
        await values(b.concat([b.slice(flat, [0, 0], [1, 3]), b.slice(flat, [3, 0], [1, 3])], 1)),
        [0, 1, 2, 9, 10, 11],
      );
      close(await values(b.concat([flat], 0)), await values(x));
    });

    it('works element by element and along an axis', async () => {
      const x = make([2, 3]);
      const xs = await values(x);
      const column = b.tensor(Float32Array.of(2, -3), [2, 1]);
      close(
        await values(b.mul(x, column)),
        xs.map((value, i) => value * (i < 3 ? 2 : -3)),
      );
      close(
        await values(b.sub(b.div(b.add(x, 1), 4), 2)),
        xs.map((value) => (value + 1) / 4 - 2),
      );
      close(
        await values(b.sigmoid(x)),
        xs.map((value) => 1 / (1 + Math.exp(-value))),
      );
      close(await values(b.sign(b.concat([x, b.zeros([1, 3])], 0))), [...xs.map(Math.sign), 0, 0, 0]);
      const small = b.tensor(Float32Array.of(1e-6, -1e-8, 1e-12, -1e-30), [4]);
      expect(await values(b.sign(small))).toEqual([1, -1, 1, -1]);
      close(await values(b.sqrt(b.square(x))), xs.map(Math.abs));
      close(
        await values(b.rsqrt(b.add(b.square(x), 1))),
        xs.map((value) => 1 / Math.sqrt(value * value + 1)),
        1e-4,
      );
      close(
        await values(b.sum(x, 0)),
        [0, 1, 2].map((i) => xs[i]! + xs[i + 3]!),
      );
      const mean = b.mean(x, 1, true);
      expect(mean.shape).toEqual([2, 1]);
      close(
        await values(mean),
        [0, 3].map((i) => (xs[i]! + xs[i + 1]! + xs[i + 2]!) / 3),
      );
      close(await values(b.sumOfSquares(x)), [xs.reduce((sum, value) => sum + value * value, 0)]);
    });

    it('supports bf16, or throws', async () => {
      const x = b.tensor(Float32Array.of(1, 1 + 2 ** -9, -3.14159), [3]);
      if (!b.precisions.includes('bf16')) return expect(() => b.cast(x, 'bf16')).toThrow('no bf16');
      const half = b.cast(x, 'bf16');
      expect(half.dtype).toBe('bf16');
      expect(await values(half)).toEqual([1, 1, -3.140625]);
    });
  });
}
