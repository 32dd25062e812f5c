/** Time left, from what the last steps and evaluations took. Seconds throughout. */
export class Eta {
  private readonly recent: number[] = [];
  private perEvaluation = 0;

  constructor(
    private readonly steps: number,
    private readonly evalEvery: number,
  ) {}

  /** Median of the last steps: the first one, which touches all memory for the first time, does not count for long. */
  get secondsPerStep(): number {
    const sorted = this.recent.toSorted((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? 0;
  }

  /** Records a step and says what is left after it. */
  step(step: number, seconds: number): number {
    this.recent.push(seconds);
    if (this.recent.length > 21) this.recent.shift();
    const left = this.steps - step;
    return left * this.secondsPerStep + Math.ceil(left / this.evalEvery) * this.perEvaluation;
  }

  evaluation(seconds: number): void {
    this.perEvaluation = seconds;
  }
}
