/** How many characters of other files a prompt may have, given this machine's measured prompt-reading speed. */
import type { ContextBudget } from './context.ts';
import { commonPrefix } from '../code/text.ts';
import type { ModelRequest } from '../types.ts';

/** An entirely uncached prompt should be read in this time. */
const COLD_MS = 1500;
/** Bounds of other files' characters, as multiples of the budget's own. More would not fit the server's context. */
const MIN_FACTOR = 0.5;
const MAX_FACTOR = 2;
/** The number stays unless it is off by this multiple: a new number means a new prompt, which is read from scratch. */
const HYSTERESIS = 0.25;
/** Weight of the newest measurement. */
const NEWEST_WEIGHT = 0.4;
/** Prompts that the model may still have in its cache. */
const REMEMBERED = 8;
/** Only prompts with at least this fraction of new text are measured, because the first token takes time too. */
const NEW_SHARE = 0.5;

export class PromptSpeed {
  /** The first request also loads what it needs, so it says nothing about later ones. */
  private warm = false;
  /** Characters per millisecond. */
  private rate: number | undefined;
  /** The last prompts (other files, then the file itself), newest first. */
  private read: string[] = [];
  private given: number | undefined;

  /**
   * Records that the first piece of an answer came after `milliseconds`; undefined if the prompt was only partly read.
   * Counts only if most of the prompt can't have been cached.
   */
  answered(request: ModelRequest, milliseconds: number | undefined): void {
    const { context = [], prompt, suffix = '' } = request;
    const text = [...context.flatMap((file) => [file.filename, file.text]), prompt, suffix].join('');
    const unread = text.length - Math.max(0, ...this.read.map((earlier) => commonPrefix(earlier, text)));
    this.read = [text, ...this.read].slice(0, REMEMBERED);
    const first = !this.warm;
    this.warm = true;
    if (first || milliseconds === undefined || context.length === 0 || unread < NEW_SHARE * text.length)
      return;
    const rate = unread / Math.max(1, milliseconds);
    this.rate = this.rate === undefined ? rate : this.rate + NEWEST_WEIGHT * (rate - this.rate);
  }

  /**
   * Characters of other files in addition to the rest of the budget; the budget's own number until something was
   * measured.
   */
  others({ before, after, others = 0 }: ContextBudget): number {
    if (this.rate === undefined) return others;
    const room = this.rate * COLD_MS - before - after;
    const now = Math.round(Math.min(others * MAX_FACTOR, Math.max(others * MIN_FACTOR, room)));
    if (this.given === undefined || Math.abs(now - this.given) > HYSTERESIS * others) this.given = now;
    return this.given;
  }

  forget(): void {
    this.warm = false;
    this.rate = undefined;
    this.read = [];
    this.given = undefined;
  }
}
