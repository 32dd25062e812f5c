/** What a run with every default takes from a base: the figure of the wizard, of `models` and of `--base auto`. */
import { knownBases, type BaseShape } from '../../base-models/registry.ts';
import { hyperSchema, type BackendName, type Hyper } from '../../protocol/run.ts';
import { fastestPrecision } from '../../tensor/precision.ts';
import { planMemory, planRun } from './plan.ts';

export interface MeasuredBase {
  shape: BaseShape;
  /** Of its file. */
  bytes: number;
}

/** Precision as `train` chooses it here. */
export interface Machine {
  backend: BackendName;
  precision?: Hyper['precision'];
}

const defaults = (method: Hyper['method'], { backend, precision }: Machine, recompute = false) =>
  hyperSchema.parse({
    method,
    precision: precision ?? fastestPrecision(backend, method),
    recompute,
    learningRate: 1,
    steps: 1,
  });

/** Bytes at the peak, measuring included: what `train` says and holds against what is free. */
export function runMemory({ shape, bytes }: MeasuredBase, method: Hyper['method'], machine: Machine): number {
  const { backend } = machine;
  return planRun(shape, defaults(method, machine), { backend, baseBytes: bytes, atCheckpoints: true }).total;
}

/** Bytes of a GPU that a run trains in at the least: activations are computed again, measuring waits for its end. */
export const leastGpuMemory = (
  { shape }: Pick<MeasuredBase, 'shape'>,
  method: Hyper['method'],
  machine: Machine,
): number => planMemory(shape, defaults(method, machine, true), machine.backend).total;

/** The known base that is nearest in size, with as many layers as that size makes: for a file that was not read yet. */
export function shapeOfSize(parameters: number): BaseShape {
  const distance = (one: { parameters: number }) => Math.abs(Math.log(one.parameters / parameters));
  const [nearest] = knownBases.toSorted((a, b) => distance(a) - distance(b));
  const { shape } = nearest!;
  const layers = Math.max(1, Math.round((shape.layers * parameters) / nearest!.parameters));
  return { ...shape, layers };
}
