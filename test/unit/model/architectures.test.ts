import { architectureSuite } from '../../support/architecture-suite.ts';

architectureSuite('wasm', 1e-3);
