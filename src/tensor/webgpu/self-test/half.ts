/** Tests products with operands rounded to f16. */
import type { WebgpuBackend } from '../webgpu.ts';
import { productsOf } from './basics.ts';
import { optional, placeOf } from './compounds.ts';
import { runCheck } from './run-check.ts';

/** Allows for rounding to f16's 11 bits. A wrong kernel is further off. */
const TOLERANCE = 1e-2;

/**
 * Whether products in f16 are correct with the current tiles. Values too large for f16 must not become finite, because
 * that is how training detects an overflow.
 * @param linear test the fused products of linear layers, too
 */
export async function multipliesF16(backend: WebgpuBackend, linear = true): Promise<boolean> {
  const { launcher } = backend;
  const inF16 = <T>(make: () => T): T => {
    launcher.half = true;
    try {
      return make();
    } finally {
      launcher.half = false;
    }
  };
  const plain = () =>
    // Square, tall, wide, and with an inner axis that is split into slices.
    productsOf(
      backend,
      [
        [139, 131, 37],
        [29, 21, 19],
        [21, 139, 37],
        [9, 5, 1100],
      ],
      true,
    );
  const whole = () => optional.products(placeOf(backend, backend.compound));
  const both = () => {
    const expected = whole();
    return inF16(whole).map((found, i) => ({ found, expected: expected[i]! }));
  };
  if ((await runCheck(backend, () => inF16(plain))) !== true) return false;
  if (linear && (await runCheck(backend, both, TOLERANCE)) !== true) return false;
  return inF16(() => overflows(backend));
}

async function overflows(backend: WebgpuBackend): Promise<boolean> {
  const large = backend.arena(() => {
    const x = backend.tensor(Float32Array.of(1e5, 0.5, 0.5, -1e5), [2, 2]);
    return backend.matmul(x, backend.tensor(Float32Array.of(1, 0, 0, 1), [2, 2]));
  });
  const values = await backend.read(large);
  backend.dispose(large);
  return values.every((value) => !Number.isFinite(value));
}
