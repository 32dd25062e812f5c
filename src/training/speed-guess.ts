/** A guess of how fast this machine trains, used until something was measured on it. */
import { usableProcessors } from '../platform/machine/processors.ts';
import type { BackendName, Hyper } from '../protocol/run.ts';
import { fastestPrecision } from '../tensor/precision.ts';

/** Operations per trained token and parameter: `operationsPerToken`, near enough for a guess before a base is read. */
const OPERATIONS_PER_PARAMETER = { full: 6, lora: 4.3 };

/**
 * Operations per second in f32 on 2 processors with SmolLM2-135M, used if nothing was measured on this machine yet
 * (docs/science.md). On a GPU nothing was measured yet: it counts as no faster than the processor.
 */
const operationRates: Record<BackendName, number> = { tensorflow: 110e9, webgpu: 110e9, wasm: 18e9 };
const MEASURED = { processors: 2, parameters: 135e6 };
/** Gain of bf16, which is only chosen if the processor can multiply it. */
const BF16_GAIN = 1.6;
/**
 * In bf16, larger matrix products use the processor better: utilisation is .44, .60 and .79 at 135M, 0.5B and 1.5B. In
 * f32 it is already .59 at 135M, and was not measured for larger bases.
 */
const BF16_GROWTH = 0.24;
const MAX_GROWTH = 1.9;
/** More processors share memory and wait for each other. Assumed, not measured. */
const PROCESSORS_GROWTH = 0.8;

/** A first guess of tokens per second on processors; the speed of an earlier run is better. */
export function guessTokensPerSecond(
  parameters: number,
  {
    method,
    backend,
    precision = fastestPrecision(backend, method),
  }: Pick<Hyper, 'method'> & { precision?: Hyper['precision']; backend: BackendName },
  processors = usableProcessors(),
): number {
  const size = Math.min(MAX_GROWTH, (parameters / MEASURED.parameters) ** BF16_GROWTH);
  const gain = precision === 'bf16' ? BF16_GAIN * size : 1;
  const share = (processors / MEASURED.processors) ** PROCESSORS_GROWTH;
  return (operationRates[backend] * gain * share) / (OPERATIONS_PER_PARAMETER[method] * parameters);
}
