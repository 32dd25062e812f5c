/** Whether the WebGPU backend can be tested here: on a GPU, or on Mesa's llvmpipe, which computes on the processor. */
import { ensureVulkan } from '../../scripts/setup.mjs';

/** False only where there is no adapter and none may be installed; as root, tests are to run, and to fail without one. */
export const canTestWebgpu = async (): Promise<boolean> => (await ensureVulkan()) || process.getuid?.() === 0;
