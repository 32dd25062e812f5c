import { goldenSuite } from '../support/golden-suite.ts';

goldenSuite('tensorflow', 1e-4);
