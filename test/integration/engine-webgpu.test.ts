/** The WebGPU backend, on whatever adapter there is; without a GPU, on Mesa's llvmpipe, which computes on the processor. */
import { describe } from 'vitest';
import { startBackend } from '../../src/tensor/index.ts';
import { compoundSuite } from '../support/compound-suite.ts';
import { tensorSuite } from '../support/tensor-suite.ts';

tensorSuite('webgpu');
describe('the kernels against the composition', () => compoundSuite(() => startBackend('webgpu'), ['f32']));
