/** Folders to tokens. See docs/file-formats.md for what is written. */
export { buildCorpus, type BuildOptions, type BuildProgress } from './build.ts';
export { EarlierCorpus } from './earlier.ts';
export type { CorpusTokenizer } from './tokenizer.ts';
export type { Kind } from './kinds.ts';
export {
  kindOfEntry,
  type CorpusSummary,
  type KeptEntry,
  type LeftOutEntry,
  type Split,
} from './manifest.ts';
export { reasons, type Reason } from './reasons.ts';
export { openCorpus, readManifest, type Age, type Corpus, type FillingTokenizer } from './open.ts';
export { mixed } from './mixed.ts';
export type { CorpusSequences } from './examples.ts';
export type { Sequence, SequenceSource } from './sequences.ts';
export type { SourceDocument } from './source.ts';
export { surveyCorpus, type Survey } from './survey.ts';
