import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { startBackend } from '../../../src/tensor/index.ts';
import { guardMemory, type WasmMemory } from '../../../src/tensor/wasm-threads.ts';
import { tensorSuite } from '../../support/tensor-suite.ts';

tensorSuite('wasm');

it('installs no handlers for uncaught errors', async () => {
  const events = ['uncaughtException', 'unhandledRejection'] as const;
  const listeners = () => events.map((event) => process.listenerCount(event));
  const before = listeners();
  await startBackend('wasm');
  expect(listeners()).toEqual(before);
});

it('ends with an error if its memory is full', async () => {
  const full = expect.objectContaining({ code: 'memory' }) as Error;
  const module: WasmMemory = { _malloc: () => 0, _free: () => undefined };
  guardMemory(module);
  expect(module._malloc(0)).toBe(0);
  expect(() => module._malloc(4)).toThrow(full);
  // The real one, which would take a size modulo 4 GiB.
  await startBackend('wasm');
  const { wasm } = tf.backend() as unknown as { wasm: WasmMemory };
  expect(() => wasm._malloc(2 ** 32 + 8)).toThrow(full);
  wasm._free(wasm._malloc(8));
});
