import { tensorSuite } from '../../support/tensor-suite.ts';

tensorSuite('wasm');
