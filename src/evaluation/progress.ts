import type { EvaluatorMessage } from '../protocol/evaluator.ts';
import { awakeMs } from '../platform/machine/awake.ts';

/** A part of an evaluation, with the time that it is expected to take. */
export interface ProgressPart {
  name: string;
  title: string;
  /** Seconds, or only relative to the other parts. */
  cost: number;
}

/** Parts of a run's evaluation besides its tasks. */
export const strengthPart: ProgressPart = { name: 'strength', title: 'Choosing the strength', cost: 200 };
export const servedPart: ProgressPart = { name: 'served', title: 'Checking the result', cost: 10 };
export const untunedPart: ProgressPart = { name: 'untuned', title: 'Measuring the base', cost: 40 };

/** Below this share of the work, the remaining time can't be extrapolated. */
const MIN_SHARE = 0.03;

/** Progress of an evaluation: items done of the current part, and the remaining time of it and of all parts. */
export class EvaluationProgress {
  private parts: (ProgressPart & { share: number })[];
  private readonly began: number;
  private partStart: { name: string; at: number; share: number } | undefined;
  /** When everything has to end, and the current part (by `now`). */
  deadline = Infinity;
  until = Infinity;
  /** Whether costs are in seconds, so that the remaining time is known from the start. */
  inSeconds = false;

  constructor(
    parts: readonly ProgressPart[],
    private readonly emit: (message: EvaluatorMessage) => void,
    private readonly now = awakeMs,
  ) {
    this.parts = parts.map(({ name, title, cost }) => ({ name, title, cost, share: 0 }));
    this.began = now();
  }

  report(name: string, done: number, total: number): void {
    const part = this.parts.find((part) => part.name === name);
    if (!part) return;
    part.share = total > 0 ? done / total : 1;
    const now = this.now();
    if (this.partStart?.name !== name) this.partStart = { name, at: now, share: part.share };
    const eta = this.remainingInPart(part, now);
    const left = this.remainingTotal(part, eta, now);
    this.emit({
      type: 'progress',
      phase: part.title,
      done,
      total,
      ...(eta !== undefined && { etaSeconds: Math.round(eta) }),
      ...(left !== undefined && { leftSeconds: Math.round(left) }),
    });
  }

  /** Drops a part that is skipped, so no time is expected for it. */
  leaveOut(name: string): void {
    this.parts = this.parts.filter((part) => part.name !== name);
  }

  private remainingInPart(
    { cost, share }: ProgressPart & { share: number },
    now: number,
  ): number | undefined {
    const most = Math.max(0, this.until - now) / 1000;
    const { at, share: before } = this.partStart!;
    const done = share - before;
    if (done >= MIN_SHARE) return Math.min(most, (((now - at) / 1000) * (1 - share)) / done);
    const expected = Math.min(most, this.inSeconds ? cost * (1 - share) : Infinity);
    return expected < Infinity ? expected : undefined;
  }

  private remainingTotal(part: ProgressPart, eta: number | undefined, now: number): number | undefined {
    const most = Math.max(0, this.deadline - now) / 1000;
    const later = this.parts.filter((other) => other !== part && other.share < 1);
    if (this.inSeconds && eta !== undefined)
      return Math.min(most, eta + later.reduce((sum, other) => sum + other.cost * (1 - other.share), 0));
    const all = this.parts.reduce((sum, { cost }) => sum + cost, 0);
    const share = this.parts.reduce((sum, each) => sum + each.cost * each.share, 0) / all;
    if (share < MIN_SHARE) return undefined;
    return Math.min(most, (((now - this.began) / 1000) * (1 - share)) / share);
  }
}
