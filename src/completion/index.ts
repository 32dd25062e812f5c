export { calibrate, type Outcome } from './answer/calibrate.ts';
export { leastChance, type Calibration } from './answer/chance.ts';
export { defaultBudget, INDEX_WINDOW, type ContextBudget } from './prompt/context.ts';
export { cleanUp, type DropReason } from './answer/clean-up.ts';
export type { CompleteInput, Completer, CompleterOptions, Completion } from './completer.ts';
export { Answers } from './statistics.ts';
export { createCompleter } from './pipeline.ts';
export { gate } from './gate.ts';
export { importedStems, isImported } from './code/imports.ts';
export { languageIdForPath } from './code/languages.ts';
export { maxLinesAt } from './prompt/max-lines.ts';
export { countUse, FEW_TAKEN, trustOf, type UseCounts } from './answer/trust.ts';
export { buildPrompt } from './prompt/prompt.ts';
export { MAX_BEGUN } from './prompt/anchor.ts';
export { MAX_FILES } from './prompt/other-files.ts';
export { SimilarWindows, distinctWords } from './prompt/similar-windows.ts';
export { RepositoryParts, type PartsSource } from './prompt/repository-parts.ts';
export type {
  CompletionSettings,
  ModelRequest,
  RawAnswer,
  ContextFile,
  CursorDocument,
  OtherFile,
  RepositoryPath,
} from './types.ts';
export { cutUnfinished } from './answer/unfinished.ts';
