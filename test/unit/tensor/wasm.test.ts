import { expect, it } from 'vitest';
import { startBackend } from '../../../src/tensor/index.ts';
import { tensorSuite } from '../../support/tensor-suite.ts';

tensorSuite('wasm');

it('installs no handlers for uncaught errors', async () => {
  const events = ['uncaughtException', 'unhandledRejection'] as const;
  const listeners = () => events.map((event) => process.listenerCount(event));
  const before = listeners();
  await startBackend('wasm');
  expect(listeners()).toEqual(before);
});
