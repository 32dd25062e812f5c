import type { Backend, DataType, Tensor } from '../tensor/backend.ts';
import type { ModelConfig } from './config.ts';

/** Turning queries and keys by their position: x cos + (x R) sin, where R swaps each pair and negates one of it. */
export interface Rope {
  /** [batch x length x (heads + kvHeads), headSize]; the queries' rows are scaled by 1 / sqrt(headSize) as well. */
  cos: Tensor;
  sin: Tensor;
  /** [headSize, headSize] of 0 and +-1, in the type of the products (exact in either). */
  swap: Tensor;
}

export function makeRope(
  b: Backend,
  config: ModelConfig,
  batch: number,
  length: number,
  compute: DataType,
): Rope {
  const { headSize, heads, kvHeads } = config;
  const half = headSize / 2;
  const pairs = Array.from({ length: half }, (_, i) =>
    config.ropePairing === 'neighbours' ? [2 * i, 2 * i + 1] : [i, i + half],
  );
  const swap = new Float32Array(headSize * headSize);
  for (const [first, second] of pairs) {
    swap[second! * headSize + first!] = -1;
    swap[first! * headSize + second!] = 1;
  }
  const frequencies = ropeFrequencies(config);
  const rowLength = (heads + kvHeads) * headSize;
  const cos = new Float32Array(batch * length * rowLength);
  const sin = new Float32Array(cos.length);
  for (let position = 0; position < length; position += 1)
    pairs.forEach(([first, second], i) => {
      const angle = position * frequencies[i]!;
      const [c, d] = [Math.cos(angle), Math.sin(angle)];
      for (let head = 0; head < heads + kvHeads; head += 1) {
        const scale = head < heads ? 1 / Math.sqrt(headSize) : 1;
        const at = position * rowLength + head * headSize;
        cos[at + first!] = cos[at + second!] = scale * c;
        sin[at + first!] = sin[at + second!] = scale * d;
      }
    });
  for (let row = 1; row < batch; row += 1) {
    cos.copyWithin(row * length * rowLength, 0, length * rowLength);
    sin.copyWithin(row * length * rowLength, 0, length * rowLength);
  }
  const shape = [batch * length * (heads + kvHeads), headSize];
  const made = b.arena(() => {
    const matrix = b.tensor(swap, [headSize, headSize]);
    return {
      cos: b.tensor(cos, shape),
      sin: b.tensor(sin, shape),
      swap: compute === 'bf16' ? b.cast(matrix, 'bf16') : matrix,
    };
  });
  for (const tensor of Object.values(made)) b.keep(tensor);
  return made;
}

/** Radians per position of each pair. */
export function ropeFrequencies({ headSize, ropeTheta, ropeFactor, ropeDivisors }: ModelConfig): number[] {
  return Array.from(
    { length: headSize / 2 },
    (_, i) => ropeTheta ** ((-2 * i) / headSize) / ropeFactor / (ropeDivisors?.[i] ?? 1),
  );
}

/** x of the products' type, [rows, headSize] as in the tables; f32 out. */
export function ropeForward(b: Backend, { cos, sin, swap }: Rope, x: Tensor): Tensor {
  const turned = b.matmul(x, swap);
  return b.add(b.mul(f32(b, x), cos), b.mul(f32(b, turned), sin));
}

/** dx = dy cos + (dy sin) R^T. dy f32, dx f32. */
export function ropeBackward(b: Backend, { cos, sin, swap }: Rope, dy: Tensor): Tensor {
  const turned = b.mul(dy, sin);
  const product = b.matmul(swap.dtype === 'bf16' ? b.cast(turned, 'bf16') : turned, swap, {
    transposeB: true,
  });
  return b.add(b.mul(dy, cos), f32(b, product));
}

const f32 = (b: Backend, x: Tensor) => (x.dtype === 'f32' ? x : b.cast(x, 'f32'));
