/**
 * Estimates, in seconds, how long stages take on this machine: first from the base's size, then from the sweep's
 * trials.
 */
import type { Method, ReproductionSpec } from '../protocol/reproduction.ts';
import type { SweepLine, Trial } from '../protocol/sweep.ts';
import { listTrials } from '../training/sweep/choice.ts';
import { FURTHER_RATES, type Costs } from './plan.ts';
import { PART_RANKS, STRENGTHS } from './variants.ts';

export interface MachineGuess {
  tokensPerSecond: Record<Method, number>;
  /** Seconds to start a process and load the base. */
  start: number;
  /** Time of a forward pass relative to a LoRA step over the same tokens. */
  forward: number;
  /** FLOPs to cut the change of all linear layers to PART_RANKS. */
  spectrumOperations: number;
}

/** Tokens of a text written by the base, and passes over it: two for the KL, one for the loss. */
const TEXT_TOKENS = 128;
const TEXT_PASSES = 3;
/** Starts per run: the trainer, and two for the evaluator, which opens two models. */
const PROCESS_STARTS = 3;
/** Programs per HumanEval problem, and their typical length in tokens. */
const PROGRAMS = 50;
const PROGRAM_TOKENS = 140;
/** Tokens per second of batched sampling, relative to a LoRA step. */
const SAMPLING_SPEED = 0.5;
/** FLOP/s of linear algebra in plain TypeScript, far below a backend's. */
const SPECTRUM_RATE = 5e8;
/** Replay text is sampled in batches of 16 texts of 512 tokens; one batch is enough for short runs. */
const REPLAY_TOKENS = 16 * 512;
/** Tokens per benchmark: 60 questions with 4 choices of about 60 tokens. */
const DATA_TOKENS = 60 * 4 * 60;
/** Time of a further sweep relative to that of its trials. */
const FURTHER_SHARE = 1.2;

export function stepCosts(
  { sequenceLength }: Pick<ReproductionSpec, 'sequenceLength'>,
  { tokensPerSecond, forward }: Pick<MachineGuess, 'tokensPerSecond' | 'forward'>,
  lines: readonly SweepLine[] = [],
): Costs['step'] {
  const windows = lines.find((line) => line.type === 'base')?.heldOut.length ?? 0;
  /** A trial's seconds cover its steps and the windows measured afterwards. */
  const median = (method: Method, seconds: (trial: Trial) => number) => {
    const finished = listTrials(lines, method).filter(({ diverged }) => !diverged);
    const all = finished.map(seconds);
    return all.sort((a, b) => a - b)[Math.floor(all.length / 2)];
  };
  const lora =
    median('lora', (trial) => trial.seconds / (trial.losses.length + windows * forward)) ??
    sequenceLength / tokensPerSecond.lora;
  const full =
    median('full', (trial) => Math.max(0, trial.seconds - windows * forward * lora) / trial.losses.length) ??
    (lora * tokensPerSecond.lora) / tokensPerSecond.full;
  return { lora, full };
}

/** Estimates all costs from the duration of a step. */
export function guessCosts(
  spec: Pick<ReproductionSpec, 'sequenceLength' | 'heldOutWindows' | 'retentionTexts' | 'data'>,
  { start, forward, spectrumOperations }: Pick<MachineGuess, 'start' | 'forward' | 'spectrumOperations'>,
  step: Costs['step'],
  lines: readonly SweepLine[] = [],
): Costs {
  const secondsPerToken = step.lora / spec.sequenceLength;
  const passes = evaluationTokens(spec) * forward * secondsPerToken;
  return {
    step,
    run: PROCESS_STARTS * start + passes,
    point: start + passes,
    sweep: furtherSweep(lines),
    // Both main runs. Full fine-tuning's models are written first, which takes about as long as a start.
    strengths: STRENGTHS.length * (2 * (start + passes) + start),
    // The ranks, plus the whole change of the linear layers.
    spectrum: (PART_RANKS.length + 1) * (2 * start + passes) + spectrumOperations / SPECTRUM_RATE,
    sampling: start + (REPLAY_TOKENS * secondsPerToken) / SAMPLING_SPEED,
    problem: (PROGRAMS * PROGRAM_TOKENS * secondsPerToken) / SAMPLING_SPEED,
    data: Object.keys(spec.data).length * 3 * DATA_TOKENS * forward * secondsPerToken + 2 * start,
  };
}

/** Scales the duration of the first sweep's trials; the base is measured as well. */
function furtherSweep(lines: readonly SweepLine[]): number {
  const trials = listTrials(lines).length;
  return FURTHER_SHARE * trialSeconds(lines) * Math.min(1, (2 * FURTHER_RATES) / Math.max(1, trials));
}

/** How long the trials took, one after the other. */
export const trialSeconds = (lines: readonly SweepLine[]): number =>
  listTrials(lines).reduce((sum, { seconds }) => sum + seconds, 0);

/** Tokens that a model processes when a point of a run is measured. */
const evaluationTokens = ({
  sequenceLength,
  heldOutWindows,
  retentionTexts,
}: Pick<ReproductionSpec, 'sequenceLength' | 'heldOutWindows' | 'retentionTexts'>): number =>
  heldOutWindows * sequenceLength + retentionTexts * TEXT_TOKENS * TEXT_PASSES;
