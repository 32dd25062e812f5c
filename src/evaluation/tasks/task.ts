/** What a task is given and gives. A file per task in this folder; index.ts lists them. */
import type { Tokenizer } from '../../base-models/tokenizer.ts';
import type { Corpus } from '../../corpus/index.ts';
import type { Comparison } from '../../protocol/evaluation.ts';
import type { RunSpec } from '../../protocol/run.ts';
import type { LlamaHost } from '../../serving/host-types.ts';
import type { Scorer } from '../../training/scorer.ts';

export const settingNames = ['quick', 'paper'] as const;
export type SettingName = (typeof settingNames)[number];

export interface TaskContext {
  dir: string;
  spec: RunSpec;
  setting: SettingName;
  /** Items to take at most: overrides the run's plan and the setting. */
  limit?: number | undefined;
  /** Local file to read the task's data from, instead of fetching it. */
  data?: string | undefined;
  /** Opened when first asked for, shared by all tasks. */
  scorer(): Promise<Scorer>;
  host(): Promise<LlamaHost>;
  corpus(): Promise<Corpus>;
  tokenizer(): Promise<Tokenizer>;
  /** Names that the host knows the two models by. */
  models: { base: string; result: string };
  progress(done: number, total: number): void;
  warn(message: string): void;
  /** One row per item, written to evaluation/<task>.<step>.jsonl. */
  saveItems(rows: readonly object[]): Promise<void>;
  signal?: AbortSignal | undefined;
}

export interface Task {
  name: string;
  /** For the person: "HumanEval". */
  title: string;
  /** How many items the run's plan asks for; 0 leaves the task out of a run's own evaluation. */
  planned(spec: RunSpec): number;
  /** Rough share of an evaluation's time, for its ETA. */
  cost: number;
  run(context: TaskContext): Promise<Comparison[]>;
}
