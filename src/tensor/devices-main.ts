/**
 * Entry: `node dist/devices.mjs probe [DEVICE]` prints what WebGPU finds on this machine as JSON (`src/protocol/doctor.ts`);
 * `node dist/devices.mjs rate BACKEND [DEVICE]` prints as lines of JSON (`rate-line.ts`) how fast that backend multiplies
 * here, in the precision that LoRA trains in, and in f16 on a GPU that has it. A process of its own, because a driver may
 * end it, and because of the memory that TensorFlow takes.
 */
import { whyOf } from '../text/errors.ts';
import { backendNames, type BackendName } from '../protocol/run.ts';
import { fastestPrecision } from './precision.ts';
import { startBackend } from './start.ts';
import { probe } from './webgpu/probe.ts';
import { openWebgpu } from './webgpu/start.ts';
import { tensorflowGpu } from './devices/cuda.ts';
import { productRate } from './devices/product-rate.ts';
import type { Rate } from './devices/rate-line.ts';
import { told } from '../text/message.ts';

async function measure(backend: BackendName, device?: string): Promise<Rate> {
  try {
    // A driver's first test takes longer than this measurement may; it comes when the GPU is used.
    const started =
      backend === 'webgpu'
        ? await openWebgpu('to be measured', undefined, device)
        : await startBackend(backend);
    const gpu = backend === 'tensorflow' ? await tensorflowGpu() : undefined;
    const rate = await productRate(started, fastestPrecision(backend, 'lora', gpu));
    if (!started.multiplyIn || !started.device?.features.includes('shader-f16')) return { rate };
    // A driver that fails in f16, or ends this process there, can still train in f32.
    console.log(JSON.stringify({ rate }));
    const half = await productRate(started, 'f16').catch(() => undefined);
    return { rate, ...(half !== undefined && { half }) };
  } catch (error) {
    return told({ lack: whyOf(error) });
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
