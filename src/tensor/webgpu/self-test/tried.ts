/** Runs kernels, and compares what they made with what they should have made. */
import { UserError } from '../../../text/errors.ts';
import type { Tensor } from '../../tensor.ts';
import { oneLine } from '../failures.ts';
import type { WebgpuBackend } from '../webgpu.ts';
import type { Answer } from './basics.ts';

/** Relative to the largest value. Another order of the sums changes the sixth digit; a wrong kernel the first. */
const TOLERANCE = 1e-4;

/** What was found, and what should have been. */
export interface Pair {
  found: Tensor;
  wanted: Answer['wanted'] | Tensor;
}

/**
 * True if all of `answers` are as expected; else what went wrong, if known. Throws UserError `memory` or `gpu-lost` if
 * that can't be said.
 * @param tolerance relative to the largest value
 */
export async function tried(
  backend: WebgpuBackend,
  answers: () => Pair[],
  tolerance = TOLERANCE,
): Promise<true | string> {
  let made: Pair[] = [];
  try {
    made = backend.arena(answers);
    for (const { found, wanted } of made) {
      const expected = 'dtype' in wanted ? await backend.read(wanted) : wanted;
      if (!isClose(await backend.read(found), expected, tolerance)) return 'other numbers';
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

function isClose(found: ArrayLike<number>, wanted: ArrayLike<number>, tolerance: number): boolean {
  if (found.length !== wanted.length) return false;
  let largest = 1e-30;
  let off = 0;
  for (let i = 0; i < wanted.length; i += 1) {
    largest = Math.max(largest, Math.abs(wanted[i]!));
    const difference = Math.abs(found[i]! - wanted[i]!);
    if (!(difference <= off)) off = difference;
  }
  return off <= tolerance * largest;
}
