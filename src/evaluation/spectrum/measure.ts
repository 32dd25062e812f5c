/**
 * Singular values of each linear layer: of the base, of a run's change, and of Gaussian noise of the same size as the
 * change.
 */
import { gaussian, mix } from '../../statistics/random.ts';
import { UserError } from '../../text/errors.ts';
import {
  SPECTRUM_FORMAT,
  type LinearSpectrum,
  type RunSpectrum,
  type Spectrum,
  type SpectrumKind,
} from '../../protocol/spectrum.ts';
import { writeByRename } from '../../platform/files/write-file.ts';
import { readSpec, spectrumPath } from '../../runs/files.ts';
import { resultStep } from '../../runs/index.ts';
import { startBackend, type Backend } from '../../tensor/index.ts';
import { openSpectrumStore, type SpectrumStore } from './store.ts';
import { scaleSpectrum, sumOfSquares, summarise } from './summary.ts';
import { openWeights, type Linear, type Matrix, type Weights } from './weights.ts';

export interface SpectrumProgress {
  /** Number of matrices. */
  done: number;
  total: number;
  etaSeconds?: number;
}

export interface MeasureOptions {
  /** Default: the run's backend. */
  backend?: Backend | undefined;
  onProgress?: ((progress: SpectrumProgress) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** Writes spectrum.json and returns its content. Errors: run-not-finished, base-checksum, diverged, cancelled. */
export async function measureSpectrum(dir: string, options: MeasureOptions = {}): Promise<RunSpectrum> {
  const spec = await readSpec(dir);
  const step = await resultStep(dir);
  const weights = await openWeights(dir, spec, step);
  try {
    const backend = options.backend ?? (await startBackend(spec.backend, { ...spec, orOther: true }));
    const { method, rank } = spec.hyper;
    const spectrum: RunSpectrum = {
      format: SPECTRUM_FORMAT,
      method,
      ...(method === 'lora' && { rank }),
      step,
      source: weights.source,
      backend: backend.name,
      linears: await new Measurement(backend, weights, options).run(),
    };
    await writeByRename(spectrumPath(dir), `${JSON.stringify(spectrum)}\n`);
    return spectrum;
  } finally {
    await weights.close();
  }
}

/** A matrix to measure. */
interface Job {
  name: string;
  store: SpectrumStore;
  /** Undefined if there is no such matrix. */
  read(): Promise<Matrix | undefined>;
  /** Proportional to the time that it takes. */
  cost: number;
}

type Stores = Record<SpectrumKind, SpectrumStore>;

class Measurement {
  private readonly began = performance.now();
  private readonly total = { jobs: 0, cost: 0 };
  private readonly done = { jobs: 0, cost: 0 };

  constructor(
    private readonly backend: Backend,
    private readonly weights: Weights,
    private readonly options: MeasureOptions,
  ) {}

  async run(): Promise<LinearSpectrum[]> {
    const { linears, digests } = this.weights;
    const stores: Stores = {
      base: await openSpectrumStore(digests.base),
      change: await openSpectrumStore(digests.change),
      noise: await openSpectrumStore('noise'),
    };
    const blocks = this.plan(stores);
    for (const job of blocks.flat()) count(this.total, job);
    for (const block of blocks) await this.measureBlock(block);
    return linears.map((linear) => toResult(linear, stores));
  }

  /** The remaining measurements: the noise, then the model block by block. */
  private plan({ base, change, noise }: Stores): Job[][] {
    const { weights } = this;
    const shapes = new Map(weights.linears.map(({ shape }) => [shape.join('x'), shape]));
    const blocks: Job[][] = [
      [...shapes].map(([name, shape]) => ({
        name,
        store: noise,
        read: () => Promise.resolve(noiseMatrix(shape)),
        cost: jobCost(shape),
      })),
    ];
    for (const linear of weights.linears) {
      const { name, layer, shape } = linear;
      const cost = jobCost(shape);
      (blocks[layer + 1] ??= []).push(
        { name, store: base, read: () => weights.base(linear), cost },
        // The small factors of an adapter take almost no time.
        {
          name,
          store: change,
          read: () => weights.change(linear),
          cost: weights.source === 'adapter' ? 0 : cost,
        },
      );
    }
    return blocks.map((jobs) => jobs.filter(({ name, store }) => !store.has(name)));
  }

  /** Measures matrices of the same shape together, since TensorFlow spreads them over the processor's cores. */
  private async measureBlock(jobs: readonly Job[]): Promise<void> {
    const groups = new Map<string, { job: Job; matrix: Matrix }[]>();
    for (const job of jobs) {
      const matrix = await job.read();
      if (matrix && !isZero(matrix, job)) {
        const shape = `${matrix.rows} ${matrix.columns}`;
        groups.set(shape, [...(groups.get(shape) ?? []), { job, matrix }]);
      } else await this.finish(job, undefined);
    }
    for (const group of groups.values()) {
      this.checkSignal();
      const spectra = await this.singularValues(group.map(({ matrix }) => matrix));
      for (const [i, { job }] of group.entries()) await this.finish(job, summarise(spectra[i]!));
    }
  }

  private async singularValues(matrices: readonly Matrix[]): Promise<Float32Array[]> {
    const { backend } = this;
    const { rows, columns } = matrices[0]!;
    const stacked = new Float32Array(matrices.length * rows * columns);
    for (const [i, { values }] of matrices.entries()) stacked.set(values, i * rows * columns);
    const tensor = backend.tensor(stacked, [matrices.length, rows, columns]);
    const all = await backend.singularValues(tensor);
    backend.dispose(tensor);
    const each = all.length / matrices.length;
    return matrices.map((_, i) => all.subarray(i * each, (i + 1) * each));
  }

  private async finish(job: Job, spectrum: Spectrum | undefined): Promise<void> {
    await job.store.put(job.name, spectrum);
    count(this.done, job);
    const share = this.done.cost / this.total.cost;
    const seconds = (performance.now() - this.began) / 1000;
    const eta = share > 0 ? { etaSeconds: Math.round((seconds * (1 - share)) / share) } : {};
    this.options.onProgress?.({ done: this.done.jobs, total: this.total.jobs, ...eta });
  }

  private checkSignal(): void {
    if (!this.options.signal?.aborted) return;
    throw new UserError(
      'cancelled',
      'Measuring the spectrum was stopped.',
      'Run the same command again to resume; finished matrices are kept.',
    );
  }
}

function count(sum: { jobs: number; cost: number }, { cost }: Job): void {
  sum.jobs += 1;
  sum.cost += cost;
}

const jobCost = ([rows, columns]: Linear['shape']) => rows * columns * Math.min(rows, columns);

function isZero({ values }: Matrix, { name }: Job): boolean {
  const energy = sumOfSquares(values);
  if (Number.isFinite(energy)) return energy === 0;
  throw new UserError(
    'diverged',
    `The weights of "${name}" are not finite.`,
    'Train again with a lower --lr.',
  );
}

const NOISE_SEED = 5;

/** One draw per shape is enough, since scaling a matrix scales its singular values. */
function noiseMatrix([rows, columns]: Linear['shape']): Matrix {
  return { values: gaussian(rows * columns, 1, mix(NOISE_SEED, rows, columns)), rows, columns };
}

function toResult({ name, layer, module, shape }: Linear, stores: Stores): LinearSpectrum {
  const base = stores.base.get(name);
  const change = stores.change.get(name);
  return {
    layer,
    module,
    shape,
    ...(base && { base }),
    ...(change && { change, noise: scaleSpectrum(stores.noise.get(shape.join('x'))!, change.size) }),
  };
}
