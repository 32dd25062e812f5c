import {
  blockTensors,
  epsilonKey,
  lastNormTensors,
  type ArchitectureName,
} from '../../src/base-models/architectures.ts';
import { gaussian, mixText } from '../../src/statistics/random.ts';
import type { WeightSource } from '../../src/model/config.ts';
import { tinyHyperparameters } from './tiny-hyperparameters.ts';

export interface TinyShape {
  layers: number;
  width: number;
  hiddenWidth: number;
  heads: number;
  kvHeads: number;
  vocabularySize: number;
  tiedHead: boolean;
  architecture: ArchitectureName;
  qkvBias: boolean;
  ropeFactor: number;
  ropeDivisors?: Float32Array;
}

export const tinyShape: TinyShape = {
  layers: 2,
  width: 32,
  hiddenWidth: 48,
  heads: 4,
  kvHeads: 2,
  vocabularySize: 40,
  tiedHead: true,
  architecture: 'llama',
  qkvBias: false,
  ropeFactor: 1,
};

/** The weights of a small model in memory, as a GGUF file would provide them. */
export function tinyWeights(
  shape: Partial<TinyShape> = {},
): WeightSource & { values: Map<string, Float32Array> } {
  const { layers, width, hiddenWidth, heads, kvHeads, vocabularySize, tiedHead, ...rest } = {
    ...tinyShape,
    ...shape,
  };
  const { architecture, qkvBias, ropeFactor, ropeDivisors } = rest;
  const headSize = width / heads;
  const sizes = { architecture, width, hiddenWidth, heads, kvHeads, headSize, qkvBias };
  const shapes = new Map<string, number[]>([
    ['token_embd.weight', [vocabularySize, width]],
    ...lastNormTensors(sizes),
    ...(tiedHead ? [] : [['output.weight', [vocabularySize, width]] as [string, number[]]]),
  ]);
  for (let layer = 0; layer < layers; layer += 1)
    for (const [name, dimensions] of blockTensors(sizes)) shapes.set(`blk.${layer}.${name}`, dimensions);
  const values = new Map<string, Float32Array>();
  for (const [name, dimensions] of shapes) {
    const count = dimensions.reduce((a, b) => a * b, 1);
    const gain = name.endsWith('norm.weight');
    const deviation =
      dimensions.length === 1 ? 0.2 : name === 'token_embd.weight' ? 1 : 1 / Math.sqrt(dimensions[1]!);
    values.set(
      name,
      gaussian(count, deviation, mixText(name)).map((value) => (gain ? 1 + value : value)),
    );
  }
  if (ropeDivisors) {
    values.set('rope_freqs.weight', ropeDivisors);
    shapes.set('rope_freqs.weight', [ropeDivisors.length]);
  }
  return {
    values,
    metadata: {
      'general.architecture': architecture,
      [`${architecture}.block_count`]: layers,
      [`${architecture}.embedding_length`]: width,
      [`${architecture}.feed_forward_length`]: hiddenWidth,
      [`${architecture}.attention.head_count`]: heads,
      [`${architecture}.attention.head_count_kv`]: kvHeads,
      [`${architecture}.${epsilonKey(architecture)}`]: 1e-5,
      [`${architecture}.rope.freq_base`]: 10_000,
      [`${architecture}.context_length`]: 1024,
      ...Object.fromEntries(
        Object.entries(tinyHyperparameters[architecture] ?? {}).map(([name, value]) => [
          `${architecture}.${name}`,
          value,
        ]),
      ),
      ...(ropeFactor !== 1 && {
        [`${architecture}.rope.scaling.type`]: 'linear',
        [`${architecture}.rope.scaling.factor`]: ropeFactor,
      }),
    },
    tensors: new Map([...shapes].map(([name, dimensions]) => [name, { shape: dimensions }])),
    readF32: (name) => Promise.resolve(values.get(name)!.slice()),
  };
}

/** Random tokens; the same arguments give the same tokens. */
export function tinyTokens(count: number, vocabularySize: number, seed = 1): Int32Array {
  return Int32Array.from(gaussian(count, 1e6, seed), (value) => Math.abs(Math.round(value)) % vocabularySize);
}
