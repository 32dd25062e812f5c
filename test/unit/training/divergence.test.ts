import { describe, expect, it } from 'vitest';
import { DivergenceWatch, watchStateSchema } from '../../../src/training/divergence.ts';
import { Random } from '../../support/random.ts';
import { english } from '../../../src/text/message.ts';

/** The first step (from 1) at which it reports a problem, and the reason. */
function verdict(losses: readonly number[], norms: readonly number[] = [], watch = new DivergenceWatch(50)) {
  for (const [i, loss] of losses.entries()) {
    const why = watch.check(loss, norms[i] ?? 0.5);
    if (why) return `${i + 1}: ${english(why)}`;
  }
  return undefined;
}
const usual = (count: number) => Array.from({ length: count }, (_, i) => 2 + 0.1 * Math.sin(i * 7));

describe('DivergenceWatch', () => {
  it('reports at once if a loss or gradient is not a number', () => {
    expect(verdict([3, NaN])).toBe('2: the loss or its gradient is no longer a number');
    expect(verdict([3, 3], [1, Infinity])).toBe('2: the loss or its gradient is no longer a number');
  });

  it('distinguishes a model that stays far above a uniform guess from one bad batch', () => {
    expect(verdict([3, 20, 3, 20, 20, 3, 3])).toBeUndefined();
    expect(verdict([3, 20, 20, 20])).toBe('4: the loss stayed at 20.00');
  });

  it('distinguishes a loss that rose and stays up from one that varies', () => {
    expect(verdict([...usual(20), 4, 2, 4.5, 4, 2])).toBeUndefined();
    expect(verdict([...usual(20), 3.5, 3.6, 3.7])).toBe('23: the loss stayed at 3.70, up from about 2.01');
    // Batches of very different texts: the usual range is wide.
    const mixed = Array.from({ length: 40 }, (_, i) => (i % 2 ? 1 : 2.5));
    expect(verdict([...mixed, 4, 4, 4, 4])).toBeUndefined();
  });

  it('distinguishes a loss that creeps up from one that creeps down', () => {
    const creeping = Array.from({ length: 300 }, (_, i) => 2 + 0.05 * Math.sin(i * 7) + i / 100);
    expect(verdict(creeping)).toMatch(/^2\d\d: the loss stayed at 4\.\d/);
    expect(verdict(creeping.toReversed())).toBeUndefined();
  });

  it('does not report noise', () => {
    const noise = new Random(1).normals(2000, 0.3);
    expect(verdict(Array.from(noise, (value, i) => 4 * Math.exp(-i / 500) + 1 + value))).toBeUndefined();
  });

  it('does not report memorised text with a surprise in it', () => {
    expect(verdict([...Array<number>(40).fill(0.01), 0.6, 0.5, 0.4, 0.3])).toBeUndefined();
    expect(verdict(Array<number>(40).fill(0), Array<number>(40).fill(0))).toBeUndefined();
  });

  it('reports weights that let no gradient through', () => {
    expect(verdict([3, 3, 3], [0, 0, 0])).toBe('3: the gradient has vanished');
  });

  it('reports a single gradient that is out of all proportion', () => {
    const norms = Array<number>(20).fill(0.5);
    expect(verdict(usual(21), [...norms, 20])).toBeUndefined();
    expect(verdict(usual(21), [...norms, 70])).toBe("21: the gradient's norm leapt from about 0.50 to 70");
    // Too early to know the usual range.
    expect(verdict(usual(3), [0.01, 70, 0.5])).toBeUndefined();
  });

  it("continues from a checkpoint's state as if uninterrupted", () => {
    const losses = [...usual(20), 3.5, 3.6, 3.7];
    for (let stop = 0; stop < losses.length; stop += 1) {
      const before = new DivergenceWatch(50);
      verdict(losses.slice(0, stop), [], before);
      const after = new DivergenceWatch(50);
      after.state = watchStateSchema.parse(JSON.parse(JSON.stringify(before.state)));
      expect(verdict(losses.slice(stop), [], after)).toMatch(new RegExp(`^${losses.length - stop}: `));
    }
  });
});
