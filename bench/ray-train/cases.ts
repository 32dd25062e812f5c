/** What is trained on both sides: small models with random weights, and windows with documents and gaps. */
import type { Sequence, SequenceSource } from '../../src/corpus/tokens/sequences.ts';
import { hyperSchema, type Hyper, type RayTrainEngine } from '../../src/protocol/run.ts';
import { mix, uniform } from '../../src/statistics/random.ts';

export interface Case {
  architecture: 'llama' | 'qwen2' | 'qwen3';
  method: Hyper['method'];
  parallel: RayTrainEngine['parallel'];
  optimizer: Hyper['optimizer'];
}

export const cases: readonly Case[] = [
  { architecture: 'llama', method: 'lora', parallel: 'fsdp', optimizer: 'adamw' },
  { architecture: 'qwen2', method: 'lora', parallel: 'ddp', optimizer: 'lionw' },
  { architecture: 'llama', method: 'full', parallel: 'fsdp', optimizer: 'lionw' },
  { architecture: 'qwen2', method: 'full', parallel: 'fsdp', optimizer: 'adamw' },
];

/** Rates at which the loss moves, and is still far from diverging. */
const rates = { lora: { adamw: 1e-3, lionw: 3e-4 }, full: { adamw: 3e-4, lionw: 1e-4 } };

/** Three sequences a step, so that the second worker lacks one. */
export const hyperOf = ({ method, optimizer }: Case, steps: number, length: number): Hyper =>
  hyperSchema.parse({
    method,
    optimizer,
    rank: 8,
    alpha: 16,
    dropout: 0,
    learningRate: rates[method][optimizer],
    weightDecay: 1e-3,
    steps,
    sequenceLength: length,
    batch: 1,
    accumulate: 3,
    evalEvery: Math.ceil(steps / 2),
    seed: 1,
  });

/** Random windows: each of two documents, the second of which begins somewhere, and a tenth of which is not learned. */
export function randomSequences(vocabulary: number, length: number, seed: number): SequenceSource {
  const at = (index: number): Sequence => {
    const next = uniform(mix(seed, index));
    const begin = 1 + Math.floor(next() * (length - 1));
    return {
      tokens: Int32Array.from({ length: length + 1 }, () => Math.floor(next() * vocabulary)),
      // A document's first token is not learned.
      learned: Uint8Array.from({ length }, (_, i) => (i !== begin - 1 && next() > 0.1 ? 1 : 0)),
      starts: Int32Array.from({ length }, (_, i) => (i < begin ? 0 : begin)),
    };
  };
  return { length, perEpoch: Infinity, at };
}

/** Windows of a text, one after the other and then from the beginning again. */
export function textSequences(tokens: Int32Array, length: number): SequenceSource {
  const windows = Math.floor((tokens.length - 1) / length);
  if (windows < 1) throw new Error(`${tokens.length} tokens are fewer than one window of ${length}.`);
  const at = (index: number): Sequence => {
    const from = (index % windows) * length;
    return {
      tokens: tokens.slice(from, from + length + 1),
      learned: new Uint8Array(length).fill(1),
      starts: new Int32Array(length),
    };
  };
  return { length, perEpoch: windows, at };
}
