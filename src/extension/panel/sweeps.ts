/** The sweeps for the panel. A child process evaluates them, because that takes many milliseconds. */
import { z } from 'zod';
import { reportError } from '../../text/errors.ts';
import { sweepSnapshotSchema, type SweepSnapshot } from '../../protocol/panel.ts';
import { sweepsState } from '../../training/sweep/store.ts';
import type { Services } from '../services.ts';

/** Milliseconds between two checks of the sweeps' folders. */
const CHECK_MS = 10_000;

export class Sweeps {
  all: SweepSnapshot[] = [];
  private checkedAt = -Infinity;
  private state = '';

  constructor(
    private readonly services: Pick<Services, 'children' | 'log'>,
    private readonly onChange: () => void,
  ) {}

  /** Reads the sweeps again if any was added, continued or deleted; then calls `onChange`. */
  async refresh(): Promise<void> {
    if (performance.now() - this.checkedAt < CHECK_MS) return;
    this.checkedAt = performance.now();
    try {
      const state = await sweepsState();
      if (state === this.state) return;
      this.all = state ? await this.services.children.ask(z.array(sweepSnapshotSchema), ['sweeps']) : [];
      this.state = state;
      this.onChange();
    } catch (error) {
      this.services.log.warn(`The sweeps can't be read: ${reportError(error).message}`);
    }
  }
}
