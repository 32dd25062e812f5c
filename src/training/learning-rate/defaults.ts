import type { BaseShape } from '../../base-models/registry.ts';
import { usableProcessors } from '../../protocol/processors.ts';
import type { BackendName, Hyper } from '../../protocol/run.ts';
import { fastestPrecision } from '../../tensor/precision.ts';

/**
 * Peak learning rates for a workspace of 10^5 to 10^7 tokens (docs/science.md). Of small bases the best stable ones of our
 * own sweep of SmolLM2-135M: LoRA wants ten times what full fine-tuning does, as in the paper (section 5.1). On
 * Qwen2.5-Coder-0.5B those destroy what the base knows: LoRA takes a third, since at half its strength it then learns
 * more and forgets less than at lower rates; full fine-tuning, which has no strength, a tenth. LionW's is about a third
 * of AdamW's.
 */
const rates = {
  lora: { small: { lionw: 3e-4, adamw: 1e-3 }, large: { lionw: 1e-4, adamw: 3e-4 } },
  full: { small: { lionw: 3e-5, adamw: 1e-4 }, large: { lionw: 3e-6, adamw: 1e-5 } },
};
/** Weights in a base's linears: SmolLM2-135M has 106 million, Qwen2.5-Coder-0.5B 358 million. */
const LARGE = 200e6;

/**
 * Steps up to which a large base takes its rate. A step moves every weight by about the rate, however little its text says,
 * so in a longer run the rate falls as the steps grow, to a tenth at most: measured on Qwen2.5-Coder-0.5B.
 */
const FULL_RATE_STEPS = 80;
const LEAST_SHARE = 0.1;

/** The rate that a method gets in a run of so many steps where nothing has found a better one. */
export function defaultLearningRate(
  method: Hyper['method'],
  optimizer: Hyper['optimizer'],
  base: BaseShape,
  steps = 1,
): number {
  const of = rates[method];
  if (linearWeights(base) < LARGE) return of.small[optimizer];
  const share = Math.max(LEAST_SHARE, Math.min(1, FULL_RATE_STEPS / steps));
  return Number((share * of.large[optimizer]).toPrecision(2));
}

const linearWeights = ({ layers, width, hiddenWidth, heads, kvHeads, headSize }: BaseShape): number =>
  layers * (2 * width * headSize * (heads + kvHeads) + 3 * width * hiddenWidth);

/** What an inverse square root schedule ends in: the last share of the run (paper, section 3: 20%). */
export const DEFAULT_COOLDOWN = 0.2;

/** Matmul operations per trained token: forward 2 per weight, backward 2 for activations, 2 more where weights train. */
function operationsPerToken(parameters: number, method: Hyper['method']): number {
  return parameters * (method === 'full' ? 6 : 4.3);
}

/** Operations a second on 2 processors with SmolLM2-135M, in f32, where nothing was measured here yet (docs/science.md). */
const sustained = { tensorflow: 110e9, wasm: 18e9 };
const MEASURED = { processors: 2, parameters: 135e6 };
/** bf16 is only chosen where the processor multiplies it itself. */
const BF16_GAIN = 1.6;
/**
 * In bf16, larger products use more of what the processor can do: utilisation of .44, .60 and .79 at 135M, 0.5B and
 * 1.5B. In f32 it is .59 at 135M already, and was not measured beyond.
 */
const BF16_GROWTH = 0.24;
const MOST_GROWTH = 1.9;
/** More processors share memory and wait for each other. Taken, not measured. */
const PROCESSORS_GROWTH = 0.8;

/** A first guess of tokens per second on processors; what a run here has measured is better. */
export function guessTokensPerSecond(
  parameters: number,
  {
    method,
    backend,
    precision = fastestPrecision(backend, method),
  }: Pick<Hyper, 'method'> & { precision?: Hyper['precision']; backend: BackendName },
  processors = usableProcessors(),
): number {
  const size = Math.min(MOST_GROWTH, (parameters / MEASURED.parameters) ** BF16_GROWTH);
  const gain = precision === 'bf16' ? BF16_GAIN * size : 1;
  const share = (processors / MEASURED.processors) ** PROCESSORS_GROWTH;
  return (sustained[backend] * gain * share) / operationsPerToken(parameters, method);
}
