export { calibrate, type Outcome } from './calibrate.ts';
export { leastChance, type Calibration, type ShowChoice } from './chance.ts';
export { defaultBudget, INDEX_WINDOW, type ContextBudget } from './context.ts';
export { cleanUp, type CleanUp, type DropReason } from './clean-up.ts';
export type { CompleteInput, Completer, CompleterOptions, Completion } from './completer.ts';
export { createCompleter } from './engine.ts';
export { gate, type GateReason } from './gate.ts';
export { importedStems, isImported } from './imports.ts';
export { languageIdOf, languageOf } from './languages.ts';
export { buildPrompt, surroundings, type PromptOptions } from './prompt.ts';
export { OtherFiles } from './other-files.ts';
export { SimilarWindows, wordsOf } from './similar-windows.ts';
export { RepositoryParts, type PartsSource } from './repository-parts.ts';
export { reachAt } from './reach.ts';
export { type CompletionStatistics } from './statistics.ts';
export type {
  EngineRequest,
  ContextFile,
  CursorDocument,
  OtherFile,
  RepositoryPath,
  Reach,
} from './types.ts';
export { cutToWhole } from './whole.ts';
