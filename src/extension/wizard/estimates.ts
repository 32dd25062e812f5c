/** Estimates of the time and memory that a fine-tuning takes, shown before it starts. The run measures them itself. */
import { statSync } from 'node:fs';
import type { BackendName } from '../../protocol/run.ts';
import { MEASURE_SHARE, measuringSeconds } from '../../evaluation/time.ts';
import { findKnownBase } from '../../base-models/registry.ts';
import { guessTokensPerSecond } from '../../training/speed-guess.ts';
import { formatDuration } from '../../protocol/units.ts';
import { t } from '../../protocol/l10n.ts';
import { roughly, size } from '../texts.ts';
import { runMemory, shapeOfSize, type Machine } from '../../training/memory/defaults.ts';

export interface Budget {
  minutes?: number;
  steps?: number;
}

/** Tokens per step with the defaults of `train`: one sequence of 512. */
const TOKENS_PER_STEP = 512;
/** Minutes to measure a full fine-tune of a 135M model, and its base, on 2 cores. */
const MEASURING_MINUTES: Record<BackendName, number> = { tensorflow: 4, webgpu: 4, wasm: 12 };

export interface Estimate {
  trainingMinutes: number;
  measuringMinutes: number;
  tokens: number;
  steps: number;
}

/**
 * @param parameters of the base
 */
export function estimate(
  parameters: number,
  method: 'lora' | 'full',
  budget: Budget,
  { backend }: Machine,
): Estimate {
  const perSecond = guessTokensPerSecond(parameters, { method, backend });
  const minutes = budget.minutes ?? ((budget.steps ?? 1) * TOKENS_PER_STEP) / perSecond / 60;
  const tokens = Math.round(minutes * 60 * perSecond);
  return {
    trainingMinutes: minutes,
    measuringMinutes: Math.min(
      measuringSeconds({ share: MEASURE_SHARE, method }, 60 * minutes) / 60,
      // Sampling and scoring grow with the model, from the 135M that was measured.
      MEASURING_MINUTES[backend] * Math.max(0.05, parameters / 135e6),
    ),
    tokens,
    steps: budget.steps ?? Math.max(1, Math.round(tokens / TOKENS_PER_STEP)),
  };
}

/** "About 9 min with measuring · ..."; undefined when the base's size is unknown. */
export function describeCost(
  base: string,
  method: 'lora' | 'full',
  budget: Budget,
  machine: Machine,
): string | undefined {
  const parameters = parametersOf(base);
  if (!parameters) return undefined;
  const { trainingMinutes, measuringMinutes, tokens } = estimate(parameters, method, budget, machine);
  const all = formatDuration((trainingMinutes + measuringMinutes) * 60);
  const where = { tensorflow: 'TensorFlow', webgpu: 'WebGPU', wasm: 'WebAssembly' }[machine.backend];
  const memory = size(memoryOf(base, method, machine)!);
  return t('About {time} with measuring · {tokens} tokens · {memory} of memory · {library}', {
    ...{ time: all, tokens: roughly(tokens), memory, library: where },
  });
}

/** Memory in bytes that a run takes; undefined for a base that is not on this machine yet. */
export function memoryOf(reference: string, method: 'lora' | 'full', machine: Machine): number | undefined {
  const known = findKnownBase(reference);
  if (known) return runMemory(known, method, machine);
  const parameters = parametersOf(reference);
  if (!parameters) return undefined;
  const base = { shape: shapeOfSize(parameters), bytes: statSync(reference).size };
  return runMemory(base, method, machine);
}

/** Number of parameters of a base; for a file, guessed from its size; undefined if it is not on this machine yet. */
export function parametersOf(reference: string): number | undefined {
  const known = findKnownBase(reference);
  if (known) return known.parameters;
  try {
    // Between Q4 (0.6 bytes a weight) and F16 (2): a guess in the middle is good to a factor of two.
    return Math.round(statSync(reference).size / 1.1);
  } catch {
    return undefined;
  }
}
