/**
 * Every option of `train`, one row each. These tables define the command line's options and help, what a run stores,
 * what a run that continues another inherits, what a sweep supports, what a workspace's settings may set, and what a
 * cluster or Ray Train can't do.
 */
import { isDeepStrictEqual } from 'node:util';
import type { RunSpec } from '../../protocol/run.ts';
import { commandOptions, followOptions, type CommandOptions, type FollowOptions } from './command.ts';
import {
  dataOptions,
  replayOptions,
  type DataOptions,
  type DataContext,
  type ReplayOptions,
} from './data.ts';
import { budgetOptions, hyperOptions, type BudgetOptions, type HyperOptions } from './hyper.ts';
import { measuringOptions, type MeasuringOptions } from './measuring.ts';
import { flagName, type AnyOption, type SpecPath } from './option.ts';
import {
  clusterOptions,
  engineOptions,
  machineOptions,
  type ClusterOptions,
  type EngineOptions,
  type MachineOptions,
} from './place.ts';

/** The options that say how a model is trained and measured. */
export type TrainOptions = BudgetOptions & HyperOptions & MeasuringOptions & MachineOptions;

export type AllOptions = TrainOptions &
  DataOptions &
  ReplayOptions &
  ClusterOptions &
  EngineOptions &
  CommandOptions &
  FollowOptions;

/** Their headings in the help, in its order. */
export const topics = {
  'More: what to learn from': { ...dataOptions, ...replayOptions },
  'More: budget and step size': budgetOptions,
  'More: how it trains': hyperOptions,
  'More: what is measured, and which result is kept': measuringOptions,
  'More: this machine': machineOptions,
  'More: a Ray cluster': { ...clusterOptions, ...engineOptions },
  More: { ...commandOptions, ...followOptions },
};

/** By the names of their values. */
export const trainOptions = Object.assign({}, ...Object.values(topics)) as Readonly<
  Record<keyof AllOptions, AnyOption>
>;

/** The options that `sweep` has too. */
export const sweepOptions = Object.fromEntries(
  Object.entries(trainOptions).filter(([, { support }]) => support.sweep),
);

type Settled = Record<string, unknown>;
type KeyOf<Path> = Path extends `run.${infer Key}` ? Key : never;
type OfRun = Pick<RunSpec, KeyOf<SpecPath>>;

/** The part of the spec that the options set; undefined where the schema's default applies. */
export function specPart(part: 'run', options: Partial<AllOptions>): OfRun;
export function specPart(part: 'corpus', options: Partial<AllOptions>, context: DataContext): Settled;
export function specPart(part: 'hyper' | 'evaluation' | 'engine', options: Partial<AllOptions>): Settled;
export function specPart(part: string, options: Partial<AllOptions>, context?: DataContext): unknown {
  const settled: Settled = {};
  for (const [name, { spec, settle }] of Object.entries(trainOptions)) {
    const [of, key] = spec?.split('.') ?? [];
    if (of === part)
      settled[key!] = settle ? settle(options as never, context as never) : options[name as keyof AllOptions];
  }
  return settled;
}

/**
 * The first given option that is not supported on a cluster or under Ray Train, as it was given: "--keep best". A
 * default counts as not given.
 */
export function firstUnsupported(
  place: 'cluster' | 'rayTrain',
  options: Partial<AllOptions>,
  table: Readonly<Record<string, AnyOption>> = trainOptions,
): string | undefined {
  for (const [name, { flags, support, default: usual }] of Object.entries(table)) {
    const [can, value] = [support[place], options[name as keyof AllOptions]];
    // Without a default, an empty list counts as not given, and so does commander's value `true` for "--no-reference".
    const isGiven =
      value !== undefined && !isDeepStrictEqual(value, usual ?? (flags.startsWith('--no-') || []));
    if (can === false && isGiven) return `--${flagName(flags)}`;
    if (typeof can === 'object' && value === can.not) return `--${flagName(flags)} ${String(value)}`;
  }
  return undefined;
}
