import type { EvaluatorMessage } from '../protocol/evaluator.ts';

/** A part of an evaluation, with its rough share of the time. */
export interface ProgressPart {
  name: string;
  title: string;
  cost: number;
}

export const servedPart: ProgressPart = { name: 'served', title: 'Checking the result', cost: 10 };
/** Parts of a run's evaluation besides its tasks. */
export const runParts: readonly ProgressPart[] = [servedPart];
/** Below this share of the work, the remaining time can't be estimated. */
const MIN_SHARE = 0.03;

/** Progress of an evaluation: what is done of the current part, and how long all parts still take. */
export class EvaluationProgress {
  private readonly parts: (ProgressPart & { share: number })[];
  private readonly began: number;
  /** After this time (by `now`), nothing more is started. */
  deadline = Infinity;

  constructor(
    parts: readonly ProgressPart[],
    private readonly emit: (message: EvaluatorMessage) => void,
    private readonly now = () => performance.now(),
  ) {
    this.parts = parts.map(({ name, title, cost }) => ({ name, title, cost, share: 0 }));
    this.began = now();
  }

  report(name: string, done: number, total: number): void {
    const part = this.parts.find((one) => one.name === name);
    if (!part) return;
    part.share = total > 0 ? done / total : 1;
    const all = this.parts.reduce((sum, { cost }) => sum + cost, 0);
    const share = this.parts.reduce((sum, one) => sum + one.cost * one.share, 0) / all;
    const now = this.now();
    const seconds = (now - this.began) / 1000;
    const left = Math.min((seconds * (1 - share)) / share, Math.max(0, this.deadline - now) / 1000);
    const eta = share >= MIN_SHARE ? { etaSeconds: Math.round(left) } : {};
    this.emit({ type: 'progress', phase: part.title, done, total, ...eta });
  }
}
