/**
 * Fetches one answer from the model: shows its first line early, caches it, and stops generation when the block is
 * complete.
 */
import type { CompletionCache } from './cache.ts';
import { isLikely, keepLikely, type ShowPolicy } from './answer/chance.ts';
import { cleanUp, isEnough } from './answer/clean-up.ts';
import type { Answer, PendingAnswer } from './pending-answer.ts';
import type { CompletionPlace, RawAnswer } from './types.ts';
import { cutTruncated, cutUnfinished } from './answer/unfinished.ts';

/** Receives a piece of an answer, and perhaps its log-probability (nats). */
export type OnPiece = (piece: string, logprob?: number) => void;

export interface FetchOptions {
  /** Queries the model, and stops it when the signal aborts. */
  ask: (signal: AbortSignal, onText: OnPiece) => Promise<RawAnswer>;
  document: CompletionPlace;
  maxLines: number;
  showing: ShowPolicy;
  now: () => number;
  cache: CompletionCache;
}

/** An answer; `cut`: it ends within a line, at the token limit. */
type Written = ReturnType<typeof cutTruncated>;

/**
 * Caches the answer, its first line before the rest, so that it can be shown early. Undefined if the request was
 * stopped. Throws the errors of `ask`.
 */
export async function fetchAnswer(
  pending: PendingAnswer,
  options: FetchOptions,
): Promise<Answer | undefined> {
  const { document, maxLines, showing, now, cache } = options;
  const { adapter } = document;
  const start = now();
  let shown = false;
  const clean = ({ text, cut }: Written) =>
    keepLikely(
      cleanUp(text, document, maxLines),
      { text, cut, certainty: pending.certainty },
      showing,
      document,
    );
  const keep = (written: Written): Answer => {
    const cleaned = clean(written);
    // A first line that was shown stays, even if the whole answer would not have been shown.
    if ('text' in cleaned || !shown) cache.put(document, adapter, 'text' in cleaned ? cleaned : { text: '' });
    return { cleaned, took: now() - start };
  };
  // Ask again when the user comes back to this place.
  const dropFromCache = () => shown && cache.drop(document, adapter);
  try {
    const written = await generate(pending, options, (text) => {
      const lines = { text, cut: false };
      // What spans several lines is shown once it is complete.
      if (shown || cutUnfinished(text, document) !== text || 'dropped' in clean(lines)) return;
      pending.showFirst(keep(lines));
      shown = true;
    });
    if (!pending.stop.signal.aborted) return keep(written);
    dropFromCache();
    return undefined;
  } catch (error) {
    dropFromCache();
    throw error;
  }
}

/**
 * What the model wrote. Calls `onLines` with all complete lines whenever there are more. Stops at the end of the block, or
 * when the text has become too unlikely to be shown.
 */
async function generate(
  pending: PendingAnswer,
  { ask, document, maxLines, showing }: FetchOptions,
  onLines: (lines: string) => void,
): Promise<Written> {
  const enough = new AbortController();
  const signal = AbortSignal.any([pending.stop.signal, enough.signal]);
  try {
    const answer = await ask(signal, (piece, logprob) => {
      if (signal.aborted) return;
      pending.append(piece, logprob);
      const lines = pending.text.slice(0, pending.text.lastIndexOf('\n'));
      const ended = piece.includes('\n') && isEnough(lines, document, maxLines);
      if (piece.includes('\n') && !ended) onLines(lines);
      if (ended || !isLikely(pending.certainty, pending.text, showing)) enough.abort();
    });
    return cutTruncated(answer);
  } catch (error) {
    if (enough.signal.aborted && !pending.stop.signal.aborted) return { text: pending.text, cut: true };
    throw error;
  }
}
