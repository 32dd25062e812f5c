/**
 * Tests a driver: some compile a kernel wrongly. At the first use of an adapter, each kind of kernel is run on small odd
 * shapes. What fails is left out if there is another way, else the backend refuses. The outcome is kept for each
 * adapter, driver and version of the kernels.
 */
import { z } from 'zod';
import { UserError } from '../../../protocol/errors.ts';
import { JsonCache } from '../../../protocol/json-cache.ts';
import { Composed } from '../../composed.ts';
import type { Tensor } from '../../tensor.ts';
import { oneLine } from '../failures.ts';
import type { WebgpuBackend } from '../webgpu.ts';
import { basics } from './basics.ts';
import { optional, placeOf, required, type Optional } from './compounds.ts';
import { digest } from './digest.ts';

/** What an optional kind of kernel does, and what is done without it: "..., so ...". */
const without: Readonly<Record<Optional, string>> = {
  attention: 'attention as a whole, so it is made in chunks',
  products: "LoRA's products in one pass, so they take several",
  together: 'many small tensors at once, so each is updated alone',
};

const kinds = z.array(z.enum(['attention', 'products', 'together']));
/** `refused`: what is computed wrongly and can't be left out, and how that showed. */
const outcomeSchema = z.object({
  leftOut: kinds,
  refused: z.object({ name: z.string(), why: z.string() }).optional(),
});
type Outcome = z.infer<typeof outcomeSchema>;
const outcomes = new JsonCache('webgpu-kernels.json', outcomeSchema);
/** Relative to the largest value. Another order of the sums changes the sixth digit; a wrong kernel the first. */
const TOLERANCE = 1e-4;

/**
 * Leaves out what this adapter's driver computes wrongly, as found at its first use. Throws UserError
 * `backend-unavailable` if that is something that can't be left out; `memory` or `gpu-lost` if it could not be tested.
 */
export async function leaveOutWrong(backend: WebgpuBackend, adapter: string): Promise<void> {
  const key = `${identityOf(backend.gpu.device.adapterInfo)} ${digest()}`;
  const known = await outcomes.get(key);
  const { leftOut, refused } = known ?? (await findWrong(backend));
  if (!known) await outcomes.set(key, { leftOut, ...(refused && { refused }) });
  if (refused) throw wrong(adapter, refused);
  if (!leftOut.length) return;
  backend.compound.leaveOut(leftOut);
  const told = leftOut.map((kind) => without[kind]).join('; ');
  backend.reason = `${backend.reason}; its driver computes wrongly ${told}`;
}

/**
 * Runs all kernels, up to the first that is wrong and can't be left out. Throws UserError `memory` or `gpu-lost` if they
 * can't be tested.
 */
export async function findWrong(backend: WebgpuBackend): Promise<Outcome> {
  for (const [name, check] of Object.entries(basics)) {
    const right = await tried(
      backend,
      () => check(backend),
      ({ found, wanted }) => [found, wanted],
    );
    if (right !== true) return refusal(name, right);
  }
  const composed = placeOf(backend, new Composed(backend));
  const own = placeOf(backend, backend.compound);
  const same = async (check: (place: typeof own) => Tensor[]) => {
    const answers = () => {
      const wanted = check(composed);
      return check(own).map((found, i) => ({ found, wanted: wanted[i]! }));
    };
    return tried(backend, answers, ({ found, wanted }) => [found, wanted]);
  };
  for (const [name, check] of Object.entries(required)) {
    const right = await same(check);
    if (right !== true) return refusal(name, right);
  }
  const leftOut: Optional[] = [];
  for (const [kind, check] of Object.entries(optional) as [Optional, typeof optional.attention][])
    if ((await same(check)) !== true) leftOut.push(kind);
  backend.dispose(composed.chunks);
  return { leftOut };
}

/** True if all that `answers` found is what was wanted; else what went wrong, if it is known. */
async function tried<A>(
  backend: WebgpuBackend,
  answers: () => A[],
  parts: (answer: A) => [Tensor, Tensor | ArrayLike<number>],
): Promise<true | string> {
  let made: A[] = [];
  try {
    made = backend.arena(answers);
    for (const answer of made) {
      const [found, wanted] = parts(answer);
      const expected = 'dtype' in wanted ? await backend.read(wanted) : wanted;
      if (!isClose(await backend.read(found), expected)) return 'other numbers';
    }
    return true;
  } catch (error) {
    // A kernel that can't be compiled is one that can't be used. Throws if the GPU is gone.
    await backend.gpu.forgetFailure();
    // Another program has its memory: that says nothing about the driver, and may be over soon.
    if (error instanceof UserError && error.code === 'memory') throw error;
    return oneLine((error as Error).message);
  } finally {
    backend.dispose(made);
  }
}

function isClose(found: ArrayLike<number>, wanted: ArrayLike<number>): boolean {
  if (found.length !== wanted.length) return false;
  let largest = 1e-30;
  let off = 0;
  for (let i = 0; i < wanted.length; i += 1) {
    largest = Math.max(largest, Math.abs(wanted[i]!));
    const difference = Math.abs(found[i]! - wanted[i]!);
    if (!(difference <= off)) off = difference;
  }
  return off <= TOLERANCE * largest;
}

const refusal = (name: string, why: string): Outcome => ({ leftOut: [], refused: { name, why } });

const wrong = (adapter: string, { name, why }: NonNullable<Outcome['refused']>) =>
  new UserError(
    'backend-unavailable',
    `The driver of ${adapter} computes ${name} wrongly (${why}).`,
    'Update the driver, or train with --backend tensorflow or wasm.',
  );

/** Adapter and driver. */
const identityOf = ({ vendor, architecture, device, description }: GPUAdapterInfo) =>
  [vendor, architecture, device, description].map(oneLine).join(', ');
