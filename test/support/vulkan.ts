/** Whether the WebGPU backend can be tested here: on a GPU, or on Mesa's llvmpipe, which computes on the CPU. */
import { ensureVulkan } from '../../scripts/setup.mjs';

/** False only without an adapter and the rights to install one; as root, tests run, and fail without one. */
export const canTestWebgpu = async (): Promise<boolean> => (await ensureVulkan()) || process.getuid?.() === 0;
