/** How many characters of other files a prompt may have, by how fast this machine was seen to read prompts. */
import type { ContextBudget } from './context.ts';
import type { EngineRequest } from './types.ts';

/** A prompt that nothing of is cached should be read in this time. */
const COLD_MS = 1500;
/** Bounds of other files' characters, as multiples of the budget's own. More does not fit the server's context. */
const LEAST = 0.5;
const MOST = 2;
/** Weight of the newest measurement. */
const NEWEST = 0.4;

export class PromptSpeed {
  /** The first request also loads what it needs, which says nothing about later ones. */
  private warm = false;
  /** Characters per millisecond. */
  private rate: number | undefined;
  private last: EngineRequest['context'];

  /** The first piece of an answer came after so many ms. Counts only if other files are new: the rest was cached. */
  answered(request: EngineRequest, milliseconds: number): void {
    const { context, prompt, suffix = '' } = request;
    const first = !this.warm;
    this.warm = true;
    if (!context?.length || context === this.last) return;
    this.last = context;
    if (first) return;
    const others = context.reduce((sum, { filename, text }) => sum + filename.length + text.length, 0);
    const rate = (others + prompt.length + suffix.length) / Math.max(1, milliseconds);
    this.rate = this.rate === undefined ? rate : this.rate + NEWEST * (rate - this.rate);
  }

  /** Characters of other files beside the rest of the budget; the budget's own number until something was measured. */
  others({ before, after, others = 0 }: ContextBudget): number {
    if (this.rate === undefined) return others;
    const room = this.rate * COLD_MS - before - after;
    return Math.round(Math.min(others * MOST, Math.max(others * LEAST, room)));
  }

  forget(): void {
    this.warm = false;
    this.rate = undefined;
    this.last = undefined;
  }
}
