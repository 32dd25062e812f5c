import { describe, expect, it } from 'vitest';
import { classWeights, ktoTerm, referencePoint } from '../../../../src/training/preferences/kto.ts';
import golden from '../../../reference/kto.json' with { type: 'json' };

describe('the loss of KTO', () => {
  it.each(golden.cases.map((one, at) => [at, one] as const))(
    "is TRL's, and its gradient PyTorch's (%i)",
    (_, { desirable, undesirable, mismatched, kl, weights, losses, gradient }) => {
      const z0 = referencePoint(mismatched);
      expect(z0).toBeCloseTo(kl, 6);
      const texts = [
        ...desirable.map((ratio) => ({ ratio, wanted: true })),
        ...undesirable.map((ratio) => ({ ratio, wanted: false })),
      ];
      for (const [at, { ratio, wanted }] of texts.entries()) {
        const { loss, slope } = ktoTerm(ratio, wanted, z0, weights);
        expect(loss).toBeCloseTo(losses[at]!, 6);
        // Theirs is of the mean.
        expect(slope / texts.length).toBeCloseTo(gradient[at]!, 7);
      }
    },
  );
});

it('weighs both kinds alike together, within bounds', () => {
  expect(classWeights(30, 10)).toEqual({ desirable: 1, undesirable: 3 });
  expect(classWeights(10, 40)).toEqual({ desirable: 4, undesirable: 1 });
  expect(classWeights(100, 1)).toEqual({ desirable: 1, undesirable: 8 });
  expect(classWeights(5, 0)).toEqual({ desirable: 1, undesirable: 0 });
});
