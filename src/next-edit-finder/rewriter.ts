/**
 * Asks the completion model about places for which the rules have no answer: a few for each edit, when the user pauses
 * and the model is idle. The next key cancels it.
 */
import { partsShown, type Candidate, type NameOf } from '../next-edit/index.ts';
import { askModel, offerFrom, type AskOptions } from './ask-model.ts';
import type { FoundOffer } from './finder.ts';

/** Pause in typing before the model is asked, and interval at which to check whether it is idle. */
const REST_MS = 700;
const BUSY_MS = 300;
const MAX_REMEMBERED = 500;

export interface RewriterOptions {
  /** Which model to ask about a place in this document, and how; undefined for none. */
  modelFor(path: string): Pick<AskOptions, 'serving' | 'model' | 'asking'> | undefined;
  /** Whether the model is busy with a completion. */
  isBusy(): boolean;
  nameOf: NameOf;
  offer(offer: FoundOffer): void;
  failed(error: unknown): void;
  restMs?: number;
}

export class Rewriter {
  private timer: NodeJS.Timeout | undefined;
  private stop: AbortController | undefined;
  /** Keys of the candidates already asked about, whatever the answer was. */
  private readonly askedKeys = new Set<string>();

  constructor(private readonly options: RewriterOptions) {}

  /** Asks about these places after a pause. Cancels earlier requests. */
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

  /** Cancels everything; an answer in progress is discarded. */
  cancel(): void {
    clearTimeout(this.timer);
    this.stop?.abort();
    this.stop = undefined;
  }

  /** Returns false if it was cancelled or failed: then the other places are not asked about either. */
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
