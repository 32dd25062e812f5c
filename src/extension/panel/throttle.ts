/** Runs the action at once, then at most once per `everyMs`; the last call is never lost. */
export class Throttle {
  private timer: NodeJS.Timeout | undefined;
  private isPending = false;

  constructor(
    private readonly everyMs: number,
    private readonly action: () => void,
  ) {}

  run(): void {
    if (this.timer) {
      this.isPending = true;
      return;
    }
    this.isPending = false;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      if (this.isPending) this.run();
    }, this.everyMs);
    this.action();
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.isPending = false;
  }
}
