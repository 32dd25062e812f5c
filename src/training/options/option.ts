/** What an option of `train` is: how it is written and read, where its value goes, and who else knows it. */
import type { CorpusPlan, EvaluationPlan, Hyper, RayTrainEngine, RunSpec } from '../../protocol/run.ts';

/** A place in a run's spec; `run` is the spec itself. */
export type SpecPath =
  | `run.${'name' | 'backend' | 'device' | 'minutes'}`
  | 'base.id'
  | `corpus.${keyof CorpusPlan}`
  | `hyper.${keyof Hyper}`
  | `evaluation.${keyof EvaluationPlan}`
  | `engine.${keyof RayTrainEngine}`;

/** `V`: its value. `O`: the options of its topic. `K`: what is known before they are settled. */
export interface TrainOption<V, O = unknown, K = unknown> {
  /** As commander takes them: "--rank <r>". */
  flags: string;
  help: string;
  /** The flag that turns off what `flags` turns on, where neither is the default. */
  off?: { flags: string; help: string };
  /** `before`: the value of the same option given before. Without `parse`, any text. Throws InvalidValue. */
  parse?(text: string, before?: V): V;
  choices?: readonly (V & string)[];
  default?: V;
  /** How the help shows the default. */
  defaultText?: string;
  /** Where the run keeps it; null if only the command uses it. */
  spec: SpecPath | null;
  /** What is kept there, if that is not the value as it was given; undefined for the schema's default. */
  settle?(options: O, known: K): unknown;
  /** The value by what is kept there, if that is not the same. */
  read?(kept: unknown): V;
  support: OptionSupport<V>;
}

/** Everything else that has to know an option. All of it is answered for each, so that no place is forgotten. */
interface OptionSupport<V> {
  /** Whether `sweep` has it too, for all of its trials. */
  sweep: boolean;
  /** What a run that continues another has: always the earlier run's; that unless it is given; or its own. */
  continue: 'same' | 'inherited' | 'own';
  /**
   * Whether the settings of a workspace may give it. They come with the repository, so they give numbers, shares and
   * names from a list; no path, address, data set, run or base.
   */
  workspace: boolean;
  /** Whether a run on a cluster can have it, or which value it can't have. */
  cluster: boolean | { not: V };
  /** The same, of a run that PyTorch trains under Ray Train. */
  rayTrain: boolean | { not: V };
}

/** A row for each option in `O`. */
export type OptionTable<O, K = unknown> = {
  readonly [N in keyof O]-?: TrainOption<NonNullable<O[N]>, O, K>;
};

/** Any option, where its types are not known. */
export type AnyOption = TrainOption<unknown, never, never>;
export type AnyTable = Readonly<Record<string, AnyOption>>;

/** "rank" of "--rank <r>", "no-rate-trials" of "--no-rate-trials". */
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
