/** Number of recent steps that are used. */
const RECENT = 21;

/** The time left, from the durations of the last steps and evaluations. All times in seconds. */
export class Eta {
  private readonly recent: number[] = [];
  private stepCount = 0;
  private loss = 0;
  private checkpoint = 0;

  constructor(
    private readonly length: { readonly steps: number },
    private readonly evalEvery: number,
  ) {}

  /** Median over the last steps. */
  get secondsPerStep(): number {
    const sorted = this.recent.toSorted((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? 0;
  }

  /** Mean over the last steps, including slow ones, for the total time of many steps. */
  get meanSecondsPerStep(): number {
    return this.recent.reduce((sum, seconds) => sum + seconds, 0) / this.recent.length || 0;
  }

  /** Seconds for a held-out loss with its checkpoint. */
  get secondsPerEvaluation(): number {
    return this.loss + this.checkpoint;
  }

  get secondsPerCheckpoint(): number {
    return this.checkpoint;
  }

  /** Records a step. */
  addStep(seconds: number): void {
    this.recent.push(seconds);
    this.stepCount += 1;
    // Drops the first step, which is slow because it touches all memory for the first time.
    if (this.stepCount === 2 || this.recent.length > RECENT) this.recent.shift();
  }

  addEvaluation(seconds: number): void {
    this.loss = seconds;
  }

  addCheckpoint(seconds: number): void {
    this.checkpoint = seconds;
  }

  /** Time left after step `step`. */
  secondsLeftAfter(step: number): number {
    const left = this.length.steps - step;
    return left * this.secondsPerStep + Math.ceil(left / this.evalEvery) * this.secondsPerEvaluation;
  }
}
