/** Runs kernels and compares their results with the expected ones. */
import { UserError } from '../../../text/errors.ts';
import type { Tensor } from '../../tensor.ts';
import { oneLine } from '../failures.ts';
import type { WebgpuBackend } from '../webgpu.ts';
import type { Answer } from './basics.ts';

/** Relative to the largest value. A different summation order changes the sixth digit, a wrong kernel the first. */
const TOLERANCE = 1e-4;

/** The computed and the expected values. */
interface Pair {
  found: Tensor;
  expected: Answer['expected'] | Tensor;
}

/**
 * True if all `answers` are as expected; else what went wrong, if known. Throws UserError `memory` or `gpu-lost` if the
 * test could not run.
 * @param tolerance relative to the largest value
 */
export async function runCheck(
  backend: WebgpuBackend,
  answers: () => Pair[],
  tolerance = TOLERANCE,
): Promise<true | string> {
  let made: Pair[] = [];
  try {
    made = backend.arena(answers);
    for (const { found, expected } of made) {
      const values = 'dtype' in expected ? await backend.read(expected) : expected;
      if (!isClose(await backend.read(found), values, tolerance)) return 'other numbers';
    }
    return true;
  } catch (error) {
    // A kernel that can't be compiled counts as a failed one. Throws if the GPU was lost.
    await backend.gpu.forgetFailure();
    // Out of memory, perhaps because of another program: says nothing about the driver.
    if (error instanceof UserError && error.code === 'memory') throw error;
    return oneLine((error as Error).message);
  } finally {
    backend.dispose(made);
  }
}

function isClose(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): boolean {
  if (found.length !== expected.length) return false;
  let largest = 1e-30;
  let worst = 0;
  for (let i = 0; i < expected.length; i += 1) {
    largest = Math.max(largest, Math.abs(expected[i]!));
    const difference = Math.abs(found[i]! - expected[i]!);
    if (!(difference <= worst)) worst = difference;
  }
  return worst <= tolerance * largest;
}
