import { gradientSuite } from '../../support/gradient-suite.ts';

gradientSuite('wasm', 1e-3);
