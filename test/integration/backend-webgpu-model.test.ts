/** Models on the WebGPU backend against PyTorch and PEFT, and gradients of every architecture. */
import { describe } from 'vitest';
import { architectureSuite } from '../support/architecture-suite.ts';
import { goldenSuite } from '../support/golden-suite.ts';
import { gradientSuite } from '../support/gradient-suite.ts';
import { ownHome } from '../support/own-home.ts';
import { canTestWebgpu } from '../support/vulkan.ts';

ownHome();

describe.skipIf(!(await canTestWebgpu()))('WebGPU', () => {
  goldenSuite('webgpu', 1e-4);
  gradientSuite('webgpu', 1e-4);
  architectureSuite('webgpu', 1e-4);
});
