/**
 * Makes a run fit the available memory by changes that only affect its duration; if that is not enough, says what would
 * fit.
 */
import type { ModelConfig } from '../../model/config.ts';
import { UserError } from '../../protocol/errors.ts';
import type { BackendName } from '../../protocol/run.ts';
import { formatBytes } from '../../protocol/units.ts';
import {
  planMemory,
  planRun,
  type Measuring,
  type Place,
  type MemoryPlan,
  type PlannedHyper,
} from './plan.ts';

/** Safety margin: a plan is only an estimate, and other programs need memory too. */
export const MARGIN = 0.05;

type Shrinkable = PlannedHyper & { accumulate: number };

export interface Room {
  backend: BackendName;
  available: number;
  /** As in `planMemory`. */
  storedBytes?: number | undefined;
  measuring?: Omit<Measuring, keyof Place>;
}

export interface Fitted<H> {
  hyper: H;
  plan: MemoryPlan;
  /** What was changed to make it fit, in words. */
  changes: string[];
}

/**
 * First recomputes activations in the backward pass; then makes batches smaller and accumulates more of them, so that a
 * step learns from the same sequences. If measuring checkpoints during training does not fit, it is left out of the
 * plan (the run checks again later). Throws `memory` if all that is not enough.
 * @param available bytes
 * @param measuring if undefined, only the training has to fit
 */
export function fitMemory<H extends Shrinkable>(
  config: ModelConfig,
  hyper: H,
  { backend, available, storedBytes, measuring }: Room,
): Fitted<H> {
  const room = available * (1 - MARGIN);
  const planOf = (one: PlannedHyper, atCheckpoints = false) =>
    measuring
      ? planRun(config, one, { ...measuring, backend, storedBytes, atCheckpoints })
      : planMemory(config, one, { backend, storedBytes });
  for (const atCheckpoints of measuring?.atCheckpoints ? [true, false] : [false])
    for (const candidate of candidates(hyper)) {
      const plan = planOf(candidate, atCheckpoints);
      if (plan.total > room) continue;
      const left = measuring?.atCheckpoints && !atCheckpoints ? ['checkpoints are not measured'] : [];
      return { hyper: candidate, plan, changes: [...changesOf(hyper, candidate), ...left] };
    }
  const needed = planOf(hyper).total;
  throw new UserError(
    'memory',
    `This run would take about ${formatBytes(needed)} of memory, but only ${formatBytes(available)} are available.`,
    advice(hyper, (one) => planOf(one).total <= room),
  );
}

/** The settings as given, then variants that need less and less memory. */
function* candidates<H extends Shrinkable>(hyper: H): Generator<H> {
  yield hyper;
  if (!hyper.recompute) yield { ...hyper, recompute: true };
  for (let batch = hyper.batch - 1; batch >= 1; batch -= 1)
    if (hyper.batch % batch === 0)
      yield { ...hyper, recompute: true, batch, accumulate: (hyper.accumulate * hyper.batch) / batch };
}

function changesOf(asked: Shrinkable, fitted: Shrinkable): string[] {
  return [
    ...(fitted.recompute && !asked.recompute ? ['activations are recomputed in the backward pass'] : []),
    ...(fitted.batch < asked.batch
      ? [
          `${fitted.accumulate} batches of ${fitted.batch} make a step instead of ${asked.accumulate} of ${asked.batch}`,
        ]
      : []),
  ];
}

const SHORTEST = 64;

/** Advice on what would fit, the smallest change first. */
function advice(hyper: Shrinkable, fits: (one: PlannedHyper) => boolean): string {
  const smallest = { ...hyper, batch: 1, recompute: true };
  for (const method of hyper.method === 'full' ? (['full', 'lora'] as const) : (['lora'] as const)) {
    const switched = method === hyper.method ? [] : ['--method lora'];
    if (switched.length && fits({ ...smallest, method })) return `Train with ${switched.join(' ')}.`;
    for (let length = longestBelow(hyper.sequenceLength); length >= SHORTEST; length /= 2)
      if (fits({ ...smallest, method, sequenceLength: length }))
        return `Train with ${[`--seq ${length}`, ...switched].join(' and ')}.`;
  }
  return 'Train from a smaller base, or free some memory.';
}

/** The largest power of two below `length`. */
const longestBelow = (length: number) => 2 ** (Math.ceil(Math.log2(length)) - 1);
