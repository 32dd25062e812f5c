/**
 * The interface of a task. Each task is a file in tasks/; tasks/index.ts lists them. A task lists its items once, the
 * same for every model, and scores one model on one item. So a base is measured once for all of its runs, and a stopped
 * evaluation can be resumed.
 */
import { createHash } from 'node:crypto';
import type { Tokenizer } from '../llama-cpp/tokenizer.ts';
import type { Corpus } from '../corpus/index.ts';
import type { LossOptions, Predictions } from '../model/index.ts';
import type { Comparison } from '../protocol/evaluation.ts';
import type { Hyper, RunSpec } from '../protocol/run.ts';
import type { HostCompletion, HostRequest } from '../serving/host-types.ts';
import type { Sandbox } from './sandbox/sandbox.ts';
import type { RatioItem } from '../statistics/statistics.ts';
import type { Text } from '../text/message.ts';

export const settingNames = ['quick', 'paper'] as const;
export type SettingName = (typeof settingNames)[number];

/** A window of text, a question, a problem: plain data. Made by `createItem`. */
export interface Item {
  /** Name for display: "HumanEval/12", "row 7". */
  id: string;
  /** Digest of everything that the score depends on besides the model and the task's version. */
  digest: string;
  /**
   * The document it comes from, such as a file. Items of one document are correlated, which intervals take into
   * account.
   */
  document?: string | undefined;
  /** Measured before the others if time is limited, because it is the most informative. */
  first?: boolean;
  /** Further fields for its row in evaluation/<task>.<step>.jsonl, besides the scores. */
  rowFields?: object;
}

/** Counts of one item by metric; an item may leave metrics out. A metric is the sum of sums over the sum of weights. */
export interface ItemScore {
  parts: Record<string, RatioItem>;
  /** Details for the item's row: completions, verdicts, nats. */
  detail?: unknown;
}

/** A metric. Its fields also decide the kind of its interval (`intervalKind` in metrics/compare.ts). */
export interface Measure {
  metric: string;
  /** "" if the metric's name says it. With `better: 'higher'`, "" means a share: 1 is 100%. */
  unit: string;
  better: Comparison['better'];
  /** Items are right or wrong. */
  binary?: boolean;
  /** Measured relative to the base, so the base itself has no value. */
  relative?: boolean;
}

export interface Plan<I extends Item> {
  items: I[];
  /** Items measured last, one at a time, on each model before the next item. */
  interleaved?: I[];
  /** How they are measured, for display, besides the name of the setting: "20 of 164 problems, greedy". */
  setting: Text;
  measures: readonly Measure[];
}

/** A model to evaluate. Its files are opened when first used. */
export interface EvaluatedModel {
  /** For display. */
  name: string;
  /** sha256 of the base's file, or of the base and the result trained on it. */
  digest: string;
  tokenizer(): Promise<Tokenizer>;
  /** Context length in tokens that it was trained with. */
  contextLength(): Promise<number>;
  /** Whether it supports fill-in-the-middle. */
  fillsInTheMiddle(): Promise<boolean>;
  /** Completes with llama.cpp; simultaneous requests are computed as one batch. */
  complete(request: Omit<HostRequest, 'model'>, signal?: AbortSignal): Promise<HostCompletion>;
  /** Completes with llama.cpp as the editor's server does: one request at a time, with the previous prompt cached. */
  completeAlone(request: Omit<HostRequest, 'model'>, signal?: AbortSignal): Promise<HostCompletion>;
  /** Loss in nats of each token after the first, or only of the last ones, by the trainer's own model. */
  tokenLosses(tokens: Int32Array, options?: LossOptions): Promise<Float32Array>;
  /** Losses of the `last` tokens, and the tokens it would have predicted instead, by the trainer's own model. */
  predictions(tokens: Int32Array, last: number): Promise<Predictions>;
  /** KL(base || this) in nats after each token. */
  klFromBase(tokens: Int32Array): Promise<Float32Array>;
  /** Announces several texts for `klFromBase`, so that a base that is not in memory is loaded only once. */
  expectKl(texts: readonly Int32Array[]): Promise<void>;
  /** Precision of its weights in `tokenLosses` and `klFromBase`: that of its training. */
  precision(): Promise<Hyper['precision']>;
  /** Frees its memory for sampling until it is needed again, so that another model can work. */
  releaseMemory(): Promise<void>;
}

export interface PlanContext {
  setting: SettingName;
  /** Maximum number of items: overrides the run's plan and the setting. */
  limit?: number | undefined;
  /** A local file or a data set on the hub that replaces the task's own data. */
  data?: string | undefined;
  base: EvaluatedModel;
  /** The run whose result is measured; undefined if a model is measured without a run. */
  run?: { spec: RunSpec; corpus(): Promise<Corpus> } | undefined;
  warn(message: string): void;
  signal?: AbortSignal | undefined;
}

export interface ScoreContext {
  /** Opened when first used, shared by all items. */
  sandbox(): Promise<Sandbox>;
  signal?: AbortSignal | undefined;
}

export interface Task<I extends Item = Item> {
  name: string;
  /** Name for display: "HumanEval"; of a listed task, that in findings/task-facts.ts. */
  title: string;
  /** Version of prompt, parser and scorer; cached scores of another version are not used. */
  version: number;
  /** Needs data of a run. `plan` throws bad-argument for a model without one. */
  needsRun?: boolean;
  /** Measured only if it is requested by name. */
  onlyByName?: boolean;
  /** Metrics that also depend on the machine's load; comparable only between models measured interleaved. */
  loadDependent?: readonly string[];
  /** Number of items in a run's own evaluation; 0 leaves the task out. Default 0. */
  planned?(spec: Pick<RunSpec, 'evaluation' | 'imported'>): number;
  /** Rough estimate in seconds (task-facts.ts), for the remaining time and for dividing limited time. */
  cost: number;
  /** Maximum tokens of prompt and answer, if the task samples. */
  contextTokens?: number;
  /** Number of items scored at the same time. Default 1. */
  parallel?: number;
  /** Errors: those of reading the data; bad-argument if the task can't be measured on this model or run. */
  plan(context: PlanContext): Promise<Plan<I>>;
  /** Called before the first of `items` is scored, for work that is cheaper in one batch. */
  prepare?(items: readonly I[], model: EvaluatedModel): Promise<void>;
  score(item: I, model: EvaluatedModel, context: ScoreContext): Promise<ItemScore>;
  /** Scores an item of the plan's `interleaved`: one score per model. */
  scoreTogether?(item: I, models: readonly EvaluatedModel[], context: ScoreContext): Promise<ItemScore[]>;
}

/** Makes an item of this content, which must be plain JSON. */
export function createItem<C extends object>(id: string, content: C, rowFields?: object): Item & C {
  const digest = createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 32);
  return { ...content, id, digest, ...(rowFields && { rowFields }) };
}

/** Number of items: `limit`, else in the setting `paper` all (or `paper`), else the run's plan, else `quick`. */
export function itemCount(
  { limit, setting, run }: PlanContext,
  { quick, paper = Infinity, planned }: { quick: number; paper?: number; planned?: Task['planned'] },
): number {
  return limit ?? (setting === 'paper' ? paper : (run && planned?.(run.spec)) || quick);
}
