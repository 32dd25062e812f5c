/** Whether a folder has enough files for its result to be shown to be better, which is known before training. */
import { measuredKind } from '../../corpus/kinds.ts';
import { entryKind, type KeptEntry } from '../../corpus/manifest.ts';
import type { RunSpec } from '../../protocol/run.ts';
import { MIN_DOCUMENTS } from '../../statistics/intervals.ts';
import { msg, type Text } from '../../text/message.ts';

/** A warning if too few files of the measured kind are held out for a result to be offered. Pure. */
export function fewFilesWarning(
  { folder, corpus, evaluation }: Pick<RunSpec, 'folder' | 'corpus' | 'evaluation'>,
  documents: readonly KeptEntry[],
): Text | undefined {
  // A given strength is always offered; rows and pairs are not counted by their file.
  if (evaluation.strength !== 'measured' || !folder || corpus.mode !== 'pretrain') return undefined;
  const heldOut = documents.filter(({ split, tokens }) => split === 'held-out' && tokens > 0);
  const measured = measuredKind((kind) => heldOut.some((entry) => entryKind(entry) === kind));
  const files = heldOut.filter((entry) => entryKind(entry) === measured).length;
  if (files >= MIN_DOCUMENTS) return undefined;
  return msg`This folder has too few files to show whether the result is better (${files} to measure on; ${MIN_DOCUMENTS} are needed), so it will not be offered for completion. Choose a folder with more files of code.`;
}
