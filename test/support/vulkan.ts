/** Whether the WebGPU backend can be tested here: on a GPU, or on Mesa's llvmpipe, which computes on the CPU. */
import { ensureVulkan } from '../../scripts/setup.mjs';

/** False only without an adapter and the rights to install one; as root, tests run, and fail without one. */
export const canTestWebgpu = async (): Promise<boolean> => {
  // `npm test` has found an adapter.
  if (process.env['FORGET_ME_NOT_TEST_ADAPTER']) return true;
  return (await ensureVulkan()) || process.getuid?.() === 0;
};
