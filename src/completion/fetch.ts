/** Asks the model for one answer: what can be shown of it first, what is cached, and when it is enough. */
import type { CompletionCache } from './cache.ts';
import { isLikely, keepLikely, showingAt, type Showing } from './answer/chance.ts';
import { cleanUp, isEnough } from './answer/clean-up.ts';
import type { Answer, Flight } from './flight.ts';
import type { CursorDocument, Reach } from './types.ts';
import { cutBrokenOff, cutToWhole } from './answer/whole.ts';

/** Receives a piece of an answer, and perhaps its log-probability (nats). */
export type OnPiece = (piece: string, logprob?: number) => void;

export interface Fetching {
  /** Asks the model, and stops it when the signal aborts. */
  ask: (signal: AbortSignal, onText: OnPiece) => Promise<string>;
  document: CursorDocument;
  reach: Reach;
  /** Tokens after which the model breaks off. */
  most: number;
  showing: Showing;
  now: () => number;
  cache: CompletionCache;
}

/**
 * Caches the answer, its first line already before the rest, which is then shown. Undefined if the flight was stopped.
 * Throws the errors of `ask`.
 */
export async function fetchAnswer(flight: Flight, asked: Fetching): Promise<Answer | undefined> {
  const fetching = { ...asked, showing: showingAt(asked.document, asked.showing) };
  const { document, reach, showing, now, cache } = fetching;
  const { adapter } = flight;
  const start = now();
  let shown = false;
  const clean = (text: string) =>
    keepLikely(cleanUp(text, document, reach), flight.certainty, showing, document);
  const keep = (text: string): Answer => {
    const cleaned = clean(text);
    // A first line that was shown stays, even if the whole would not have been shown.
    if ('text' in cleaned || !shown) cache.put(document, adapter, 'text' in cleaned ? cleaned.text : '');
    return { cleaned, took: now() - start };
  };
  // The place is asked anew when the person comes back.
  const forget = () => shown && cache.drop(document, adapter);
  try {
    const text = await generate(flight, fetching, (lines) => {
      // What begins on one line and ends on another is shown when it has ended.
      if (shown || cutToWhole(lines, document) !== lines || 'dropped' in clean(lines)) return;
      flight.show(keep(lines));
      shown = true;
    });
    if (!flight.stop.signal.aborted) return keep(text);
    forget();
    return undefined;
  } catch (error) {
    forget();
    throw error;
  }
}

/**
 * The model's text. Calls `onLines` with all whole lines so far, each time there are more. Ends where the block does,
 * or where all that follows would be too unlikely to be shown.
 */
async function generate(
  flight: Flight,
  { ask, document, reach, most, showing }: Fetching,
  onLines: (lines: string) => void,
): Promise<string> {
  let pieces = 0;
  const enough = new AbortController();
  const signal = AbortSignal.any([flight.stop.signal, enough.signal]);
  try {
    const text = await ask(signal, (piece, logprob) => {
      if (signal.aborted) return;
      pieces += 1;
      flight.take(piece, logprob);
      const lines = flight.text.slice(0, flight.text.lastIndexOf('\n'));
      const ended = piece.includes('\n') && isEnough(lines, document, reach);
      if (piece.includes('\n') && !ended) onLines(lines);
      if (ended || !isLikely(flight.certainty, flight.text, showing)) enough.abort();
    });
    return pieces < most ? text : cutBrokenOff(text);
  } catch (error) {
    if (enough.signal.aborted && !flight.stop.signal.aborted) return flight.text;
    throw error;
  }
}
