/** Matrices that stay quantised: on any backend, results equal those computed from their values. */
import { beforeAll, describe, expect, it } from 'vitest';
import { dequantise, tensorTypes, type TensorType } from '../../src/gguf/index.ts';
import { isQuantised } from '../../src/gguf/types.ts';
import { loadModel, type ModelOptions } from '../../src/model/index.ts';
import type { WeightSource } from '../../src/model/config.ts';
import { moduleNames } from '../../src/protocol/run.ts';
import { gaussian, mixText } from '../../src/statistics/random.ts';
import type { Backend } from '../../src/tensor/index.ts';
import { quantise } from './quantise.ts';
import { Random } from './random.ts';
import { tinyTokens, tinyWeights } from './tiny-weights.ts';

const quantised = (Object.keys(tensorTypes) as TensorType[]).filter(isQuantised);
/** Rows of whole blocks for every type. */
const shape = { width: 256, hiddenWidth: 512, heads: 4, kvHeads: 2, vocabularySize: 60 };

export function storedSuite(start: () => Promise<Backend>, precisions: readonly ('f32' | 'bf16')[]): void {
  let b: Backend;
  beforeAll(async () => (b = await start()));

  describe.each(quantised)('a matrix in %s', (type) => {
    const columns = 512;
    const bytesOf = (rows: number, seed: number) => quantise(type, new Random(seed).normals(rows * columns));
    const numbersOf = async (parts: Uint8Array[], dtype: 'f32' | 'bf16', indices?: Int32Array) => {
      const stride = (columns / tensorTypes[type].block) * tensorTypes[type].bytes;
      const stored = parts.map((part) => b.compound.store(type, part, [part.length / stride, columns])!);
      const numbers = b.compound.dequantise(stored, dtype, indices);
      const values = await b.read(numbers);
      b.dispose(numbers, stored);
      return values;
    };

    it.each(precisions)('has the values of its file to the last bit, in %s', async (dtype) => {
      const before = b.liveTensors;
      const parts = [bytesOf(5, 1), bytesOf(1, 2), bytesOf(130, 3)];
      const joined = Uint8Array.from(parts.flatMap((part) => [...part]));
      const f32 = dequantise(type, joined, 136 * columns);
      const inType = dtype === 'f32' ? f32 : await throughBf16(f32);
      expect(await numbersOf(parts, dtype)).toEqual(inType);
      const chosen = Int32Array.of(129, 0, 7, 7);
      const rows = Array.from(chosen, (row) => inType.subarray((6 + row) * columns, (7 + row) * columns));
      expect(await numbersOf([parts[2]!], dtype, chosen)).toEqual(
        Float32Array.from(rows.flatMap((row) => [...row])),
      );
      expect(b.liveTensors).toBe(before);
    });
  });

  async function throughBf16(values: Float32Array): Promise<Float32Array> {
    const f32 = b.tensor(values.slice(), [values.length]);
    const bf16 = b.cast(f32, 'bf16');
    try {
      return await b.read(bf16);
    } finally {
      b.dispose(f32, bf16);
    }
  }

  describe.each(precisions)('a model in %s', (precision) => {
    it.each([
      { type: 'Q8_0' as const, tiedHead: true, method: 'lora' as const },
      { type: 'Q4_K' as const, tiedHead: false, method: 'lora' as const },
      { type: 'Q6_K' as const, tiedHead: true, method: 'full' as const },
    ])('has the losses and gradients of its values: $type, $method', async ({ type, tiedHead, method }) => {
      const stored = quantisedWeights((name) => (name.includes('attn_v') ? 'Q6_K' : type), tiedHead);
      const { metadata, tensors, readF32 } = stored;
      const numbers = { metadata, tensors, readF32 };
      const neverNumbers: WeightSource = {
        ...stored,
        readF32(name) {
          if (stored.tensors.get(name)!.shape.length === 2) throw new Error(`${name} was read as numbers`);
          return stored.readF32(name);
        },
      };
      const options: ModelOptions = {
        ...{ method, precision, rank: 4, alpha: 8, dropout: 0, targets: moduleNames, seed: 3 },
        recompute: type === 'Q4_K',
      };
      const before = b.liveTensors;
      const source = method === 'lora' ? neverNumbers : stored;
      expect(await lossesOf(source, options)).toEqual(await lossesOf(numbers, options));
      expect(b.liveTensors).toBe(before);
    });
  });

  /** Losses, KL and every gradient. */
  async function lossesOf(source: WeightSource, options: ModelOptions) {
    const model = await loadModel(b, source, options);
    for (const { name, shape: dimensions } of model.parameters)
      if (name.endsWith('.lora_b'))
        model.write(name, gaussian(dimensions[0]! * dimensions[1]!, 0.1, mixText(name)));
    const batch = { tokens: tinyTokens(2 * 13, shape.vocabularySize), rows: 2, length: 12 };
    const { lossSum } = await model.accumulate(batch, { seed: [1, 2], lossWeight: 1 / 24 });
    const gradients: [string, Float32Array][] = [];
    for (const { name, gradient } of model.slots) gradients.push([name, await b.read(gradient!)]);
    const tokens = tinyTokens(140, shape.vocabularySize, 5);
    const losses = await model.tokenLosses(tokens);
    const kl = options.method === 'lora' ? await model.tokenKl(tokens) : undefined;
    model.dispose();
    return { lossSum, gradients, losses, kl };
  }
}

/** As in mixtures such as Q4_K_M, a matrix has the type in its name. */
function quantisedWeights(typeOf: (name: string) => TensorType, tiedHead: boolean): WeightSource {
  const source = tinyWeights({ ...shape, tiedHead });
  const bytes = new Map<string, Uint8Array>();
  const tensors = new Map<string, { shape: readonly number[]; type: TensorType }>();
  for (const [name, tensor] of source.tensors) {
    const isMatrix = tensor.shape.length === 2;
    tensors.set(name, { shape: tensor.shape, type: isMatrix ? typeOf(name) : 'F32' });
    if (isMatrix) bytes.set(name, quantise(typeOf(name), source.values.get(name)!));
  }
  return {
    metadata: source.metadata,
    tensors,
    readBytes: (name) => Promise.resolve(bytes.get(name)!.slice()),
    readF32(name) {
      const stored = bytes.get(name);
      const values = source.values.get(name)!;
      return Promise.resolve(stored ? dequantise(typeOf(name), stored, values.length) : values.slice());
    },
  };
}
