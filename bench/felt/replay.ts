/** Types a hunk as a person would who looks at the suggestions of an assistant, on a virtual clock. */
import type { OtherFile } from '../../src/completion/index.ts';
import { acceptOf, type Accepted } from './accept.ts';
import type { VirtualClock } from './clock.ts';
import type { Hunk } from './hunks.ts';
import { keyAt, pauseBefore, typedCharacters } from './keys.ts';

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
  /** Requests that it has sent to the engine. */
  readonly requests: number;
  /** A file was opened, at this place; the person has not begun to type. */
  open?(place: Place): Promise<void>;
  /** The cursor rests at a place where the person will type; the clock runs. */
  rest?(place: Place): void;
}

/** Counts of one hunk. Times are in virtual milliseconds. */
export interface Replayed {
  path: string;
  characters: number;
  saved: number;
  lines: number;
  exact: number;
  shown: number;
  /** Characters of the suggestions that appeared; of one that grew, only once. */
  shownCharacters: number;
  accepted: number;
  /** From the last key to each suggestion that appeared where none was. */
  waits: number[];
  duration: number;
  requests: number;
}

/** A suggestion must have been on the screen so long to be accepted instead of the next key. */
const REACTION_MS = 200;
const SHORTEST_LINE = 3;

/** How a person works with what they see. */
export interface Habits {
  /** Least characters of what is accepted. */
  least?: number | undefined;
  trace?: ((text: string) => void) | undefined;
}

export async function replay(
  hunk: Hunk,
  files: Place['files'],
  assistant: Assistant,
  clock: VirtualClock,
  habits: Habits = {},
): Promise<Replayed> {
  const typist = new Typist(hunk, files, assistant, clock, habits);
  await typist.run();
  return typist.result();
}

class Typist {
  private at = 0;
  private shown: { text: string; since: number } | undefined;
  private last: number;
  private asking = new AbortController();
  private readonly began: number;
  private readonly asked: number;
  private readonly counts = {
    saved: 0,
    exact: 0,
    shown: 0,
    shownCharacters: 0,
    accepted: 0,
    waits: [] as number[],
  };

  constructor(
    private readonly hunk: Hunk,
    private readonly files: Place['files'],
    private readonly assistant: Assistant,
    private readonly clock: VirtualClock,
    private readonly habits: Habits,
  ) {
    this.last = this.began = clock.now();
    this.asked = assistant.requests;
  }

  async run(): Promise<void> {
    const { typed } = this.hunk;
    this.assistant.rest?.(this.place());
    while (this.at < typed.length) {
      await this.clock.until(this.last + pauseBefore(typed, this.at));
      const accepted = this.accepts();
      if (accepted) this.accept(accepted);
      else this.type(keyAt(typed, this.at));
      this.last = this.clock.now();
      if (this.at < typed.length) this.ask();
    }
    this.asking.abort();
  }

  private accepts(): Accepted | undefined {
    const { shown } = this;
    if (!shown || this.clock.now() - shown.since < REACTION_MS) return undefined;
    return acceptOf(shown.text, this.hunk.typed.slice(this.at), this.habits.least);
  }

  private accept({ kind, text }: Accepted): void {
    const { typed } = this.hunk;
    this.habits.trace?.(`  accepted ${kind} ${JSON.stringify(text)}`);
    const end = this.at + text.length;
    this.counts.accepted += 1;
    this.counts.saved += typedCharacters(typed, this.at, end);
    this.counts.exact += linesOf(typed).filter(
      (line) =>
        line.to > this.at && line.to <= end && line.to - Math.max(line.from, this.at) >= SHORTEST_LINE,
    ).length;
    this.goOn(text);
  }

  private type(key: string): void {
    this.goOn(key);
  }

  /** The text is in the document; what is left of the suggestion stays on the screen. */
  private goOn(text: string): void {
    this.at += text.length;
    const rest = this.shown?.text.startsWith(text) ? this.shown.text.slice(text.length) : '';
    this.shown = rest.trim() ? { text: rest, since: this.shown!.since } : undefined;
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
    if (!text?.trim()) {
      this.shown = undefined;
      return;
    }
    if (this.shown?.text === text) return;
    // A longer text of which the beginning was there already is no other suggestion.
    const grown = this.shown !== undefined && text.startsWith(this.shown.text);
    const { typed } = this.hunk;
    const waited = Math.round(this.clock.now() - this.last);
    const here = JSON.stringify(typed.slice(0, this.at).slice(-20));
    const wanted = JSON.stringify(typed.slice(this.at, this.at + 40));
    this.habits.trace?.(`  ${waited} ms after ${here}: ${JSON.stringify(text)}, wanted ${wanted}`);
    const length = (of: string) => typedCharacters(of, 0, of.length);
    this.counts.shownCharacters += length(text) - (grown ? length(this.shown!.text) : 0);
    if (!grown) {
      this.counts.shown += 1;
      if (!this.shown) this.counts.waits.push(waited);
    }
    this.shown = { text, since: grown ? this.shown!.since : this.clock.now() };
  }

  result(): Replayed {
    const { path, typed } = this.hunk;
    return {
      path,
      ...this.counts,
      characters: typedCharacters(typed, 0, typed.length),
      lines: linesOf(typed).filter(({ from, to }) => to - from >= SHORTEST_LINE).length,
      duration: this.last - this.began,
      requests: this.assistant.requests - this.asked,
    };
  }
}

/** Where the lines of a text begin, after their indentation, and end. */
function linesOf(text: string): { from: number; to: number }[] {
  let start = 0;
  return text.split('\n').map((line) => {
    const from = start + line.length - line.trimStart().length;
    const to = start + line.length;
    start = to + 1;
    return { from, to };
  });
}
