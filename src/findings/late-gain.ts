import type { RunEvent } from '../protocol/events.ts';
import { survivingEvents } from '../protocol/events.ts';

/** Of the held-out loss: closer to the middle than this share of all steps. */
const NEAR_MIDDLE = 0.15;

/**
 * The share of a training's fall in held-out loss that came in its second half: what a person can go by who asks how
 * much longer is worth it. Undefined if the loss did not fall, or was not measured near the middle. Pure.
 */
export function lateGain(events: readonly RunEvent[]): number | undefined {
  const losses = survivingEvents(events).flatMap((event) =>
    event.type === 'evaluation' && event.result.task === 'workspace' && event.result.metric === 'loss'
      ? [{ step: event.step, loss: event.result.value }]
      : [],
  );
  const first = losses.find(({ step }) => step === 0);
  const last = losses.at(-1);
  if (!first || !last || last.loss >= first.loss) return undefined;
  const away = ({ step }: { step: number }) => Math.abs(step / last.step - 0.5);
  const middle = losses.toSorted((a, b) => away(a) - away(b))[0]!;
  if (away(middle) > NEAR_MIDDLE) return undefined;
  return Math.min(1, Math.max(0, (middle.loss - last.loss) / (first.loss - last.loss)));
}
