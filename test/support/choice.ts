import type { StrengthChoice } from '../../src/protocol/evaluation.ts';

/** What a run decided, without its figures: better at this strength, or, with 0, not better. */
export const choiceAt = (strength: number, why = '', more: Partial<StrengthChoice> = {}): StrengthChoice => ({
  decided: strength > 0 ? 'better' : 'not better',
  ...{ strength, why, limit: 0.1, path: [], setting: '' },
  ...more,
});
