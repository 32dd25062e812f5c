import { msg, UserError } from '../text/errors.ts';

/** Of a result whose figures are no numbers. */
export const diverged = (): UserError =>
  new UserError(
    'diverged',
    msg`The trained weights have become so large that the model no longer gives valid probabilities.`,
    msg`Train again with a lower learning rate.`,
  );
