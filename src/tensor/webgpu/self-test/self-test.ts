/**
 * Tests the driver, since some miscompile kernels. At the first use of an adapter, each kind of kernel runs on small
 * odd shapes. One that fails is disabled if it has a fallback; otherwise the backend refuses to start. The outcome is
 * cached by adapter, driver and version of the kernels.
 */
import { z } from 'zod';
import { msg, UserError } from '../../../text/errors.ts';
import { JsonCache } from '../../../platform/files/json-cache.ts';
import { Composed } from '../../composed.ts';
import type { Tensor } from '../../tensor.ts';
import { oneLine } from '../failures.ts';
import { features, type Feature } from '../kernel.ts';
import { tileNames } from '../kernels/tiles.ts';
import type { WebgpuBackend } from '../webgpu.ts';
import { basics } from './basics.ts';
import { optional, placeOf, required, type Optional, type Place } from './compounds.ts';
import { digest } from './digest.ts';
import { multipliesF16 } from './half.ts';
import { fastestTiles, correctTiles } from './tile-choice.ts';
import { runCheck } from './run-check.ts';

/** What can be disabled. Kernels that need a feature are not tested where it is absent. */
type Kind = Optional | 'f16' | 'subgroups';

/** What an optional kind of kernel computes, and the consequence of disabling it: "..., so ...". */
const without: Readonly<Record<Kind, string>> = {
  attention: 'fused attention, so it is computed in chunks',
  products: "LoRA's products in one pass, so they take several",
  makeContiguous: 'many small tensors at once, so each is updated alone',
  f16: 'products in f16, so all are computed in f32',
  subgroups: 'sums within subgroups, so they go through workgroup memory',
};

const kinds = z.array(z.enum(['attention', 'products', 'makeContiguous', 'f16', 'subgroups']));
const tileName = z.enum(tileNames);
/**
 * `refused`: what is computed incorrectly and has no fallback, with the evidence. `tiles`: the fastest correct ones.
 */
const outcomeSchema = z.object({
  leftOut: kinds,
  tiles: z.object({ square: tileName, tall: tileName, wide: tileName }).optional(),
  refused: z.object({ name: z.string(), why: z.string() }).optional(),
});
type Outcome = z.infer<typeof outcomeSchema>;
const outcomes = new JsonCache('webgpu-kernels.json', outcomeSchema);

/**
 * Disables the kernels that this adapter's driver computes incorrectly, testing it at its first use. Throws UserError
 * `backend-unavailable` if one of them has no fallback; `memory` or `gpu-lost` if the test could not run.
 */
export async function disableFaulty(backend: WebgpuBackend, adapter: string): Promise<void> {
  const key = `${identityOf(backend.gpu.device.adapterInfo)} ${digest()}`;
  const known = await outcomes.get(key);
  const { leftOut, refused, tiles } = known ?? (await testKernels(backend));
  if (!known) await outcomes.set(key, { leftOut, ...(refused && { refused }), ...(tiles && { tiles }) });
  if (refused) throw driverError(adapter, refused);
  if (tiles) backend.launcher.tiles = tiles;
  if (has(backend, 'f16') && !leftOut.includes('f16')) backend.precisions = ['f16'];
  backend.gpu.subgroups = has(backend, 'subgroups') && !leftOut.includes('subgroups');
  if (!leftOut.length) return;
  backend.compound.disable(leftOut.filter((kind) => kind in optional) as Optional[]);
  const left = leftOut.map((kind) => without[kind]).join('; ');
  backend.reason = msg`${backend.reason}; its driver computes wrongly ${left}`;
}

/**
 * Tests all kernels, up to the first incorrect one without a fallback; then finds the fastest tiles, except on a
 * software adapter. Throws UserError `memory` or `gpu-lost` if the test can't run.
 */
export async function testKernels(backend: WebgpuBackend): Promise<Outcome> {
  backend.gpu.subgroups = false;
  for (const [name, check] of Object.entries(basics)) {
    const right = await runCheck(backend, () => check(backend));
    if (right !== true) return refusal(name, right);
  }
  const composed = placeOf(backend, new Composed(backend));
  const own = placeOf(backend, backend.compound);
  const same = (check: (place: Place) => Tensor[]) =>
    runCheck(backend, () => {
      const expected = check(composed);
      return check(own).map((found, i) => ({ found, expected: expected[i]! }));
    });
  for (const [name, check] of Object.entries(required)) {
    const right = await same(check);
    if (right !== true) return refusal(name, right);
  }
  const leftOut: Kind[] = [];
  for (const [kind, check] of Object.entries(optional) as [Optional, typeof optional.attention][])
    if ((await same(check)) !== true) leftOut.push(kind);
  if (has(backend, 'subgroups') && !(await sumsInSubgroups(backend, same, leftOut)))
    leftOut.push('subgroups');
  backend.dispose(composed.chunks);
  const linear = !leftOut.includes('products');
  // A software adapter's compiler takes a second per kernel, more than a faster tile would save.
  const isSlow = backend.device.kind === 'software';
  const tiles = isSlow ? undefined : await fastestTiles(backend, await correctTiles(backend, linear));
  if (tiles) backend.launcher.tiles = tiles;
  if (has(backend, 'f16') && !(await multipliesF16(backend, linear))) leftOut.push('f16');
  return { leftOut, ...(tiles && { tiles }) };
}

const has = ({ gpu }: WebgpuBackend, feature: Feature) => gpu.device.features.has(features[feature]);

const refusal = (name: string, why: string): Outcome => ({ leftOut: [], refused: { name, why } });

const driverError = (adapter: string, { name, why }: NonNullable<Outcome['refused']>) =>
  new UserError(
    'backend-unavailable',
    `The driver of ${adapter} computes ${name} wrongly (${why}).`,
    'Update the driver, or train with --backend tensorflow or wasm.',
  );

/** Whether the versions with subgroups are correct. `same`: whether a check agrees with the composed reference. */
async function sumsInSubgroups(
  backend: WebgpuBackend,
  same: (check: (place: Place) => Tensor[]) => Promise<true | string>,
  leftOut: readonly Kind[],
): Promise<boolean> {
  const checks = summing.map((name) => required[name]!);
  if (!leftOut.includes('attention')) checks.push(optional.attention);
  backend.gpu.subgroups = true;
  try {
    if ((await runCheck(backend, () => basics['sums along rows']!(backend))) !== true) return false;
    for (const check of checks) if ((await same(check)) !== true) return false;
    return true;
  } finally {
    backend.gpu.subgroups = false;
  }
}

/** The required kernels that have a version with subgroups. */
const summing = ['norms', 'the loss', 'heads and their scores'];

/** Adapter and driver. */
const identityOf = ({ vendor, architecture, device, description }: GPUAdapterInfo) =>
  [vendor, architecture, device, description].map(oneLine).join(', ');
