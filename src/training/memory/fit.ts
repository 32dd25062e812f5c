/**
 * Makes a run fit the available memory by changes that only affect its duration; if that is not enough, says what would
 * fit.
 */
import type { BaseShape } from '../../base-models/registry.ts';
import { UserError } from '../../text/errors.ts';
import { msg, type Text } from '../../text/message.ts';
import type { BackendName } from '../../protocol/run.ts';
import { BEYOND_WASM, WASM_HEAP } from '../../platform/machine/wasm-heap.ts';
import { formatBytes } from '../../text/units.ts';
import { largestBuffer, planDevice, type DevicePlan, type PlannedDevice } from './device.ts';
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
  /** The GPU that WebGPU computes on. */
  device?: PlannedDevice | undefined;
}

export interface Fitted<H> {
  hyper: H;
  plan: MemoryPlan;
  /** What is in the GPU's memory, if it has its own. */
  device?: DevicePlan;
  /** The changes that make it fit, in words. */
  changes: Text[];
}

/**
 * First recomputes activations in the backward pass; then makes batches smaller and accumulates more of them, so that a
 * step learns from the same sequences. If measuring checkpoints during training does not fit, it is left out of the
 * plan (the run checks again later). Throws `memory` if all that is not enough.
 * @param available bytes
 * @param measuring if undefined, only the training has to fit
 * @param device if given, the computation has to fit on it; its memory may be main memory
 */
export function fitMemory<H extends Shrinkable>(
  config: BaseShape,
  hyper: H,
  { backend, available, storedBytes, measuring, device }: Room,
): Fitted<H> {
  const room = available * (1 - MARGIN);
  const hasOwnMemory = device && !device.shared;
  const planOf = (candidate: PlannedHyper, atCheckpoints = false) =>
    measuring
      ? planRun(config, candidate, {
          ...measuring,
          backend,
          storedBytes,
          onDevice: hasOwnMemory,
          atCheckpoints,
        })
      : planMemory(config, candidate, { backend, storedBytes, onDevice: hasOwnMemory });
  const deviceOf = (candidate: PlannedHyper, atCheckpoints = false) =>
    planDevice(config, candidate, { storedBytes, atCheckpoints });
  const misfitOn = (gpu: PlannedDevice, candidate: PlannedHyper, atCheckpoints = false) =>
    describeMisfit(
      gpu,
      deviceOf(candidate, atCheckpoints).total,
      largestBuffer(config, candidate, storedBytes),
    );
  const fitsDevice = (candidate: PlannedHyper, atCheckpoints = false) =>
    !device || misfitOn(device, candidate, atCheckpoints) === undefined;
  const place = { backend, storedBytes };
  const fits = (candidate: PlannedHyper, atCheckpoints = false) => {
    const plan = planOf(candidate, atCheckpoints);
    return plan.total <= room && fitsHeap(plan, candidate, place) && fitsDevice(candidate, atCheckpoints);
  };
  for (const atCheckpoints of measuring?.atCheckpoints ? [true, false] : [false])
    for (const candidate of candidates(hyper)) {
      if (!fits(candidate, atCheckpoints)) continue;
      const leftOut = measuring?.atCheckpoints && !atCheckpoints ? ['checkpoints are not measured'] : [];
      return {
        hyper: candidate,
        plan: planOf(candidate, atCheckpoints),
        ...(hasOwnMemory && { device: deviceOf(candidate, atCheckpoints) }),
        changes: [...changesOf(hyper, candidate), ...leftOut],
      };
    }
  const misfit = device && misfitOn(device, hyper);
  // Report what doesn't fit even with the smallest settings.
  const minimalMisfit = device && misfitOn(device, { ...hyper, batch: 1, recompute: true });
  if (device && misfit && (minimalMisfit ?? planOf(hyper).total <= room))
    throw new UserError(
      'memory',
      misfit,
      advice(hyper, fits, msg`Train from a smaller base, or with --backend tensorflow or wasm.`),
    );
  const least = [...candidates(hyper)].at(-1)!;
  if (!fitsHeap(planOf(least), least, place))
    throw new UserError(
      'memory',
      msg`This run would take about ${formatBytes(inHeap(planOf(hyper), hyper, place))} of WebAssembly's memory, which is never more than ${formatBytes(WASM_HEAP)}.`,
      advice(hyper, fits, BEYOND_WASM),
    );
  const needed = planOf(hyper).total;
  throw new UserError(
    'memory',
    msg`This run would take about ${formatBytes(needed)} of memory, but only ${formatBytes(available)} are available.`,
    advice(hyper, fits, msg`Train from a smaller base, or free some memory.`),
  );
}

const fitsInto = (memory: number, needed: number) => needed <= memory * (1 - MARGIN);

/** Bytes of a plan that are in the wasm backend's memory. Weights that stay quantised are outside. */
const inHeap = (
  { total, runtime, evaluation }: MemoryPlan,
  { method }: PlannedHyper,
  { storedBytes = 0 }: Place,
): number => total - runtime - evaluation - (method === 'lora' ? storedBytes : 0);

/** Whether the wasm backend's own memory has room for a plan, however much the machine has; true for other backends. */
export const fitsHeap = (plan: MemoryPlan, hyper: PlannedHyper, place: Place): boolean =>
  place.backend !== 'wasm' || fitsInto(WASM_HEAP, inHeap(plan, hyper, place));

/**
 * The GPU's memory, and what the training and measuring a checkpoint beside it need, in bytes, if that is too much;
 * undefined if it fits, or if that is unknown.
 */
export function lackAtCheckpoints(
  device: PlannedDevice | undefined,
  config: BaseShape,
  hyper: PlannedHyper,
  storedBytes: number | undefined,
): { name: string; memory: number; needed: number } | undefined {
  if (device?.memory === undefined) return undefined;
  const { name, memory } = device;
  const needed = planDevice(config, hyper, { storedBytes, atCheckpoints: true }).total;
  return fitsInto(memory, needed) ? undefined : { name, memory, needed };
}

/** Why a plan does not fit a GPU, as a sentence; undefined if it fits, or if that is unknown. */
function describeMisfit(
  { name, memory, shared, maxBufferSize }: PlannedDevice,
  total: number,
  largestBuffer: number,
): Text | undefined {
  const [needed, largest] = [formatBytes(total), formatBytes(largestBuffer)];
  if (largestBuffer > maxBufferSize)
    return msg`One tensor of this run takes ${largest}, but a buffer of ${name} holds no more than ${formatBytes(maxBufferSize)}.`;
  if (memory === undefined || fitsInto(memory, total)) return undefined;
  const size = formatBytes(memory);
  return shared
    ? msg`This run would take about ${needed} of memory on ${name}, which may use ${size} of the machine's.`
    : msg`This run would take about ${needed} of memory on ${name}, which has ${size}.`;
}

/** The settings as given, then variants that need less and less memory. */
function* candidates<H extends Shrinkable>(hyper: H): Generator<H> {
  yield hyper;
  if (!hyper.recompute) yield { ...hyper, recompute: true };
  for (let batch = hyper.batch - 1; batch >= 1; batch -= 1)
    if (hyper.batch % batch === 0)
      yield { ...hyper, recompute: true, batch, accumulate: (hyper.accumulate * hyper.batch) / batch };
}

function changesOf(requested: Shrinkable, fitted: Shrinkable): Text[] {
  return [
    ...(fitted.recompute && !requested.recompute
      ? [msg`activations are recomputed in the backward pass`]
      : []),
    ...(fitted.batch < requested.batch
      ? [
          `${fitted.accumulate} batches of ${fitted.batch} make a step instead of ${requested.accumulate} of ${requested.batch}`,
        ]
      : []),
  ];
}

const MIN_LENGTH = 64;

/** Advice on what would fit, the smallest change first. */
function advice(hyper: Shrinkable, fits: (candidate: PlannedHyper) => boolean, otherwise: Text): Text {
  const smallest = { ...hyper, batch: 1, recompute: true };
  for (const method of hyper.method === 'full' ? (['full', 'lora'] as const) : (['lora'] as const)) {
    const switched = method === hyper.method ? [] : ['--method lora'];
    if (switched.length && fits({ ...smallest, method })) return msg`Train with ${switched.join(' ')}.`;
    for (let length = longestBelow(hyper.sequenceLength); length >= MIN_LENGTH; length /= 2)
      if (fits({ ...smallest, method, sequenceLength: length }))
        return msg`Train with ${[`--seq ${length}`, ...switched].join(' and ')}.`;
  }
  return otherwise;
}

/** The largest power of two below `length`. */
const longestBelow = (length: number) => 2 ** (Math.ceil(Math.log2(length)) - 1);
