import { describe } from 'vitest';
import { startBackend } from '../../../src/tensor/index.ts';
import { headSuite } from '../../support/head-suite.ts';

describe('the head on wasm', () => headSuite(() => startBackend('wasm')));
