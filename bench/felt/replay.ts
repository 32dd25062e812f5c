/** Types a hunk like a user who looks at an assistant's suggestions, on a virtual clock. */
import type { OtherFile, UseCounts } from '../../src/completion/index.ts';
import type { VirtualClock } from './clock.ts';
import type { Hunk } from './hunks.ts';
import { keyAt, pauseBefore, startsUnit, typedCharacters, typingTime } from './keys.ts';
import type { Session } from './sessions.ts';
import { isRight, lookAt, takenOf, takingTime, type Costs, type Person, type Taken } from './person.ts';

export interface Place {
  path: string;
  before: string;
  after: string;
  /** Other open files, most recent first. */
  files: () => readonly OtherFile[];
}

export interface Suggestion {
  text: string;
  /** If more is coming: resolves to whether asking again yields a longer text. */
  more?: Promise<boolean> | undefined;
}

/** Makes suggestions; asked after each change, as by the editor. */
export interface Assistant {
  suggest(place: Place, signal: AbortSignal): Promise<Suggestion | undefined>;
  /** Number of requests sent to the model. */
  readonly requests: number;
  /** A file was opened at this place; typing has not started. */
  open?(place: Place): Promise<void>;
  /** The user looks at a new suggestion, or takes some of one for the first time. */
  used?(what: keyof UseCounts): void;
  /** The cursor rests where the user will type; the clock is running. */
  rest?(place: Place): void;
}

/**
 * What happened in one hunk. Times in milliseconds are the user's; duration and waits are those of the virtual clock.
 */
export interface Replayed {
  path: string;
  characters: number;
  /** Characters that were not typed, and the time that typing them would have taken. */
  saved: number;
  typing: number;
  /** Time spent on suggestions. */
  looking: number;
  taking: number;
  correcting: number;
  shown: number;
  /** Of those shown, the number that were right entirely or in their first line. */
  right: number;
  looks: number;
  kept: number;
  /** Expected number of those wrongly accepted and undone. */
  reversed: number;
  /** Time from the last key to each suggestion that appeared where there was none. */
  waits: number[];
  duration: number;
  requests: number;
}

/** A suggestion is noticed after this long (one cycle of the perceptual processor, 50 to 200 ms: Card et al. 1983). */
const NOTICED_MS = 100;

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

/** Types the hunks of each session in their order. */
export async function replaySessions(
  sessions: readonly Session[],
  assistant: Assistant,
  clock: VirtualClock,
  typing: Typing,
  signal: AbortSignal,
): Promise<Replayed[]> {
  const replayed: Replayed[] = [];
  for (const { hunks, files } of sessions) {
    const [first] = hunks;
    await assistant.open?.({ ...first!, files: () => files });
    for (const hunk of hunks) {
      signal.throwIfAborted();
      replayed.push(await replay(hunk, () => files, assistant, clock, typing));
      await clock.rest();
    }
  }
  return replayed;
}

interface Shown {
  text: string;
  /** When its latest part appeared. */
  since: number;
  /** Number of its characters that the user has read. */
  read: number;
  /** What the assistant was told of it. */
  used?: keyof UseCounts;
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
      else this.advance(keyAt(typed, this.at));
      this.last = this.clock.now();
      if (this.at < typed.length) this.ask();
    }
    this.asking.abort();
  }

  /** Looks at everything new, and decides. What disappears in the meantime can't be accepted. */
  private async looksAndTakes(): Promise<Taken | undefined> {
    const { person, costs } = this.typing;
    const { counts } = this;
    for (let shown = this.noticed(); shown; shown = this.noticed()) {
      const { looking, correcting, reversed } = lookAt(this.sightOf(shown), shown.read, costs);
      counts.looks += 1;
      if (!shown.used) this.noteUse(shown, 'seen');
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

  private noteUse(shown: Shown, what: keyof UseCounts): void {
    shown.used = what;
    this.assistant.used?.(what);
  }

  private sightOf = ({ text }: { text: string }) => ({ shown: text, typed: this.hunk.typed, at: this.at });

  private accept({ kind, text }: Taken): void {
    const { typed } = this.hunk;
    this.typing.trace?.(`  took ${kind} ${JSON.stringify(text)}`);
    const end = this.at + text.length;
    this.counts.kept += 1;
    if (this.shown && this.shown.used !== 'taken') this.noteUse(this.shown, 'taken');
    this.counts.saved += typedCharacters(typed, this.at, end);
    this.counts.typing += typingTime(typed, this.at, end);
    this.advance(text);
  }

  /** Handles inserted text: the rest of the suggestion stays on the screen. */
  private advance(text: string): void {
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
        // The editor asks again while the text that the first line began is being typed.
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
    // An extension of the shown text is not a new suggestion.
    const grown = before !== undefined && text.startsWith(before.text);
    if (!grown) {
      this.counts.shown += 1;
      if (isRight(this.sightOf({ text }))) this.counts.right += 1;
      if (!before) this.counts.waits.push(Math.round(this.clock.now() - this.last));
    }
    this.shown = { ...(grown && before), text, since: this.clock.now(), read: grown ? before.read : 0 };
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
