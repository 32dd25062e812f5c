/**
 * The memory that a run with default settings takes for a base, as shown by the wizard and `models` and used by `--base
 * auto`.
 */
import { knownBases, type BaseShape } from '../../base-models/registry.ts';
import { hyperSchema, type BackendName, type Hyper } from '../../protocol/run.ts';
import { fastestPrecision } from '../../tensor/precision.ts';
import type { MachineCosts } from '../measured-costs.ts';
import { planDevice } from './device.ts';
import { fitsHeap, MARGIN } from './fit.ts';
import { planMemory, planRun, type MemoryPlan } from './plan.ts';

export interface MeasuredBase {
  shape: BaseShape;
  /** Size of its file. */
  bytes: number;
  /** "Q4_K_M"; undefined if unknown. */
  quantisation?: string;
}

/** The backend; the precision defaults to what `train` chooses on this machine. */
export interface Machine {
  backend: BackendName;
  precision?: Hyper['precision'];
  /** How long earlier runs took on it. */
  costs?: MachineCosts;
  /** Whether it is a GPU with its own memory, which is then the memory that counts. */
  hasOwnMemory?: boolean;
}

const defaults = (method: Hyper['method'], { backend, precision }: Machine, recompute = false) =>
  hyperSchema.parse({
    method,
    precision: precision ?? fastestPrecision(backend, method),
    recompute,
    learningRate: 1,
    steps: 1,
  });

/** Peak memory in bytes, including measuring: the number that `train` shows and compares with the available memory. */
export const runMemory = (base: MeasuredBase, method: Hyper['method'], machine: Machine): number => {
  if (machine.hasOwnMemory && machine.backend === 'webgpu') {
    const place = { storedBytes: storedBytesFor(base), atCheckpoints: true };
    return planDevice(base.shape, defaults(method, machine), place).total;
  }
  const { plan, isPossible } = planDefaults(base, method, machine, { atCheckpoints: true });
  if (isPossible) return plan.total;
  return planDefaults(base, method, machine, { atCheckpoints: true, recompute: true }).plan.total;
};

/**
 * The least memory in bytes that `train` accepts: with recomputed activations, and measuring only after training.
 * Infinite if the wasm backend can't do it on any machine.
 */
export const minMemory = (base: MeasuredBase, method: Hyper['method'], machine: Machine): number => {
  const { plan, isPossible } = planDefaults(base, method, machine, { recompute: true });
  return isPossible ? plan.total / (1 - MARGIN) : Infinity;
};

const storedBytesFor = ({ bytes, quantisation = '' }: MeasuredBase) =>
  quantisation.startsWith('Q') ? bytes : undefined;

/** In main memory. `isPossible`: the backend's own memory, if it has one, is large enough. */
function planDefaults(
  base: MeasuredBase,
  method: Hyper['method'],
  machine: Machine,
  { recompute = false, atCheckpoints = false },
): { plan: MemoryPlan; isPossible: boolean } {
  const hyper = defaults(method, machine, recompute);
  const place = { backend: machine.backend, storedBytes: storedBytesFor(base) };
  const plan = planRun(base.shape, hyper, { ...place, baseBytes: base.bytes, atCheckpoints });
  return { plan, isPossible: fitsHeap(plan, hyper, place) };
}

/** The least GPU memory in bytes that a run needs: with recomputed activations, and measuring only after training. */
export const minGpuMemory = (base: MeasuredBase, method: Hyper['method'], machine: Machine): number => {
  const { shape } = base;
  const hyper = defaults(method, machine, true);
  if (machine.backend !== 'webgpu') return planMemory(shape, hyper, { backend: machine.backend }).total;
  return planDevice(shape, hyper, { storedBytes: storedBytesFor(base) }).total / (1 - MARGIN);
};

/**
 * A guessed shape for a file that was not read yet: that of the known base nearest in size, with the number of layers
 * scaled to the size.
 */
export function shapeOfSize(parameters: number): BaseShape {
  const distance = (base: { parameters: number }) => Math.abs(Math.log(base.parameters / parameters));
  const [nearest] = knownBases.toSorted((a, b) => distance(a) - distance(b));
  const { shape } = nearest!;
  const layers = Math.max(1, Math.round((shape.layers * parameters) / nearest!.parameters));
  return { ...shape, layers };
}
