/** Types a hunk as a person would who looks at the suggestions of an assistant, on a virtual clock. */
import type { OtherFile } from '../../src/completion/index.ts';
import type { VirtualClock } from './clock.ts';
import type { Hunk } from './hunks.ts';
import { keyAt, pauseBefore, startsUnit, typedCharacters, typingTime } from './keys.ts';
import { isRight, lookAt, takenOf, takingTime, type Costs, type Person, type Taken } from './person.ts';

export interface Place {
  path: string;
  before: string;
  after: string;
  /** Files that are open besides, the most recent first. */
  files: () => readonly OtherFile[];
}

export interface Suggestion {
  text: string;
  /** More is coming: resolves to whether asking again gives a longer text. */
  more?: Promise<boolean> | undefined;
}

/** What suggests, as the editor asks it after each change. */
export interface Assistant {
  suggest(place: Place, signal: AbortSignal): Promise<Suggestion | undefined>;
  /** Requests that it has sent to the model. */
  readonly requests: number;
  /** A file was opened, at this place; the person has not begun to type. */
  open?(place: Place): Promise<void>;
  /** The cursor rests at a place where the person will type; the clock runs. */
  rest?(place: Place): void;
}

/** What happened in one hunk. Times are in milliseconds: of the person, or (duration and waits) of the virtual clock. */
export interface Replayed {
  path: string;
  characters: number;
  /** Characters that were not typed, and the time that the hands would have taken for them. */
  saved: number;
  typing: number;
  /** Time that suggestions took. */
  looking: number;
  taking: number;
  correcting: number;
  shown: number;
  /** Of those shown, those that were right as a whole or in their first line. */
  right: number;
  looks: number;
  kept: number;
  /** Expected number of those taken and undone. */
  reversed: number;
  /** From the last key to each suggestion that appeared where none was. */
  waits: number[];
  duration: number;
  requests: number;
}

/** What has been on the screen for so long is noticed (one cycle of the perceptual processor: Card et al. 1983). */
const NOTICED_MS = 100;

/** Who types. */
export interface Typing {
  person: Person;
  costs: Costs;
  trace?: ((text: string) => void) | undefined;
}

export async function replay(
  hunk: Hunk,
  files: Place['files'],
  assistant: Assistant,
  clock: VirtualClock,
  typing: Typing,
): Promise<Replayed> {
  const typist = new Typist(hunk, files, assistant, clock, typing);
  await typist.run();
  return typist.result();
}

interface Shown {
  text: string;
  /** When its newest part appeared. */
  since: number;
  /** Characters of it that the person has looked at. */
  read: number;
}

class Typist {
  private at = 0;
  private shown: Shown | undefined;
  private last: number;
  private asking = new AbortController();
  private readonly began: number;
  private readonly asked: number;
  private readonly counts = {
    saved: 0,
    typing: 0,
    looking: 0,
    taking: 0,
    correcting: 0,
    shown: 0,
    right: 0,
    looks: 0,
    kept: 0,
    reversed: 0,
    waits: [] as number[],
  };

  constructor(
    private readonly hunk: Hunk,
    private readonly files: Place['files'],
    private readonly assistant: Assistant,
    private readonly clock: VirtualClock,
    private readonly typing: Typing,
  ) {
    this.last = this.began = clock.now();
    this.asked = assistant.requests;
  }

  async run(): Promise<void> {
    const { typed } = this.hunk;
    this.assistant.rest?.(this.place());
    while (this.at < typed.length) {
      await this.clock.until(this.last + pauseBefore(typed, this.at));
      const taken = startsUnit(typed, this.at) ? await this.looksAndTakes() : undefined;
      if (taken) this.accept(taken);
      else this.goOn(keyAt(typed, this.at));
      this.last = this.clock.now();
      if (this.at < typed.length) this.ask();
    }
    this.asking.abort();
  }

  /** Looks at all that is new, and decides. What goes away meanwhile can't be taken. */
  private async looksAndTakes(): Promise<Taken | undefined> {
    const { person, costs } = this.typing;
    const { counts } = this;
    for (let shown = this.noticed(); shown; shown = this.noticed()) {
      const { looking, correcting, reversed } = lookAt(this.sightOf(shown), shown.read, costs);
      counts.looks += 1;
      counts.looking += looking;
      counts.correcting += correcting;
      counts.reversed += reversed;
      shown.read = shown.text.length;
      await this.clock.until(this.clock.now() + looking + correcting);
    }
    const { shown } = this;
    if (!shown || isNew(shown)) return undefined;
    const taken = takenOf(this.sightOf(shown), person, costs);
    if (!taken) return undefined;
    const time = takingTime(taken, costs);
    counts.taking += time;
    await this.clock.until(this.clock.now() + time);
    return this.shown?.text.startsWith(taken.text) ? taken : undefined;
  }

  private noticed(): Shown | undefined {
    const { shown } = this;
    return shown && isNew(shown) && this.clock.now() - shown.since >= NOTICED_MS ? shown : undefined;
  }

  private sightOf = ({ text }: { text: string }) => ({ shown: text, typed: this.hunk.typed, at: this.at });

  private accept({ kind, text }: Taken): void {
    const { typed } = this.hunk;
    this.typing.trace?.(`  took ${kind} ${JSON.stringify(text)}`);
    const end = this.at + text.length;
    this.counts.kept += 1;
    this.counts.saved += typedCharacters(typed, this.at, end);
    this.counts.typing += typingTime(typed, this.at, end);
    this.goOn(text);
  }

  /** The text is in the document; what is left of the suggestion stays on the screen. */
  private goOn(text: string): void {
    this.at += text.length;
    const { shown } = this;
    const rest = shown?.text.startsWith(text) ? shown.text.slice(text.length) : '';
    this.shown = rest.trim()
      ? { ...shown!, text: rest, read: Math.max(0, shown!.read - text.length) }
      : undefined;
  }

  private place(): Place {
    const { path, before, after, typed } = this.hunk;
    return { path, before: before + typed.slice(0, this.at), after, files: this.files };
  }

  private ask(): void {
    this.asking.abort();
    const asking = new AbortController();
    this.asking = asking;
    const { typed } = this.hunk;
    const at = this.at;
    void this.assistant.suggest(this.place(), asking.signal).then((suggestion) => {
      if (asking.signal.aborted) return;
      this.show(suggestion?.text);
      void suggestion?.more?.then((longer) => {
        // The editor asks again where the text is being typed that the first line began.
        if (
          longer &&
          this.shown &&
          this.at < typed.length &&
          suggestion.text.startsWith(typed.slice(at, this.at))
        )
          this.ask();
      });
    });
  }

  private show(text: string | undefined): void {
    const before = this.shown;
    if (!text?.trim()) {
      this.shown = undefined;
      return;
    }
    if (before?.text === text) return;
    this.traceShown(text);
    // A longer text of which the beginning was there already is no other suggestion.
    const grown = before !== undefined && text.startsWith(before.text);
    if (!grown) {
      this.counts.shown += 1;
      if (isRight(this.sightOf({ text }))) this.counts.right += 1;
      if (!before) this.counts.waits.push(Math.round(this.clock.now() - this.last));
    }
    this.shown = { text, since: this.clock.now(), read: grown ? before.read : 0 };
  }

  private traceShown(text: string): void {
    const { typed } = this.hunk;
    const waited = Math.round(this.clock.now() - this.last);
    const here = JSON.stringify(typed.slice(0, this.at).slice(-20));
    const wanted = JSON.stringify(typed.slice(this.at, this.at + 40));
    this.typing.trace?.(`  ${waited} ms after ${here}: ${JSON.stringify(text)}, wanted ${wanted}`);
  }

  result(): Replayed {
    const { path, typed } = this.hunk;
    return {
      path,
      ...this.counts,
      characters: typedCharacters(typed, 0, typed.length),
      duration: this.last - this.began,
      requests: this.assistant.requests - this.asked,
    };
  }
}

const isNew = ({ text, read }: Shown) => read < text.length;
