/** Estimates of the time and memory that a fine-tuning takes, shown before it starts. The run measures them itself. */
import { sizeSoon } from '../../platform/files/size-soon.ts';
import { evaluationPlanSchema } from '../../protocol/run.ts';
import { taskFacts } from '../../findings/task-facts.ts';
import { expectedTimes, totalSeconds, type RunTimes } from '../../evaluation/time.ts';
import { MEASURE_SHARE } from '../../training/options/measuring.ts';
import { TRAINING } from '../../training/measured-costs.ts';
import { findKnownBase } from '../../base-models/registry.ts';
import { guessTokensPerSecond } from '../../training/speed-guess.ts';
import { formatDuration, roughly } from '../../text/units.ts';
import { t } from '../../text/l10n.ts';
import { size } from '../texts.ts';
import { runMemory, shapeOfSize, type Machine, type MeasuredBase } from '../../training/memory/defaults.ts';

export interface Budget {
  minutes?: number;
  steps?: number;
}

/** Tokens per step with the defaults of `train`: one sequence of 512. */
const TOKENS_PER_STEP = 512;
/** What `train` measures by default. */
const evaluation = evaluationPlanSchema.parse({ strength: 'measured', share: MEASURE_SHARE });
const measuredTasks = (['workspace', 'humaneval', 'retention'] as const).map((name) => ({
  name,
  ...taskFacts[name],
}));

export interface Estimate {
  /** In seconds. */
  times: RunTimes;
  tokens: number;
}

/**
 * Based on what earlier runs took on this machine, else guessed from the base's size.
 * @param base a known base, or a file
 * @param parameters of the base
 */
export function estimate(
  base: string,
  parameters: number,
  method: 'lora' | 'full',
  budget: Budget,
  { backend, costs }: Machine,
): Estimate {
  const path = findKnownBase(base)?.file ?? base;
  const costOf = costs?.({ base: { path }, method, backend }) ?? (() => undefined);
  const perToken = costOf(TRAINING)?.seconds ?? 1 / guessTokensPerSecond(parameters, { method, backend });
  const training =
    budget.minutes === undefined ? (budget.steps ?? 1) * TOKENS_PER_STEP * perToken : 60 * budget.minutes;
  const tokens = Math.round(training / perToken);
  return {
    times: expectedTimes({ evaluation, hyper: { method } }, measuredTasks, training, {
      known: costOf,
      speed: 1 / perToken,
    }),
    tokens,
  };
}

/** What estimates need to know of a base. */
export type SizedBase = MeasuredBase & { parameters: number };

/** A file's is guessed from its size. Undefined for a base that is not on this machine yet, or not to be reached. */
export async function sizedBase(reference: string): Promise<SizedBase | undefined> {
  const known = findKnownBase(reference);
  if (known) return known;
  const bytes = await sizeSoon(reference);
  if (!bytes) return undefined;
  // Between Q4 (0.6 bytes per weight) and F16 (2): a value in the middle is within a factor of two.
  const parameters = Math.round(bytes / 1.1);
  return { parameters, bytes, shape: shapeOfSize(parameters) };
}

/** "About 9 min with measuring · ..."; undefined when the base's size is unknown. */
export function describeCost(
  base: string,
  sized: SizedBase | undefined,
  method: 'lora' | 'full',
  budget: Budget,
  machine: Machine,
): string | undefined {
  if (!sized) return undefined;
  const { times, tokens } = estimate(base, sized.parameters, method, budget, machine);
  const all = formatDuration(totalSeconds(times));
  const library = { tensorflow: 'TensorFlow', webgpu: 'WebGPU', wasm: 'WebAssembly' }[machine.backend];
  const memory = size(runMemory(sized, method, machine));
  return t('About {time} with measuring · {tokens} tokens · {memory} of memory · {library}', {
    time: all,
    tokens: roughly(tokens),
    memory,
    library,
  });
}
