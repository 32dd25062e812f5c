/**
 * What a task is given and gives. A file per task in this folder; index.ts lists them. A task lists its items once,
 * the same for every model, and scores one model on one item: so a base is measured once for all of its runs, and an
 * evaluation that was stopped goes on where it was.
 */
import { createHash } from 'node:crypto';
import type { Tokenizer } from '../../base-models/tokenizer.ts';
import type { Corpus } from '../../corpus/index.ts';
import type { LossOptions } from '../../model/index.ts';
import type { Comparison } from '../../protocol/evaluation.ts';
import type { Hyper, RunSpec } from '../../protocol/run.ts';
import type { HostCompletion, HostRequest } from '../../serving/engine/host-types.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import type { RatioItem } from '../../statistics/statistics.ts';

export const settingNames = ['quick', 'paper'] as const;
export type SettingName = (typeof settingNames)[number];

/** A window of text, a question, a problem: plain data. Made by `itemOf`. */
export interface Item {
  /** For the person: "HumanEval/12", "row 7". */
  id: string;
  /** Of all that the score depends on besides the model and the task's version. */
  digest: string;
  /** What it is of, where others may be of the same: a file. They are alike, and intervals know it. */
  document?: string | undefined;
  /** What its row in evaluation/<task>.<step>.jsonl says besides the scores. */
  shown?: object;
}

/** Counts of one item by metric; an item may leave metrics out. A metric is the sum of sums over the sum of weights. */
export interface ItemScore {
  parts: Record<string, RatioItem>;
  /** For the item's row: completions, verdicts, nats. */
  detail?: unknown;
}

/** What a metric is, and by that which kind of interval it gets (`kindOf` in figures/compare.ts). */
export interface Measure {
  metric: string;
  /** "" where the metric's name says it. With `better: 'higher'`, "" is a share: 1 is all of it. */
  unit: string;
  better: Comparison['better'];
  /** Items are right or wrong. */
  binary?: boolean;
  /** Against the base: of the base itself there is nothing to tell. */
  relative?: boolean;
}

export interface Plan<I extends Item> {
  items: I[];
  /** Items on which all models are measured in turn, one item after the other and after all others. */
  together?: I[];
  /** How they are measured, for the person: "20 of 164 problems, greedy". */
  setting: string;
  measures: readonly Measure[];
}

/** One model, whatever is behind it; what is behind it is opened when first asked for. */
export interface EvaluatedModel {
  /** For the person. */
  name: string;
  /** sha256 of the base's file, or of the base and what was trained on it. */
  digest: string;
  tokenizer(): Promise<Tokenizer>;
  /** Tokens that it was trained to see at once. */
  contextLength(): Promise<number>;
  /** Uses text after the cursor. */
  fillsInTheMiddle(): Promise<boolean>;
  /** By llama.cpp; several at once are computed as one batch. */
  complete(request: Omit<HostRequest, 'model'>, signal?: AbortSignal): Promise<HostCompletion>;
  /** By llama.cpp as the editor's server computes: by itself, on what it has read before. */
  completeAlone(request: Omit<HostRequest, 'model'>, signal?: AbortSignal): Promise<HostCompletion>;
  /** Nats for each token after the first, or for the last of them, by the trainer's own model. */
  tokenLosses(tokens: Int32Array, options?: LossOptions): Promise<Float32Array>;
  /** KL(base || this) after each token, nats. */
  klFromBase(tokens: Int32Array): Promise<Float32Array>;
  /** Said before `klFromBase` is asked for several texts, so that a base that was put away is read in once. */
  expectKl(texts: readonly Int32Array[]): Promise<void>;
  /** Of its weights in `tokenLosses` and `klFromBase`: what is scored is what was trained. */
  precision(): Promise<Hyper['precision']>;
  /** Frees what it has for sampling until that is asked for again: another one is at work. */
  rest(): Promise<void>;
}

export interface PlanContext {
  setting: SettingName;
  /** Items to take at most: overrides the run's plan and the setting. */
  limit?: number | undefined;
  /** Where the task's data is: a local file, or a data set on the hub, instead of the task's own. */
  data?: string | undefined;
  base: EvaluatedModel;
  /** The run whose result is measured; none where a model is measured by itself. */
  run?: { spec: RunSpec; corpus(): Promise<Corpus> } | undefined;
  warn(message: string): void;
  signal?: AbortSignal | undefined;
}

export interface ScoreContext {
  /** Opened when first asked for, shared by all items. */
  sandbox(): Promise<Sandbox>;
  signal?: AbortSignal | undefined;
}

export interface Task<I extends Item = Item> {
  name: string;
  /** For the person: "HumanEval". */
  title: string;
  /** Of prompt, parser and scorer: a score of another version is not used again. */
  version: number;
  /** Measures on what a run has: a model alone has nothing of it. `plan` throws bad-argument for one all the same. */
  ofRun?: boolean;
  /** Metrics that are of the machine's load too: only models that were measured in turn are held against each other. */
  momentary?: readonly string[];
  /** How many items a run's own evaluation has; 0 leaves the task out of it. */
  planned(spec: RunSpec): number;
  /** Rough share of an evaluation's time beside the other tasks', for its ETA and for what a limited time is shared by. */
  cost: number;
  /** Tokens that prompt and answer take at most, where the task samples. */
  contextTokens?: number;
  /** Items that are scored at the same time. Default 1. */
  parallel?: number;
  /** Errors: those of reading the data; bad-argument where the task can't be measured on this model or run. */
  plan(context: PlanContext): Promise<Plan<I>>;
  /** Before the first of `items` is scored: what is cheaper for all of them together. */
  prepare?(items: readonly I[], model: EvaluatedModel): Promise<void>;
  score(item: I, model: EvaluatedModel, context: ScoreContext): Promise<ItemScore>;
  /** Of a plan's `together`: a score for each model. */
  scoreTogether?(item: I, models: readonly EvaluatedModel[], context: ScoreContext): Promise<ItemScore[]>;
}

/** An item of this content, which must be plain JSON. */
export function itemOf<C extends object>(id: string, content: C, shown?: object): Item & C {
  const digest = createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 32);
  return { ...content, id, digest, ...(shown && { shown }) };
}

/** How many items to take: what was asked for, else all in `paper`, else the run's plan, else `quick`. */
export function countOf(
  { limit, setting, run }: PlanContext,
  { quick, paper = Infinity, planned }: { quick: number; paper?: number; planned?: Task['planned'] },
): number {
  return limit ?? (setting === 'paper' ? paper : (run && planned?.(run.spec)) || quick);
}
