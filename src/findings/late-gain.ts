import { survivingEvents, type RunEvent } from '../protocol/events.ts';

/**
 * The held-out losses that a training measured by itself, without those of the evaluation after it, which has other
 * windows and may have another strength. Pure.
 */
export const heldOutInTraining = (events: readonly RunEvent[]): { step: number; loss: number }[] =>
  events.flatMap((event) =>
    event.type === 'evaluation' &&
    event.result.task === 'workspace' &&
    event.result.setting.startsWith('during training')
      ? [{ step: event.step, loss: event.result.value }]
      : [],
  );

/**
 * The share of a training's fall in held-out loss that came in its second half: what a person can go by who asks how
 * much longer is worth it. The loss in the middle lies between the measurements on both sides of it. Undefined if the
 * loss did not fall, or if these are further apart than half of the training. Pure.
 */
export function lateGain(events: readonly RunEvent[]): number | undefined {
  const losses = heldOutInTraining(survivingEvents(events));
  const first = losses.find(({ step }) => step === 0);
  const last = losses.at(-1);
  if (!first || !last || last.loss >= first.loss) return undefined;
  const middle = last.step / 2;
  const before = losses.findLast(({ step }) => step <= middle)!;
  const after = losses.find(({ step }) => step >= middle)!;
  const apart = after.step - before.step;
  if (apart > middle) return undefined;
  const part = apart > 0 ? (middle - before.step) / apart : 0;
  const atMiddle = before.loss + part * (after.loss - before.loss);
  return Math.min(1, Math.max(0, (atMiddle - last.loss) / (first.loss - last.loss)));
}
