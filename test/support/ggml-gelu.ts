/**
 * llama.cpp's CPU code reads GELU from a table of half-precision numbers, 10 or 11 bits, which changes
 * log-probabilities of small random models by up to some thousandths. To show that nothing else does, ours are
 * computed with that table.
 */
import type { Tensor as TfTensor } from '@tensorflow/tfjs-core';
import { dequantise } from '../../src/gguf/index.ts';
import { activations, type Activation } from '../../src/model/activations.ts';
import type { Backend, Tensor } from '../../src/tensor/backend.ts';
import { quantise } from './quantise.ts';

export type GeluName = 'geglu' | 'gelu';

const throughHalf = (x: Float32Array) => dequantise('F16', quantise('F16', x), x.length);
const gelu = (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
const tableOf = (x: Float32Array) => throughHalf(throughHalf(x).map(gelu));

/** The values of a tensor on wasm, synchronously. */
const numbersOf = (x: Tensor) => Float32Array.from((x as Tensor & { inner: TfTensor }).inner.dataSync());

const forwards: Record<GeluName, Activation['forward']> = {
  geglu(b: Backend, gateUp) {
    const [rows, columns] = gateUp.shape as [number, number];
    const half = (begin: number) => numbersOf(b.slice(gateUp, [0, begin], [rows, columns / 2]));
    return b.arena(() => {
      const [gate, up] = [half(0), half(columns / 2)];
      return b.tensor(
        tableOf(gate).map((value, i) => value * up[i]!),
        [rows, columns / 2],
      );
    });
  },
  gelu: (b, up) => b.tensor(tableOf(numbersOf(up)), up.shape),
};

/** Runs `body`; models loaded in it read GELU from the table in their forward passes. On the wasm backend only. */
export async function withTable<T>(name: GeluName, body: () => Promise<T>): Promise<T> {
  const own = activations[name];
  activations[name] = { ...own, forward: forwards[name] };
  try {
    return await body();
  } finally {
    activations[name] = own;
  }
}
