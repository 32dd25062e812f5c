import { architectureSuite } from '../support/architecture-suite.ts';
import { goldenSuite } from '../support/golden-suite.ts';

goldenSuite('tensorflow', 1e-4);
architectureSuite('tensorflow', 1e-4);
