/**
 * When a suggestion may appear. A wrong one that appears between two keystrokes is gone before it is read, and keeps
 * the editor's own suggestion list closed. So a suggestion waits until the user is idle, unless it is nearly certain or
 * continues what is shown. Pure.
 */
import type { CompletionPlace } from './types.ts';
import { typedBetween } from './prompt/window.ts';

/** Minimum chance to appear between two keystrokes; tuned by typing in a real editor (docs/experiments.md). */
const CERTAIN = 0.65;

export class ShowTiming {
  private shown: { place: CompletionPlace; text: string } | undefined;

  /**
   * Milliseconds to wait before `text` is shown; if 0, it counts as shown.
   * @param chance that it is right; undefined if unknown
   * @param step characters inserted by the newest change; one keystroke inserts one
   * @param msUntilIdle milliseconds until the user counts as idle
   */
  delay(
    here: CompletionPlace,
    text: string,
    { chance = 0, step, msUntilIdle }: { chance: number | undefined; step: number; msUntilIdle: number },
  ): number {
    const delay = chance >= CERTAIN || this.continues(here, text, step) ? 0 : msUntilIdle;
    if (delay === 0) this.shown = { place: here, text: withoutReturns(text) };
    return delay;
  }

  /** Whether it is the rest of what is shown, possibly extended, or what follows it once it was accepted. */
  continues(here: CompletionPlace, text: string, step: number): boolean {
    const { shown } = this;
    const typed = shown?.place.adapter === here.adapter ? typedBetween(shown.place, here) : undefined;
    if (!shown || typed === undefined) return false;
    const { text: shownText } = shown;
    const newText = typed + withoutReturns(text);
    return typed === shownText ? step > 1 : newText.startsWith(shownText) || shownText.startsWith(newText);
  }

  forget(): void {
    this.shown = undefined;
  }
}

const withoutReturns = (text: string): string => text.replaceAll('\r', '');
