/** Which backend `auto` uses, judged by how fast each multiplies. Pure: the rates are measured elsewhere. */
import type { BackendName } from '../../protocol/run.ts';
import { decimal } from '../../text/l10n.ts';
import { joinTexts, msg, type Text } from '../../text/message.ts';

/** A backend that might train on this machine. */
export interface Candidate {
  name: BackendName;
  /** What computes, as shown to the user: "NVIDIA GeForce RTX 4090", "TensorFlow". */
  label: string;
  /** FLOP/s in a matrix product of a model's size; absent if not measured. */
  rate?: number | undefined;
  /** Why it can't be used, as a sentence. */
  lack?: Text | undefined;
}

export interface Ranked {
  /** Usable backends, best first: `auto` falls back to the next one if one does not start. */
  order: BackendName[];
  /** Why the first one is first, to show to the user. */
  reason: Text;
}

/** The order when nothing was measured. A GPU is used only after a measurement. */
const unmeasured: readonly BackendName[] = ['tensorflow', 'wasm'];

/**
 * A GPU comes first if it was measured to be the fastest, or was the only one measured. Without a GPU's rate the order
 * is `unmeasured`.
 */
export function rankBackends(candidates: readonly Candidate[]): Ranked {
  const able = candidates.filter(({ lack }) => lack === undefined);
  const gpu = able.find(({ name, rate }) => name === 'webgpu' && rate !== undefined);
  const others = unmeasured.flatMap((name) => able.find((backend) => backend.name === name) ?? []);
  const names = others.map(({ name }) => name);
  const lacks = candidates.flatMap(({ lack }) => lack ?? []);
  if (!gpu) return { order: names, reason: joinTexts([msg`the fastest on this machine`, ...lacks], '; ') };
  const rival = others.find(({ rate }) => rate !== undefined);
  if (!rival) return { order: ['webgpu', ...names], reason: msg`the only one measured: ${speed(gpu.rate!)}` };
  const [first, second] = gpu.rate! > rival.rate! ? [gpu, rival] : [rival, gpu];
  // The runner-up is tried before slower ones.
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
