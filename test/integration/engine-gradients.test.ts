import { gradientSuite } from '../support/gradient-suite.ts';

gradientSuite('tensorflow', 1e-4);
