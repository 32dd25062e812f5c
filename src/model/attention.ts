/**
 * Causal attention with grouped queries, in chunks of queries that see only the keys before them. Probabilities are
 * computed again in the backward pass, so memory grows with length, not with its square.
 *
 * Inside, queries are [batch x kvHeads, length, group x headSize]: the rows of a chunk lie together, and reshaping
 * to [.., chunk x group, headSize] multiplies all heads that share a key at once.
 */
import type { Backend, DataType, Tensor } from '../tensor/backend.ts';
import type { ModelConfig } from './config.ts';
import { ropeBackward, ropeForward, type Rope } from './rope.ts';

export interface AttentionShape {
  batch: number;
  length: number;
}

export interface AttentionSaved {
  q: Tensor;
  k: Tensor;
  v: Tensor;
  /** The output, [batch x length, heads x headSize]. */
  o: Tensor;
}

const CHUNK = 128;
/** Added to the scores of keys that a query must not see. */
const HIDDEN = -1e9;
/** Evaluations of many lengths must not fill the memory. */
const KEPT_MASKS = 64;

export class Attention {
  private readonly group: number;
  private readonly masks = new Map<string, Tensor>();

  constructor(
    private readonly backend: Backend,
    private readonly config: ModelConfig,
    private readonly compute: DataType,
  ) {
    this.group = config.heads / config.kvHeads;
  }

  /** qkv [N, (heads + 2 kvHeads) headSize], as the joined linear gives it; `o` [N, heads x headSize]. */
  forward(qkv: Tensor, shape: AttentionShape, rope: Rope): AttentionSaved {
    const { backend: b, config } = this;
    const { headSize, heads, kvHeads } = config;
    const rows = shape.batch * shape.length;
    const qk = b.slice(qkv, [0, 0], [rows, (heads + kvHeads) * headSize]);
    const turned = this.computed(ropeForward(b, rope, b.reshape(qk, [rows * (heads + kvHeads), headSize])));
    const flat = b.reshape(turned, [rows, (heads + kvHeads) * headSize]);
    const q = this.split(b.slice(flat, [0, 0], [rows, heads * headSize]), shape);
    const k = this.split(b.slice(flat, [0, heads * headSize], [rows, kvHeads * headSize]), shape);
    const v = this.split(b.slice(qkv, [0, (heads + kvHeads) * headSize], [rows, kvHeads * headSize]), shape);
    const outputs = this.chunks(shape.length).map((chunk) =>
      b.arena(() => {
        const p = this.computed(this.probabilities(q, k, chunk));
        return this.widen(b.matmul(p, this.before(v, chunk)), chunk);
      }),
    );
    return { q, k, v, o: this.join(b.concat(outputs, 1), shape) };
  }

  /** From do [N, heads x headSize] (the products' type) to dqkv of the shape of qkv. */
  backward(dOutput: Tensor, { q, k, v, o }: AttentionSaved, shape: AttentionShape, rope: Rope): Tensor {
    const { backend: b, config } = this;
    const { headSize, heads, kvHeads } = config;
    const rows = shape.batch * shape.length;
    const flatRows = [shape.batch * kvHeads, shape.length * this.group, headSize];
    const dO = this.split(dOutput, shape);
    // sum_j P_ij dP_ij = dO_i . O_i, which is cheaper than summing over keys (Dao et al. 2022).
    const dots = b.sum(
      b.mul(this.f32(b.reshape(dO, flatRows)), this.f32(b.reshape(this.split(o, shape), flatRows))),
      2,
      true,
    );
    let sums: { dk: Tensor; dv: Tensor } | undefined;
    const dqs: Tensor[] = [];
    for (const chunk of this.chunks(shape.length)) {
      const part = b.arena(() => {
        const p = this.probabilities(q, k, chunk);
        const dOc = this.rows(dO, chunk);
        const dots0 = b.slice(
          dots,
          [0, chunk.begin * this.group, 0],
          [flatRows[0]!, chunk.rows * this.group, 1],
        );
        const dP = this.f32(b.matmul(dOc, this.before(v, chunk), { transposeB: true }));
        const dS = this.computed(b.mul(p, b.sub(dP, dots0)));
        const dv = this.f32(b.matmul(this.computed(p), dOc, { transposeA: true }));
        const dk = this.f32(b.matmul(dS, this.rows(q, chunk), { transposeA: true }));
        const dq = this.widen(b.matmul(dS, this.before(k, chunk)), chunk);
        return { dq, dk: this.grow(sums?.dk, dk), dv: this.grow(sums?.dv, dv) };
      });
      b.dispose({ ...sums });
      sums = { dk: part.dk, dv: part.dv };
      dqs.push(part.dq);
    }
    const dq = this.join(this.f32(b.concat(dqs, 1)), shape);
    const dqk = b.concat([dq, this.join(sums!.dk, shape)], 1);
    const dTurned = ropeBackward(b, rope, b.reshape(dqk, [rows * (heads + kvHeads), headSize]));
    const flat = b.reshape(dTurned, [rows, (heads + kvHeads) * headSize]);
    return this.computed(b.concat([flat, this.join(sums!.dv, shape)], 1));
  }

  dispose(): void {
    this.backend.dispose(this.masks);
    this.masks.clear();
  }

  /** f32 [batch x kvHeads, chunk x group, end]. */
  private probabilities(q: Tensor, k: Tensor, chunk: Chunk): Tensor {
    const { backend: b } = this;
    const scores = this.f32(b.matmul(this.rows(q, chunk), this.before(k, chunk), { transposeB: true }));
    return b.softmax(b.add(scores, this.mask(chunk)));
  }

  /** [chunk x group, end]: 0 for keys up to the query's own position, HIDDEN after it. */
  private mask({ begin, rows }: Chunk): Tensor {
    const key = `${begin} ${rows}`;
    const known = this.masks.get(key);
    if (known) return known;
    const { backend: b, group } = this;
    const end = begin + rows;
    const values = new Float32Array(rows * group * end);
    for (let row = 0; row < rows * group; row += 1)
      values.fill(HIDDEN, row * end + begin + Math.floor(row / group) + 1, (row + 1) * end);
    if (this.masks.size >= KEPT_MASKS) {
      const [oldest, unused] = this.masks.entries().next().value!;
      b.dispose(unused);
      this.masks.delete(oldest);
    }
    const mask = b.keep(b.tensor(values, [rows * group, end]));
    this.masks.set(key, mask);
    return mask;
  }

  private chunks(length: number): Chunk[] {
    return Array.from({ length: Math.ceil(length / CHUNK) }, (_, i) => ({
      begin: i * CHUNK,
      rows: Math.min(CHUNK, length - i * CHUNK),
    }));
  }

  /** The chunk's queries (or their gradients): [batch x kvHeads, chunk x group, headSize]. */
  private rows(x: Tensor, { begin, rows }: Chunk): Tensor {
    const [outer, , width] = x.shape as [number, number, number];
    return this.backend.reshape(this.backend.slice(x, [0, begin, 0], [outer, rows, width]), [
      outer,
      rows * this.group,
      this.config.headSize,
    ]);
  }

  /** Keys or values that the chunk may see. */
  private before(x: Tensor, { begin, rows }: Chunk): Tensor {
    if (begin + rows === x.shape[1]) return x;
    return this.backend.slice(x, [0, 0, 0], [x.shape[0]!, begin + rows, x.shape[2]!]);
  }

  private widen(x: Tensor, { rows }: Chunk): Tensor {
    return this.backend.reshape(x, [x.shape[0]!, rows, this.group * this.config.headSize]);
  }

  /** Adds a longer sum of key gradients to what the chunks before gave. */
  private grow(before: Tensor | undefined, x: Tensor): Tensor {
    if (!before) return x;
    const { backend: b } = this;
    const [outer, length, width] = x.shape as [number, number, number];
    const known = before.shape[1]!;
    const head = b.add(before, b.slice(x, [0, 0, 0], [outer, known, width]));
    return b.concat([head, b.slice(x, [0, known, 0], [outer, length - known, width])], 1);
  }

  /** [batch x length, kvHeads x w] -> [batch x kvHeads, length, w] */
  private split(x: Tensor, { batch, length }: AttentionShape): Tensor {
    const { backend: b, config } = this;
    const width = x.shape[1]! / config.kvHeads;
    const parted = b.transpose(b.reshape(x, [batch, length, config.kvHeads, width]), [0, 2, 1, 3]);
    return b.reshape(parted, [batch * config.kvHeads, length, width]);
  }

  /** The reverse of split. */
  private join(x: Tensor, { batch, length }: AttentionShape): Tensor {
    const { backend: b, config } = this;
    const width = x.shape[2]!;
    const parted = b.transpose(b.reshape(x, [batch, config.kvHeads, length, width]), [0, 2, 1, 3]);
    return b.reshape(parted, [batch * length, config.kvHeads * width]);
  }

  private computed(x: Tensor): Tensor {
    return x.dtype === this.compute ? x : this.backend.cast(x, this.compute as 'f32' | 'bf16');
  }
  private f32(x: Tensor): Tensor {
    return x.dtype === 'f32' ? x : this.backend.cast(x, 'f32');
  }
}

interface Chunk {
  begin: number;
  rows: number;
}
