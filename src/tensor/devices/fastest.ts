/** Which backend `auto` takes, by how fast each multiplies. Pure: the rates are measured elsewhere. */
import type { BackendName } from '../../protocol/run.ts';
import { decimal } from '../../text/l10n.ts';
import { together, msg, type Text } from '../../text/message.ts';

/** A backend that could train here. */
export interface Candidate {
  name: BackendName;
  /** What computes, for people: "NVIDIA GeForce RTX 4090", "TensorFlow". */
  label: string;
  /** Operations per second in a product of a model's size; absent if it was not measured. */
  rate?: number | undefined;
  /** Why it is out of the question, as a sentence. */
  lack?: Text | undefined;
}

export interface Ranked {
  /** Backends that may train, the first choice first: `auto` tries the next one if one does not start. */
  order: BackendName[];
  /** Why the first one is, for people. */
  reason: Text;
}

/** What is taken where nothing was measured: a GPU only after a measurement. */
const unmeasured: readonly BackendName[] = ['tensorflow', 'wasm'];

/**
 * A GPU is first if its product was the fastest one measured. Without a rate of a GPU, or with nothing to compare it
 * with, the order is the one that was measured on many machines.
 */
export function rankBackends(candidates: readonly Candidate[]): Ranked {
  const able = candidates.filter(({ lack }) => lack === undefined);
  const gpu = able.find(({ name, rate }) => name === 'webgpu' && rate !== undefined);
  const others = unmeasured.flatMap((name) => able.find((one) => one.name === name) ?? []);
  const names = others.map(({ name }) => name);
  const lacks = candidates.flatMap(({ lack }) => lack ?? []);
  if (!gpu) return { order: names, reason: together([msg`the fastest on this machine`, ...lacks], '; ') };
  const rival = others.find(({ rate }) => rate !== undefined);
  if (!rival) return { order: ['webgpu', ...names], reason: msg`the only one measured: ${speed(gpu.rate!)}` };
  const [first, second] = gpu.rate! > rival.rate! ? [gpu, rival] : [rival, gpu];
  // The loser is tried before what is slower still.
  const rest = names.filter((name) => name !== rival.name);
  const [fast, slow] = [speed(first.rate!), speed(second.rate!)];
  return {
    order: [first.name, second.name, ...rest],
    reason: msg`the fastest here: ${fast} against ${slow} (${second.label})`,
  };
}

/** "5.1 TFLOP/s", "0.2 TFLOP/s", "18 GFLOP/s". */
export function speed(perSecond: number): string {
  if (perSecond >= 0.1e12) return `${decimal(perSecond / 1e12, 1)} TFLOP/s`;
  return `${decimal(perSecond / 1e9, perSecond >= 10e9 ? 0 : 1)} GFLOP/s`;
}
