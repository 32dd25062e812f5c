/**
 * When a suggestion may appear. One that appears between two keys and is wrong is gone before it is read, and keeps the
 * editor's own list of suggestions closed. So it waits until the person rests, unless it is nearly certain, or goes on
 * from what is shown. Pure.
 */
import type { AskedPlace } from './types.ts';
import { typedBetween } from './prompt/window.ts';

/** Least chance of what appears between two keys; found by typing in a real editor (docs/science.md). */
const CERTAIN = 0.65;

export class Moment {
  private shown: { place: AskedPlace; text: string } | undefined;

  /**
   * Milliseconds to wait before `text` is shown; if it is none, it counts as shown.
   * @param chance that it is right; undefined if that is not known
   * @param step characters that the newest change wrote; one key writes one
   * @param restIn milliseconds until the person rests
   */
  delay(
    here: AskedPlace,
    text: string,
    { chance = 0, step, restIn }: { chance: number | undefined; step: number; restIn: number },
  ): number {
    const delay = chance >= CERTAIN || this.goesOn(here, text, step) ? 0 : restIn;
    if (delay === 0) this.shown = { place: here, text: withoutReturns(text) };
    return delay;
  }

  /** Whether it is the rest of what is shown, or that and more; or what follows it, once it was accepted. */
  goesOn(here: AskedPlace, text: string, step: number): boolean {
    const { shown } = this;
    const typed = shown?.place.adapter === here.adapter ? typedBetween(shown.place, here) : undefined;
    if (!shown || typed === undefined) return false;
    const { text: was } = shown;
    const is = typed + withoutReturns(text);
    return typed === was ? step > 1 : is.startsWith(was) || was.startsWith(is);
  }

  forget(): void {
    this.shown = undefined;
  }
}

const withoutReturns = (text: string): string => text.replaceAll('\r', '');
