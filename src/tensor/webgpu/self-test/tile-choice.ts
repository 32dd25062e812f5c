/** Tests tile shapes and measures which are fastest on an adapter. */
import type { Tensor } from '../../tensor.ts';
import {
  candidates,
  forms,
  tileNames,
  defaultTiles,
  type Form,
  type TileName,
  type Tiles,
} from '../kernels/tiles.ts';
import type { WebgpuBackend } from '../webgpu.ts';
import { numbers, productsOf } from './basics.ts';
import { optional, placeOf } from './compounds.ts';
import { runCheck } from './run-check.ts';

/** The rows of a sequence, the MLP sizes of Qwen2.5-Coder-0.5B, and the LoRA of three modules at rank 16. */
const MODEL = { rows: 512, width: 896, hidden: 4864, few: 48 };
/** Smaller sizes for slow adapters. */
const SMALL = { rows: 96, width: 192, hidden: 320, few: 32 };
/** An adapter is slow if a small product takes longer than this. */
const SLOW_MS = 4;
/** Products are repeated until they take this long in total, so that waiting for the last one hardly counts. */
const MIN_TOTAL_MS = 15;
/** Forms not measured by then keep their default tile. */
const MAX_MS = 2000;
/** Minimum share of the time that another tile must save: less may be noise. */
const GAIN = 0.05;

/** Runs `make` with the given tiles. */
function withTile<T>({ launcher }: WebgpuBackend, tiles: Tiles, make: () => T): T {
  const before = launcher.tiles;
  launcher.tiles = tiles;
  try {
    return make();
  } finally {
    launcher.tiles = before;
  }
}

/**
 * The tiles with which plain and (with `linear`) fused products are correct. The default tiles were tested before and
 * serve as the reference.
 */
export async function correctTiles(backend: WebgpuBackend, linear = true): Promise<TileName[]> {
  const usual = new Set<TileName>(Object.values(defaultTiles));
  const right = [...usual];
  for (const tile of tileNames.filter((name) => !usual.has(name))) {
    const all = { square: tile, tall: tile, wide: tile };
    const plain = () =>
      // A single partial tile; several tiles, the last ones partial; an inner axis that is split into slices.
      productsOf(backend, [
        [29, 21, 19],
        [139, 131, 37],
        [9, 5, 1100],
      ]);
    const whole = () => optional.products(placeOf(backend, backend.compound));
    const both = () => {
      const expected = whole();
      return withTile(backend, all, whole).map((found, i) => ({ found, expected: expected[i]! }));
    };
    if ((await runCheck(backend, () => withTile(backend, all, plain))) !== true) continue;
    if (!linear || (await runCheck(backend, both)) === true) right.push(tile);
  }
  return right;
}

/**
 * The fastest of the `right` tiles for each form of product, found within two seconds. Dequantisation is a separate
 * kernel, whose time does not depend on the tile.
 */
export async function fastestTiles(backend: WebgpuBackend, right: readonly TileName[]): Promise<Tiles> {
  const end = performance.now() + MAX_MS;
  const chosen = { ...defaultTiles };
  const products = await sizedProducts(backend, end);
  for (const form of forms) {
    let best = Infinity;
    for (const tile of candidates[form].filter((name) => right.includes(name))) {
      if (performance.now() > end) break;
      const made = () => withTile(backend, { ...defaultTiles, [form]: tile }, products.of[form]);
      const took = await timed(backend, made, end);
      if (took >= best * (1 - GAIN)) continue;
      best = took;
      chosen[form] = tile;
    }
  }
  backend.dispose(products.tensors);
  return chosen;
}

interface Products {
  /** Compute all products of a form in a training step, and return the last. */
  of: Record<Form, () => Tensor>;
  tensors: Tensor[];
}

async function sizedProducts(backend: WebgpuBackend, end: number): Promise<Products> {
  const small = productsAt(backend, SMALL);
  await timed(backend, small.of.square, end);
  if ((await timed(backend, small.of.square, end)) > SLOW_MS) return small;
  backend.dispose(small.tensors);
  return productsAt(backend, MODEL);
}

function productsAt(b: WebgpuBackend, { rows, width, hidden, few }: typeof MODEL): Products {
  const matrix = (height: number, across: number) => b.tensor(numbers(height * across, 1), [height, across]);
  const [x, dy, w] = [matrix(rows, width), matrix(rows, hidden), matrix(hidden, width)];
  const [a, z, block] = [matrix(few, width), matrix(rows, few), matrix(hidden, few)];
  return {
    tensors: [x, dy, w, a, z, block],
    of: {
      square: () => {
        b.matmul(x, w, { transposeB: true });
        return b.matmul(dy, w);
      },
      tall: () => {
        b.matmul(x, a, { transposeB: true });
        b.matmul(dy, z, { transposeA: true });
        return b.matmul(dy, block);
      },
      wide: () => b.matmul(z, x, { transposeA: true }),
    },
  };
}

/** Milliseconds that `make` takes on the GPU: the lower of two measurements, after a warm-up. */
async function timed(backend: WebgpuBackend, make: () => Tensor, end: number): Promise<number> {
  const times = async (count: number) => {
    const startedAt = performance.now();
    const corner = backend.arena(() => {
      for (let i = 1; i < count; i += 1) backend.arena(() => void make());
      return backend.slice(make(), [0, 0], [1, 1]);
    });
    await backend.read(corner);
    backend.dispose(corner);
    return (performance.now() - startedAt) / count;
  };
  await times(1);
  const once = await times(1);
  const count = Math.min(64, Math.ceil(MIN_TOTAL_MS / once));
  if (count === 1 || performance.now() > end) return once;
  return Math.min(await times(count), await times(count));
}
