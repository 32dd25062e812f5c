import { expect, test } from 'vitest';
import { Answers } from '../../../src/completion/index.ts';

test('the first answer, which waits for the model, does not count as its speed', () => {
  const answers = new Answers();
  answers.note(27_000, undefined, false);
  expect([answers.hasAnswered, answers.latencyMs]).toEqual([true, undefined]);
  answers.note(500, 'unsure', false);
  expect([answers.latencyMs, answers.dropped]).toEqual([500, 'unsure']);
  answers.forget();
  expect([answers.hasAnswered, answers.latencyMs, answers.dropped]).toEqual([false, undefined, undefined]);
});
