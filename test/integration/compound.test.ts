import { describe, expect, it } from 'vitest';
import { Fused } from '../../src/tensor/fused.ts';
import { startBackend } from '../../src/tensor/index.ts';
import { compoundSuite } from '../support/compound-suite.ts';
import { headSuite } from '../support/head-suite.ts';
import { storedSuite } from '../support/stored-suite.ts';

describe('compound kernels', () => {
  it('are used on the CPU', async () => {
    expect((await startBackend('tensorflow')).compound).toBeInstanceOf(Fused);
  });
  compoundSuite(() => startBackend('tensorflow'));
});

describe('quantised matrices on TensorFlow', () =>
  storedSuite(() => startBackend('tensorflow'), ['f32', 'bf16']));

describe('the head on TensorFlow', () => headSuite(() => startBackend('tensorflow')));
