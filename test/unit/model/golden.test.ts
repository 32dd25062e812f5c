import { goldenSuite } from '../../support/golden-suite.ts';

// Other unit tests compute with one thread (vitest.config.ts).
process.env['FORGET_ME_NOT_PROCESSORS'] = '2';
goldenSuite('wasm', 1e-3);
