/** Records what a base answers at places (places.ts), as far as the core listens, so that it can be replayed. */
import type { Anchors } from '../../src/completion/anchor.ts';
import { Certainty, defaultCalibration, isLikely } from '../../src/completion/chance.ts';
import { isEnough } from '../../src/completion/clean-up.ts';
import { buildPrompt, leastChance, reachAt, type CursorDocument } from '../../src/completion/index.ts';
import { toServer } from '../../src/serving/client/completion-engine.ts';
import type { BenchServer } from '../felt/server.ts';
import type { ParsedLanguage } from './parse.ts';
import type { Place } from './places.ts';

export interface Recording {
  repository: string;
  language: ParsedLanguage;
  document: CursorDocument;
  /** What the person is about to write, and all that follows. */
  truth: string;
  pieces: { text: string; logprob?: number | undefined }[];
}

/** Less than an editor sends, so that more can be recorded in the same time. */
const budget = { before: 700, after: 160 };
const MOST_TOKENS = 64;
const showing = { calibration: defaultCalibration, least: leastChance.likely };

/** `anchors`: those of one file in which the places follow each other. */
export async function record(
  server: BenchServer,
  anchors: Anchors,
  { document }: Place,
): Promise<Recording['pieces']> {
  const reach = reachAt(document);
  const gap = anchors.gapAt(document, budget);
  const { begun = '', ...asked } = buildPrompt(document, {
    ...{ model: 'base', fillInTheMiddle: true, maxTokens: MOST_TOKENS, reach, budget, gap },
  });
  const pieces: Recording['pieces'] = [];
  const certainty = new Certainty();
  const enough = new AbortController();
  let text = '';
  const hear = (piece: string, logprob?: number) => {
    if (enough.signal.aborted) return;
    pieces.push({ text: piece, logprob });
    certainty.add(text.length, logprob);
    text += piece;
    const lines = text.slice(0, text.lastIndexOf('\n'));
    const ended = piece.includes('\n') && isEnough(lines, document, reach);
    if (ended || !isLikely(certainty, text, showing)) enough.abort();
  };
  try {
    await server.stream({ ...toServer({ ...asked, begun }), confidence: true }, hear, enough.signal);
  } catch (error) {
    if (!enough.signal.aborted) throw error;
  }
  return pieces;
}
