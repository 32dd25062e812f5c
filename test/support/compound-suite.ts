/** Compares a backend's compound operations with their composition from simple ones, on random numbers. */
import { beforeAll, describe, expect, it } from 'vitest';
import { Composed } from '../../src/tensor/composed.ts';
import type { Compound, HeadLayout, QueryChunk } from '../../src/tensor/compound.ts';
import type { Backend, Tensor } from '../../src/tensor/index.ts';
import { Random } from './random.ts';

type Type = 'f32' | 'bf16';
type Result = Record<string, Tensor | undefined>;

export function compoundSuite(start: () => Promise<Backend>, types: readonly Type[] = ['f32', 'bf16']): void {
  let b: Backend;
  beforeAll(async () => (b = await start()));

  let seed = 0;
  const random = (shape: number[], type: Type = 'f32') => {
    const count = shape.reduce((x, y) => x * y, 1);
    const values = b.tensor(new Random((seed += 1)).normals(count), shape);
    return type === 'bf16' ? b.cast(values, 'bf16') : values;
  };
  const ints = (values: number[]) => b.tensor(Int32Array.from(values), [values.length]);

  /**
   * Runs `body` with the composition and with the backend's operations, on the same inputs, and compares the results.
   */
  async function same(type: Type, body: (compound: Compound) => Result): Promise<void> {
    const results: Map<string, Float32Array>[] = [];
    for (const compound of [new Composed(b), b.compound]) {
      seed = 0;
      const made = body(compound);
      const values = new Map<string, Float32Array>();
      for (const [name, tensor] of Object.entries(made)) if (tensor) values.set(name, await b.read(tensor));
      results.push(values);
    }
    const [expected, found] = results as [Map<string, Float32Array>, Map<string, Float32Array>];
    expect([...found.keys()]).toEqual([...expected.keys()]);
    for (const [name, wanted] of expected) {
      const largest = wanted.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
      const worst = wanted.reduce((most, x, i) => Math.max(most, Math.abs(x - found.get(name)![i]!)), 0);
      expect(found.get(name)!.length, name).toBe(wanted.length);
      // bf16 has 8 significant bits, and the composition rounds to it a few times more than the backend.
      expect(worst / (largest || 1), name).toBeLessThan(type === 'bf16' ? 0.012 : 2e-6);
    }
  }

  describe.each(types)('%s', (type) => {
    it.each([
      [1, 5],
      [3, 17],
      [64, 576],
      [200, 130],
    ])('norm and its gradient, %i x %i', (rows, width) =>
      same(type, (c) => {
        const [x, gain, dy] = [random([rows, width]), random([width]), random([rows, width], type)];
        const { y, inverse } = c.norm(x, gain, 1e-5, type);
        return {
          y,
          inverse,
          dx: c.normGradient(dy, x, inverse, gain),
          more: c.normGradient(dy, x, inverse, gain, random([rows, width])),
        };
      }),
    );

    it('sums and masks', () =>
      same(type, (c) => {
        const mask = b.tensor(
          Float32Array.from({ length: 100_000 }, (_, i) => Number(i % 3 > 0)),
          [100_000],
        );
        const table = type === 'bf16' ? b.cast(mask, 'bf16') : mask;
        const part = () => random([70, 333], type);
        return {
          add: c.add(random([70, 333]), part()),
          into: c.addInto(part(), part()),
          masked: c.addInto(part(), part(), { table, begin: 1234 }),
          product: c.multiply(part(), { table, begin: 777 }),
        };
      }));

    it('the gated MLP and its gradient', () =>
      same(type, (c) => {
        const gateUp = random([90, 2 * 333], type);
        return { product: c.swiglu(gateUp), dGateUp: c.swigluGradient(gateUp, random([90, 333], type)) };
      }));

    it.each(['neighbours', 'halves'] as const)('heads, split and joined, by %s', (pairing) =>
      same(type, (c) => {
        const layout: HeadLayout = { length: 37, heads: 6, kvHeads: 2, headSize: 16, pairing };
        const angle = (f: (x: number) => number) =>
          b.tensor(
            Float32Array.from({ length: 37 * 8 }, (_, i) => f(i / 9)),
            [37, 8],
          );
        const angles = { cos: angle(Math.cos), sin: angle(Math.sin) };
        const { q, k, v } = c.splitHeads(random([2 * 37, 10 * 16], type), angles, layout);
        const back = [random([4, 37, 48], type), random([4, 37, 16]), random([4, 37, 16])] as const;
        return { q, k, v, joined: c.joinHeads(...back, angles, layout) };
      }),
    );

    it.each([false, true])('a chunk of attention (documents: %s)', (documents) =>
      same(type, (c) => {
        const starts = Array.from({ length: 2 * 40 }, (_, i) =>
          i < 40 ? (i < 22 ? 0 : 22) : i < 58 ? 10 : 18,
        );
        starts.fill(0, 40, 50);
        const chunk: QueryChunk = {
          length: 40,
          begin: 20,
          rows: 10,
          from: 5,
          group: 3,
          kvHeads: 2,
          starts: documents ? ints(starts) : undefined,
        };
        const shape = [4, 30, 25];
        // Without documents, the keys begin at the first token.
        const whole = documents ? chunk : { ...chunk, from: 0 };
        if (!documents) shape[2] = 30;
        const p = c.maskedSoftmax(random(shape, type), whole);
        return {
          p,
          dp: c.softmaxGradient(p, random(shape, type)),
          sum: c.addKeys(random([4, 40, 16]), random([4, shape[2]!, 16], type), whole),
        };
      }),
    );

    it('cross-entropy with weights, and without', () =>
      same(type, (c) => {
        const labels = ints([5, 0, 998, 17]);
        const weights = b.tensor(Float32Array.of(0.5, 0, 0.25, 1), [4]);
        const alone = c.crossEntropy(random([4, 999], type), labels);
        return { ...renamed(c.crossEntropy(random([4, 999], type), labels, weights)), alone: alone.losses };
      }));

    it('blocks of matrices', () =>
      same(type, (c) => {
        const part = () => random([70, 48], type);
        const place = { row: 20, column: 16, scale: 0.3 };
        return {
          fresh: c.accumulate(undefined, [40, 16], part(), place),
          more: c.accumulate(random([40, 16]), [40, 16], part(), place),
          whole: c.accumulate(random([70, 48]), [70, 48], part()),
          vector: c.accumulate(random([48]), [48], random([48], type)),
          put: c.put(part(), random([40, 16]), place),
        };
      }));
  });

  it('optimisers', () =>
    same('f32', (c) => {
      const numbers = {
        learningRate: 0.01,
        beta1: 0.9,
        beta2: 0.95,
        epsilon: 1e-8,
        weightDecay: 0.1,
        gradientScale: 0.7,
        step: 3,
      };
      const shape = [300, 33];
      const second = b.square(random(shape));
      const adam = c.adamw(
        [{ value: random(shape), first: random(shape), second, gradient: random(shape) }],
        numbers,
      )[0]!;
      const lion = c.lionw(
        [{ value: random(shape), first: random(shape), gradient: random(shape) }],
        numbers,
      )[0]!;
      return { ...adam, lionValue: lion.value, lionFirst: lion.first };
    }));

  it('passes NaN on', async () => {
    const x = b.tensor(Float32Array.of(NaN, 1, 2, 3), [1, 4]);
    const { losses } = b.compound.crossEntropy(x, ints([1]));
    expect((await b.read(losses))[0]).toBeNaN();
    expect((await b.read(b.compound.swiglu(b.tensor(Float32Array.of(NaN, 1), [1, 2]))))[0]).toBeNaN();
  });
}

const renamed = (x: object): Result => ({ ...x });
