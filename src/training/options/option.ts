/**
 * The definition of an option of `train`: how it is written and parsed, where its value goes, and where else it
 * applies.
 */
import type { CorpusPlan, EvaluationPlan, Hyper, RayTrainEngine, RunSpec } from '../../protocol/run.ts';

/** A place in a run's spec; `run` is the spec itself. */
export type SpecPath =
  | `run.${'name' | 'background' | 'backend' | 'device' | 'minutes'}`
  | 'base.id'
  | `corpus.${keyof CorpusPlan}`
  | `hyper.${keyof Hyper}`
  | `evaluation.${keyof EvaluationPlan}`
  | `engine.${keyof RayTrainEngine}`;

/** `V`: its value. `O`: the options of its topic. `K`: what is known before their values are determined. */
export interface TrainOption<V, O = unknown, K = unknown> {
  /** In commander's notation: "--rank <r>". */
  flags: string;
  help: string;
  /** The flag that turns off what `flags` turns on, if neither is the default. */
  off?: { flags: string; help: string };
  /** `before`: the value of the same option given before. Without `parse`, any text. Throws InvalidValue. */
  parse?(text: string, before?: V): V;
  choices?: readonly (V & string)[];
  default?: V;
  /** The default as shown in the help. */
  defaultText?: string;
  /** Where the run stores it; null if only the command uses it. */
  spec: SpecPath | null;
  /** Converts the given value to the stored one, if they differ; undefined for the schema's default. */
  settle?(options: O, known: K): unknown;
  /** Converts the stored value back, if they differ. */
  read?(kept: unknown): V;
  support: OptionSupport<V>;
}

/** Everywhere else that an option matters. Every option has to answer all of these, so that no place is forgotten. */
interface OptionSupport<V> {
  /** Whether `sweep` supports it too, for all of its trials. */
  sweep: boolean;
  /**
   * Its value in a run that continues another: always the earlier run's, the earlier run's unless given, or its own.
   */
  continue: 'same' | 'inherited' | 'own';
  /**
   * Whether a workspace's settings may set it. They come with the repository, so they may set numbers, shares and names
   * from a list, but no path, address, data set, run or base.
   */
  workspace: boolean;
  /** Whether a run on a cluster supports it, or which value it does not. */
  cluster: boolean | { not: V };
  /** The same for a run that PyTorch trains under Ray Train. */
  rayTrain: boolean | { not: V };
}

/** A row for each option in `O`. */
export type OptionTable<O, K = unknown> = {
  readonly [N in keyof O]-?: TrainOption<NonNullable<O[N]>, O, K>;
};

/** Any option, if its types are not known. */
export type AnyOption = TrainOption<unknown, never, never>;
export type AnyTable = Readonly<Record<string, AnyOption>>;

/** "rank" of "--rank <r>", "no-reference" of "--no-reference". */
export const flagName = (flags: string): string => flags.replace(/^--([a-z-]+).*$/, '$1');

/** The names of its flags, without their dashes. */
export const flagNames = ({ flags, off }: Pick<AnyOption, 'flags' | 'off'>): string[] =>
  [flags, ...(off ? [off.flags] : [])].map(flagName);

/** An option's value in a run; undefined if it has none. */
export function optionValue(run: Omit<RunSpec, 'name'> & { name?: string }, option: AnyOption): unknown {
  const [part, key] = option.spec!.split('.') as [string, string];
  const of = (part === 'run' ? run : run[part as 'hyper']) as Record<string, unknown> | undefined;
  const kept = of?.[key];
  return kept === undefined || !option.read ? kept : option.read(kept);
}
