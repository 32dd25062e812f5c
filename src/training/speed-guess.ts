/** A guess of how fast this machine trains, used until something was measured on it. */
import { usableProcessors } from '../platform/machine/processors.ts';
import type { BackendName, Hyper } from '../protocol/run.ts';
import { fastestPrecision } from '../tensor/precision.ts';
import { expectedOperations } from './run-length.ts';

/** Operations per trained token and parameter: `operationsPerToken`, near enough for a guess before a base is read. */
const OPERATIONS_PER_PARAMETER = { full: 6, lora: 4.3 };

/**
 * Operations per second in f32 on 2 processors with SmolLM2-135M, used if nothing was measured on this machine yet
 * (docs/science.md). A GPU counts as no faster than the processor if its products were not measured.
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

/**
 * A first guess of tokens per second; the speed of an earlier run is better.
 * @param productRate of a GPU: operations per second in large matrix products, as measured here
 */
export function guessTokensPerSecond(
  parameters: number,
  {
    method,
    backend,
    precision = fastestPrecision(backend, method),
    productRate,
  }: Pick<Hyper, 'method'> & {
    precision?: Hyper['precision'];
    backend: BackendName;
    productRate?: number | undefined;
  },
  processors = usableProcessors(),
): number {
  const perToken = OPERATIONS_PER_PARAMETER[method] * parameters;
  if (productRate) return expectedOperations(1, productRate) / perToken;
  const size = Math.min(MAX_GROWTH, (parameters / MEASURED.parameters) ** BF16_GROWTH);
  const gain = precision === 'bf16' ? BF16_GAIN * size : 1;
  const share = (processors / MEASURED.processors) ** PROCESSORS_GROWTH;
  return (operationRates[backend] * gain * share) / perToken;
}
