/** Turns folders and data sets into tokens. See docs/file-formats.md for the files. */
export { buildCorpus, type BuildOptions, type BuildProgress } from './build.ts';
export { EarlierCorpus } from './earlier-corpus.ts';
export {
  chooseFolders,
  innermost,
  nameFolders,
  promptPath,
  renameGlobs,
  repositoryName,
} from './reading/folders.ts';
export type { CorpusTokenizer } from './tokens/tokenizer.ts';
export type { Kind } from './kinds.ts';
export {
  entryKind,
  sourcePath,
  type CorpusSummary,
  type KeptEntry,
  type LeftOutEntry,
  type Split,
} from './manifest.ts';
export { reasons, type Reason } from './reasons.ts';
export { openCorpus, readManifest, type Age, type Corpus, type FimTokenizer } from './open.ts';
export { mixSequences } from './tokens/mix-sequences.ts';
export type { CorpusSequences } from './tokens/examples.ts';
export type { Sequence, SequenceSource } from './tokens/sequences.ts';
export type { SourceDocument } from './reading/source.ts';
export { surveyCorpus, type Survey } from './survey.ts';
