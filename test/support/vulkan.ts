/** Whether the WebGPU backend can be tested here: on a GPU, or on Mesa's llvmpipe, which computes on the CPU. */
import { ensureVulkan } from '../../scripts/setup.mjs';

/** False only if there is no adapter and none may be installed; as root, tests have to run, and fail without one. */
export const canTestWebgpu = async (): Promise<boolean> => (await ensureVulkan()) || process.getuid?.() === 0;
