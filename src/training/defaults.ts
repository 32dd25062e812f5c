import type { BackendName, Hyper } from '../protocol/run.ts';

/**
 * Peak learning rates for a workspace of 10^5 to 10^7 tokens, from our own sweep of SmolLM2-135M
 * (docs/science.md): the best stable rate of each method. LoRA wants about 10x what full fine-tuning does,
 * as in the paper (section 5.1); LionW about a third of AdamW's.
 */
const rates = { lora: { lionw: 3e-4, adamw: 1e-3 }, full: { lionw: 3e-5, adamw: 1e-4 } };

export function defaultLearningRate(method: Hyper['method'], optimizer: Hyper['optimizer']): number {
  return rates[method][optimizer];
}

/** Matmul operations per trained token: forward 2 per weight, backward 2 for activations, 2 more where weights train. */
function operationsPerToken(parameters: number, method: Hyper['method']): number {
  return parameters * (method === 'full' ? 6 : 4.3);
}

/** Sustained rates in operations a second when nothing was measured on this machine yet (docs/science.md). */
const sustained = { tensorflow: 85e9, wasm: 8e9 };
/** bf16 is only chosen where the processor multiplies it itself. */
const BF16_GAIN = 1.4;

/** A first guess of tokens per second; what a run here has measured is better. */
export function guessTokensPerSecond(
  parameters: number,
  { method, backend, precision }: Pick<Hyper, 'method' | 'precision'> & { backend: BackendName },
): number {
  const rate = sustained[backend] * (precision === 'bf16' ? BF16_GAIN : 1);
  return rate / operationsPerToken(parameters, method);
}
