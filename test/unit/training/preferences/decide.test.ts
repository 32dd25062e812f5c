import { describe, expect, it } from 'vitest';
import { decide, type Measured } from '../../../../src/training/preferences/decide.ts';

const files = ['a', 'b', 'c', 'd', 'e', 'f'];
const at = (strength: number, loss: number, bits: number, wobble = 0): Measured => ({
  strength,
  preferences: files.map((document, at) => ({ sum: loss + wobble * (at % 2 ? 1 : -1), weight: 1, document })),
  code: files.map((document) => ({ sum: 40 * bits, weight: 40, document })),
});

const measured = (...figures: [loss: number, bits: number, wobble?: number]) => [at(1, ...figures)];

describe('what was learned from preferences', () => {
  const before = measured(0.5, 0.6);

  it('is taken where held-out preferences are better and code is known as well', () => {
    const decision = decide(before, measured(0.4, 0.6, 0.02));
    expect(decision.taken).toBe(true);
    expect(decision.preferences.value).toBeCloseTo(-0.1);
    expect(decision.why).toMatch(
      /^at strength 1 the loss of held-out preferences went from 0\.500 to 0\.400 \(-0\.100 \[-0\.\d+, -0\.\d+\]\)/,
    );
  });
  it('is left where the gain can be noise', () => {
    const decision = decide(before, measured(0.45, 0.6, 0.2));
    expect(decision.taken).toBe(false);
    expect(decision.why).toContain('no significant gain');
  });
  it('is left where code is known less', () => {
    const decision = decide(before, measured(0.4, 0.62, 0.02));
    expect(decision.taken).toBe(false);
    expect(decision.why).toContain('which is a loss');
  });
  it('is judged by preferences alone where nothing else is held out', () => {
    const [then, now] = [before, measured(0.4, 1, 0.02)].map((some) =>
      some.map((one) => ({ ...one, code: [] })),
    );
    const { taken, code } = decide(then!, now!);
    expect({ taken, code }).toEqual({ taken: true, code: undefined });
  });
  it('is left where it is better at one strength and not at another, which is said', () => {
    const twice = [at(1, 0.5, 0.6), at(0.5, 0.48, 0.5)];
    expect(decide(twice, [at(1, 0.4, 0.6, 0.02), at(0.5, 0.43, 0.5, 0.01)]).taken).toBe(true);
    const backwards = decide(twice, [at(1, 0.4, 0.55, 0.02), at(0.5, 0.43, 0.53, 0.01)]);
    expect(backwards).toMatchObject({ taken: false, code: { value: expect.closeTo(0.03) as number } });
    expect(backwards.why).toMatch(/^at strength 0\.5 .*which is a loss/);
  });
});
