/**
 * Measures how well the WebGPU backend uses an adapter, without downloads, on a model with random weights:
 * `npm run bench:webgpu [-- --json] [--device NAME|NUMBER] [--model NAME] [--tokens N] [--steps N]`.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { UserError } from '../src/text/errors.ts';
import { speed } from '../src/tensor/devices/fastest.ts';
import { openDevice } from '../src/tensor/webgpu/adapter.ts';
import { startWebgpu } from '../src/tensor/webgpu/start.ts';
import type { WebgpuBackend } from '../src/tensor/webgpu/webgpu.ts';
import { shapes, type ModelName } from './training/job.ts';
import { writeRandomBase } from './training/random-base.ts';
import { measurePeak } from './webgpu/peak.ts';
import { ours, tensorflowJs, timeProducts, type Timed } from './webgpu/products.ts';
import { measureSteps } from './webgpu/steps.ts';

/** Default sizes; on a software adapter, large ones would take minutes. */
const SIZES = { gpu: { tokens: 512, steps: 10, repeats: 7 }, software: { tokens: 32, steps: 2, repeats: 2 } };

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      json: { type: 'boolean', default: false },
      device: { type: 'string' },
      model: { type: 'string', default: 'smollm2-135m' },
      tokens: { type: 'string' },
      steps: { type: 'string' },
    },
  });
  const shape = shapes[values.model as ModelName];
  if (!shape)
    throw new UserError(
      'bad-argument',
      `There is no model ${values.model}.`,
      `There are ${Object.keys(shapes).join(', ')}.`,
    );
  const backend = (await startWebgpu('asked for', undefined, values.device)) as WebgpuBackend;
  const { name, kind } = backend.device;
  const usual = SIZES[kind === 'software' ? 'software' : 'gpu'];
  const tokens = Number(values.tokens ?? usual.tokens);
  const steps = Number(values.steps ?? usual.steps);
  const tell = (text: string) => void (values.json ? console.error(text) : console.log(text));

  tell(`${name}, ${values.model} with random weights, ${tokens} tokens`);
  const peak = await measurePeak(backend.gpu.device);
  const what = { shape, tokens, repeats: usual.repeats };
  const mine = await timeProducts(ours(backend), what);
  const inHalf = await halfProducts(backend, what);
  const peer = await peerProducts(values.device, what, tell);
  const share = ((100 * mine.rate) / peak).toFixed(0);
  tell(`products: ${speed(mine.rate)}, ${share}% of the adapter's measured ${speed(peak)}`);
  if (inHalf) tell(`in f16: ${speed(inHalf.rate)}, ${(inHalf.rate / mine.rate).toFixed(2)}x`);
  if (peer) tell(`tfjs-backend-webgpu: ${speed(peer.rate)}\n${comparison(mine, peer)}`);

  const dir = await mkdtemp(join(tmpdir(), 'forget-me-not-webgpu-'));
  try {
    const path = join(dir, 'random.gguf');
    await writeRandomBase(path, shape, 'f32');
    const step = await measureSteps(backend, path, { tokens, steps });
    tell(
      `a step: ${step.dispatches} dispatches, ${gigabytes(step.bytes)} bound (${gigabytes(step.least)} at least), ${step.hostMs.toFixed(1)} ms on the host, ${step.tokensPerSecond.toFixed(1)} tokens/s`,
    );
    tell(`buffers: ${gigabytes(step.pool)}, planned ${gigabytes(step.planned)}`);
    const result = {
      adapter: name,
      productRatio: peer ? mine.rate / peer.rate : null,
      peakShare: mine.rate / peak,
      halfRatio: inHalf ? inHalf.rate / mine.rate : null,
      dispatchesPerStep: step.dispatches,
      trafficRatio: step.bytes / step.least,
      hostMsPerStep: step.hostMs,
      tokensPerSecond: step.tokensPerSecond,
      // Would need CUDA and PyTorch; not measured.
      pytorchRatio: null,
    };
    if (values.json) console.log(JSON.stringify(result));
  } finally {
    await rm(dir, { recursive: true });
    // Dawn's threads would keep the process alive.
    setTimeout(() => process.exit(), 100).unref();
  }
}

/** The same products with operands rounded to f16; undefined if the adapter does not support f16. */
async function halfProducts(
  backend: WebgpuBackend,
  what: Parameters<typeof timeProducts>[1],
): Promise<Timed | undefined> {
  if (!backend.precisions.includes('f16')) return undefined;
  backend.multiplyIn('f16');
  try {
    return await timeProducts(ours(backend), what);
  } finally {
    backend.multiplyIn('f32');
  }
}

async function peerProducts(
  wanted: string | undefined,
  what: Parameters<typeof timeProducts>[1],
  tell: (text: string) => void,
): Promise<Timed | undefined> {
  try {
    const { device, adapter } = await openDevice(wanted);
    return await timeProducts(await tensorflowJs(device, adapter.name), what);
  } catch (error) {
    tell(`tfjs-backend-webgpu does not run here: ${(error as Error).message}`);
    return undefined;
  }
}

const comparison = (mine: Timed, peer: Timed): string =>
  [...mine.seconds]
    .map(([name, seconds]) => {
      const theirs = peer.seconds.get(name)!;
      return `  ${name}: ${(1000 * seconds).toFixed(1)} ms, ${(1000 * theirs).toFixed(1)} ms, ${(theirs / seconds).toFixed(2)}x`;
    })
    .join('\n');

const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(2)} GB`;
