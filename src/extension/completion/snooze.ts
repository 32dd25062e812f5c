/** Until when completion is snoozed: in all windows, and across reloads. */
import type * as vscode from 'vscode';
import type { Store } from '../store.ts';

/** A timer may fire a little before the clock says so. */
const TIMER_SLACK_MS = 100;

export class Snooze implements vscode.Disposable {
  private timer: NodeJS.Timeout | undefined;
  /** The end that was last reported as a change. */
  private reported: number | undefined;

  constructor(
    private readonly store: Pick<Store, 'snoozedUntil' | 'setSnoozedUntil'>,
    private readonly onChange: () => void,
  ) {
    this.lookAgain();
  }

  get until(): Date | undefined {
    const { snoozedUntil } = this.store;
    return snoozedUntil > Date.now() ? new Date(snoozedUntil) : undefined;
  }

  /** Snoozes completion for this many minutes; 0 end it. */
  async set(minutes: number): Promise<void> {
    await this.store.setSnoozedUntil(minutes ? Date.now() + minutes * 60_000 : undefined);
    this.lookAgain();
  }

  /** Reports a change: another window may have set or ended it, or the time is over. */
  lookAgain(): void {
    const until = this.until?.getTime();
    if (until === this.reported) return;
    this.reported = until;
    clearTimeout(this.timer);
    if (until !== undefined)
      this.timer = setTimeout(() => this.lookAgain(), until - Date.now() + TIMER_SLACK_MS);
    this.onChange();
  }

  dispose(): void {
    clearTimeout(this.timer);
  }
}
