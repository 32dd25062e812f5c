/** Turns folders and data sets into tokens. See docs/file-formats.md for the files. */
export { buildCorpus, type BuildOptions, type BuildProgress } from './build.ts';
export { EarlierCorpus } from './earlier.ts';
export {
  chooseFolders,
  innermost,
  nameFolders,
  placeOf,
  renamedGlobs,
  repositoryName,
} from './reading/folders.ts';
export type { CorpusTokenizer } from './tokens/tokenizer.ts';
export type { Kind } from './kinds.ts';
export {
  kindOfEntry,
  sourceOf,
  type CorpusSummary,
  type KeptEntry,
  type LeftOutEntry,
  type Split,
} from './manifest.ts';
export { reasons, type Reason } from './reasons.ts';
export { openCorpus, readManifest, type Age, type Corpus, type FillingTokenizer } from './open.ts';
export { mixed } from './tokens/mixed.ts';
export type { CorpusSequences } from './tokens/examples.ts';
export type { Sequence, SequenceSource } from './tokens/sequences.ts';
export type { SourceDocument } from './reading/source.ts';
export { surveyCorpus, type Survey } from './survey.ts';
