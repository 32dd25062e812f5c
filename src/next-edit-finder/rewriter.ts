/**
 * Leaves places for which the rules have no answer to the model that completes: when the person rests and the model has
 * nothing else to do, a few for each edit. The next key stops it.
 */
import { partsShown, type Candidate, type NameOf } from '../next-edit/index.ts';
import { askModel, offerFrom, type AskOptions } from './ask-model.ts';
import type { FoundOffer } from './finder.ts';

/** After so long without a key and with nothing found, the model is asked; and how long it waits for it to be idle. */
const REST_MS = 700;
const BUSY_MS = 300;
const MAX_REMEMBERED = 500;

export interface RewriterOptions {
  /** Which model is asked about a place in this document, and how; undefined: none. */
  modelFor(path: string): Pick<AskOptions, 'serving' | 'model' | 'asking'> | undefined;
  /** Whether the model completes now. */
  isBusy(): boolean;
  nameOf: NameOf;
  offer(offer: FoundOffer): void;
  failed(error: unknown): void;
  restMs?: number;
}

export class Rewriter {
  private timer: NodeJS.Timeout | undefined;
  private stop: AbortController | undefined;
  /** What was asked before, whatever was answered. */
  private readonly askedKeys = new Set<string>();

  constructor(private readonly options: RewriterOptions) {}

  /** Asks about these places after a rest. Ends what was asked before. */
  schedule(candidates: readonly Candidate[]): void {
    this.cancel();
    const fresh = candidates.filter((candidate) => !this.askedKeys.has(keyOf(candidate)));
    if (fresh.length > 0) this.askAfter(fresh, this.options.restMs ?? REST_MS);
  }

  /** Asks about the first place once the model is idle, then about the next. */
  private askAfter(candidates: readonly Candidate[], milliseconds: number): void {
    const [candidate, ...others] = candidates;
    if (!candidate) return;
    this.timer = setTimeout(() => {
      if (this.options.isBusy()) this.askAfter(candidates, BUSY_MS);
      else void this.ask(candidate).then((goesOn) => goesOn && this.askAfter(others, 0));
    }, milliseconds);
  }

  /** Asks no more; what is being answered is not offered. */
  cancel(): void {
    clearTimeout(this.timer);
    this.stop?.abort();
    this.stop = undefined;
  }

  /** False if it was cancelled or failed: then no other place is asked about either. */
  private async ask(candidate: Candidate): Promise<boolean> {
    const { signal } = (this.stop = new AbortController());
    const { modelFor, nameOf, offer, failed } = this.options;
    const model = modelFor(candidate.place.path);
    if (!model) return true;
    try {
      const answered = await askModel(candidate, { ...model, nameOf, signal });
      if (signal.aborted) return false;
      this.remember(candidate);
      const newOffer = answered && offerFrom(candidate, answered, model.asking);
      if (newOffer) offer(withLines(newOffer, candidate));
      return true;
    } catch (error) {
      if (!signal.aborted) failed(error);
      return false;
    }
  }

  private remember(candidate: Candidate): void {
    if (this.askedKeys.size >= MAX_REMEMBERED) this.askedKeys.clear();
    this.askedKeys.add(keyOf(candidate));
  }
}

const keyOf = ({ example, place }: Candidate) =>
  [example.line, example.after, place.path, ...place.above, place.line].join('\n');

function withLines(
  offer: ReturnType<typeof offerFrom> & object,
  { place, start }: Pick<Candidate, 'place' | 'start'>,
): FoundOffer {
  const [part] = offer.parts;
  const inLine = { why: offer.why, parts: [{ start: 0, end: place.line.length, text: part!.text }] };
  const shown = partsShown(place.line, inLine).map((part) => ({
    start: part.start + start,
    end: part.end + start,
    text: part.text,
  }));
  return { ...offer, from: start, before: place.line, after: part!.text, shown };
}
