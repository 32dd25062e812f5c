/** The matrices whose singular values are measured: those of the base, and a run's change to them. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { requireSameBase } from '../../base-models/checksums.ts';
import { readAdapterGguf, type Adapter, type AdapterLayer } from '../../weights/index.ts';
import { readSafetensors } from '../../weights/safetensors.ts';
import { exists } from '../../platform/files/exists.ts';
import { openGguf, type GgufFile } from '../../gguf/index.ts';
import { blockModules, moduleTensors } from '../../base-models/architectures.ts';
import { linearShape, readConfig, type ModelConfig } from '../../model/index.ts';
import { UserError } from '../../text/errors.ts';
import { artefactName, type ModuleName, type RunSpec } from '../../protocol/run.ts';
import type { RunSpectrum } from '../../protocol/spectrum.ts';
import { triangularFactor } from '../../tensor/linear-algebra.ts';
import { checkpointPath } from '../../training/checkpoints/store.ts';

/** Row-major. */
export interface Matrix {
  values: Float32Array;
  rows: number;
  columns: number;
}

export interface Linear {
  /** The GGUF name without ".weight". */
  name: string;
  layer: number;
  module: ModuleName;
  /** [out, in] */
  shape: [number, number];
}

/** The source of the trained change. */
interface Changes {
  source: RunSpectrum['source'];
  /** Path of the file. */
  path: string;
  /** A matrix with the singular values of the change; undefined if nothing was changed. */
  read(linear: Linear): Promise<Matrix | undefined>;
  close(): Promise<void>;
}

export interface Weights {
  linears: Linear[];
  base(linear: Linear): Promise<Matrix>;
  change: Changes['read'];
  source: Changes['source'];
  digests: { base: string; change: string };
  close(): Promise<void>;
}

/** Errors: run-not-finished, base-checksum, those of the files. */
export async function openWeights(dir: string, spec: RunSpec, step: number): Promise<Weights> {
  await requireSameBase(spec.base, 'this run', 'Put that file back, then try again.');
  const base = await openGguf(spec.base.path);
  try {
    const changes = await openChanges(dir, spec, step, base);
    return {
      linears: listLinears(readConfig(base)),
      base: async (linear) => toMatrix(linear, await base.readF32(`${linear.name}.weight`)),
      change: (linear) => changes.read(linear),
      source: changes.source,
      digests: { base: spec.base.sha256, change: await fileDigest(changes.path, spec) },
      close: async () => {
        await base.close();
        await changes.close();
      },
    };
  } catch (error) {
    await base.close();
    throw error;
  }
}

function listLinears(config: ModelConfig): Linear[] {
  return Array.from({ length: config.layers }, (_, layer) =>
    blockModules(config).map((module): Linear => {
      const name = `blk.${layer}.${moduleTensors[module]}`;
      return { name, layer, module, shape: linearShape(config, name) };
    }),
  ).flat();
}

const toMatrix = ({ shape: [rows, columns] }: Linear, values: Float32Array): Matrix => ({
  values,
  rows,
  columns,
});

/**
 * Digest of path, size and time instead of the content: a result is never rewritten, and reading all of it would take
 * as long as measuring.
 */
async function fileDigest(path: string, { id, base }: RunSpec): Promise<string> {
  const { size, mtimeMs } = await stat(path);
  const text = [id, base.sha256, basename(path), size, mtimeMs].join('\n');
  return createHash('sha256').update(text).digest('hex');
}

async function openChanges(dir: string, spec: RunSpec, step: number, base: GgufFile): Promise<Changes> {
  const lora = spec.hyper.method === 'lora';
  const path = join(dir, artefactName(spec));
  if (!(await exists(path)))
    throw new UserError(
      'run-not-finished',
      `Run ${spec.id} has no result yet.`,
      `Let it finish, or resume it with {resume ${spec.id}}.`,
    );
  if (lora) return adapterChanges(path, await readAdapterGguf(path, base));
  const roundInitial = spec.hyper.precision === 'bf16' ? roundToBf16 : undefined;
  const checkpoint = join(checkpointPath(dir, step), 'parameters.safetensors');
  const trained = await readSafetensors(checkpoint).catch(() => undefined);
  return trained
    ? checkpointChanges(checkpoint, trained, base, roundInitial)
    : modelChanges(path, base, roundInitial);
}

function adapterChanges(path: string, { layers, alpha }: Adapter): Changes {
  const byName = new Map(layers.map((layer) => [layer.name, layer]));
  return {
    source: 'adapter',
    path,
    read: ({ name }) => {
      const layer = byName.get(name);
      return Promise.resolve(layer && coreMatrix(layer, alpha / layer.rank));
    },
    close: () => Promise.resolve(),
  };
}

/**
 * B A = (Q R) (P S)^T with orthonormal columns in Q and P, so the singular values are those of R S^T, which is at most
 * r x r.
 */
export function coreMatrix({ a, b, rank, in: width, out }: AdapterLayer, scale: number): Matrix {
  const column = (size: number, at: (i: number) => number) =>
    Float64Array.from({ length: size }, (_, i) => at(i));
  const ranks = Array.from({ length: rank }, (_, r) => r);
  const left = triangularFactor(ranks.map((r) => column(out, (row) => b[row * rank + r]!)));
  const right = triangularFactor(ranks.map((r) => column(width, (i) => a[r * width + i]!)));
  const [rows, columns] = [left.length / rank, right.length / rank];
  const values = new Float32Array(rows * columns);
  for (let i = 0; i < rows; i += 1)
    for (let j = 0; j < columns; j += 1) {
      let sum = 0;
      for (let r = 0; r < rank; r += 1) sum += left[i * rank + r]! * right[j * rank + r]!;
      values[i * columns + j] = scale * sum;
    }
  return { values, rows, columns };
}

type Rounding = ((values: Float32Array) => void) | undefined;

function checkpointChanges(
  path: string,
  tensors: Awaited<ReturnType<typeof readSafetensors>>,
  base: GgufFile,
  roundInitial: Rounding,
): Changes {
  return {
    source: 'checkpoint',
    path,
    read: async (linear) => {
      const trained = tensors.get(`${linear.name}.weight`);
      if (!trained)
        throw new UserError(
          'run-damaged',
          `The checkpoint ${path} has no "${linear.name}".`,
          'Delete it; then the exported model is read instead.',
        );
      return difference(linear, await trained.data.read(), base, roundInitial);
    },
    close: () => Promise.resolve(),
  };
}

async function modelChanges(path: string, base: GgufFile, roundInitial: Rounding): Promise<Changes> {
  const model = await openGguf(path);
  return {
    source: 'model',
    path,
    read: async (linear) =>
      difference(linear, await model.readF32(`${linear.name}.weight`), base, roundInitial),
    close: () => model.close(),
  };
}

/** Trained weights minus the initial ones, which `roundInitial` makes from the base's. */
async function difference(
  linear: Linear,
  trained: Float32Array,
  base: GgufFile,
  roundInitial: Rounding,
): Promise<Matrix> {
  const values = await base.readF32(`${linear.name}.weight`);
  roundInitial?.(values);
  for (let i = 0; i < values.length; i += 1) values[i] = trained[i]! - values[i]!;
  return toMatrix(linear, values);
}

/** Rounds to the nearest value, ties to even, as the backend does. */
function roundToBf16(values: Float32Array): void {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < bits.length; i += 1) {
    const value = bits[i]!;
    bits[i] = (value + 0x7fff + ((value >>> 16) & 1)) & 0xffff0000;
  }
}
