import { describe } from 'vitest';
import { startBackend } from '../../../src/tensor/index.ts';
import { storedSuite } from '../../support/stored-suite.ts';

describe('quantised matrices on wasm', () => storedSuite(() => startBackend('wasm'), ['f32']));
