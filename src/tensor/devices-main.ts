/**
 * Entry point. `node dist/devices.mjs probe [DEVICE]` prints as JSON what WebGPU finds on this machine
 * (`src/protocol/doctor.ts`). `node dist/devices.mjs rate BACKEND [DEVICE]` prints as JSON lines (`rate-line.ts`) how
 * fast that backend multiplies, in LoRA's training precision and also in f16 on a GPU that supports it. This is a
 * separate process because a driver may crash it, and so that TensorFlow's memory is released.
 */
import { reasonOf } from '../text/errors.ts';
import { backendNames, type BackendName } from '../protocol/run.ts';
import { fastestPrecision } from './precision.ts';
import { startBackend } from './start.ts';
import { probe } from './webgpu/probe.ts';
import { openWebgpu } from './webgpu/start.ts';
import { tensorflowGpu } from './devices/cuda.ts';
import { productRate } from './devices/product-rate.ts';
import type { Rate } from './devices/rate-line.ts';
import { withTexts } from '../text/message.ts';

async function measure(backend: BackendName, device?: string): Promise<Rate> {
  try {
    // Without the driver's self-test, which takes longer than this measurement may and runs when the GPU is first used.
    const started =
      backend === 'webgpu'
        ? await openWebgpu('to be measured', undefined, device)
        : await startBackend(backend);
    const gpu = backend === 'tensorflow' ? await tensorflowGpu() : undefined;
    const rate = await productRate(started, fastestPrecision(backend, 'lora', gpu));
    if (!started.multiplyIn || !started.device?.features.includes('shader-f16')) return { rate };
    // Printed before f16 is tried: a driver that fails or crashes there can still train in f32.
    console.log(JSON.stringify({ rate }));
    const half = await productRate(started, 'f16').catch(() => undefined);
    return { rate, ...(half !== undefined && { half }) };
  } catch (error) {
    return withTexts({ lack: reasonOf(error) });
  }
}

const [what, ...args] = process.argv.slice(2);
if (what === 'probe') console.log(JSON.stringify(await probe(args[0] || undefined)));
else {
  const [name = '', device] = args;
  if (what !== 'rate' || !(backendNames as readonly string[]).includes(name)) {
    console.error('Usage: node devices.mjs probe [DEVICE] | rate BACKEND [DEVICE]');
    process.exit(2);
  }
  console.log(JSON.stringify(await measure(name as BackendName, device)));
}
process.exit();
