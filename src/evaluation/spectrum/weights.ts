/** The linear layers of a full fine-tuning: the base's weights, and the change to them. */
import { join } from 'node:path';
import { requireSameBase } from '../../base-models/checksums.ts';
import { readSafetensors } from '../../weights/safetensors.ts';
import { openGguf } from '../../gguf/index.ts';
import { linearNames, linearShape, readConfig } from '../../model/index.ts';
import { UserError } from '../../text/errors.ts';
import { artefactName, type RunSpec } from '../../protocol/run.ts';
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
  /** [out, in] */
  shape: [number, number];
}

export interface Weights {
  linears: Linear[];
  base(linear: Linear): Promise<Float32Array>;
  change(linear: Linear): Promise<Matrix>;
  close(): Promise<void>;
}

/** Errors: base-checksum, those of the files. */
export async function openWeights(dir: string, spec: RunSpec, step: number): Promise<Weights> {
  await requireSameBase(spec.base, 'this run', 'Put that file back, then try again.');
  const base = await openGguf(spec.base.path);
  try {
    const config = readConfig(base);
    const trained = await openTrained(dir, spec, step);
    return {
      linears: linearNames(config).map((name) => ({ name, shape: linearShape(config, name) })),
      base: ({ name }) => base.readF32(`${name}.weight`),
      change: async ({ name, shape: [rows, columns] }) => {
        const after = await trained.read(`${name}.weight`);
        const values = await base.readF32(`${name}.weight`);
        // What training began with.
        if (spec.hyper.precision === 'bf16') roundToBf16(values);
        for (let i = 0; i < values.length; i += 1) values[i] = after[i]! - values[i]!;
        return { values, rows, columns };
      },
      close: async () => {
        await base.close();
        await trained.close();
      },
    };
  } catch (error) {
    await base.close();
    throw error;
  }
}

interface Trained {
  read(tensor: string): Promise<Float32Array>;
  close(): Promise<void>;
}

/** The last checkpoint, or, without one, the exported model, whose weights are rounded to half precision. */
async function openTrained(dir: string, spec: RunSpec, step: number): Promise<Trained> {
  const checkpoint = join(checkpointPath(dir, step), 'parameters.safetensors');
  const tensors = await readSafetensors(checkpoint).catch(() => undefined);
  if (!tensors) {
    const model = await openGguf(join(dir, artefactName(spec)));
    return { read: (tensor) => model.readF32(tensor), close: () => model.close() };
  }
  return {
    read: (tensor) => {
      const found = tensors.get(tensor);
      if (found) return found.data.read();
      throw new UserError(
        'run-damaged',
        `The checkpoint ${checkpoint} has no "${tensor}".`,
        'Delete it; then the exported model is read instead.',
      );
    },
    close: () => Promise.resolve(),
  };
}

/** Rounds to the nearest value, ties to even, as the backend does. */
function roundToBf16(values: Float32Array): void {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < bits.length; i += 1) {
    const value = bits[i]!;
    bits[i] = (value + 0x7fff + ((value >>> 16) & 1)) & 0xffff0000;
  }
}
