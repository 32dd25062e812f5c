import { goldenSuite } from '../../support/golden-suite.ts';

goldenSuite('wasm', 1e-3);
