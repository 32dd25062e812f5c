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

/** Which keys each chunk of queries sees; one for all blocks of a pass. */
export interface AttentionPlan extends AttentionShape {
  chunks: readonly Chunk[];
}

interface Chunk {
  /** Its queries. */
  begin: number;
  rows: number;
  /** The first key that any of them sees. */
  from: number;
  /** [1 or batch, 1, rows x group, keys]: 0, or HIDDEN where a query must not see. */
  mask: Tensor;
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
/** Plans without documents are kept: evaluations of many lengths must not fill the memory. */
const KEPT_PLANS = 4;

export class Attention {
  private readonly group: number;
  private readonly plans = new Map<string, AttentionPlan>();

  constructor(
    private readonly backend: Backend,
    private readonly config: ModelConfig,
    private readonly compute: DataType,
  ) {
    this.group = config.heads / config.kvHeads;
  }

  /**
   * Which keys the queries of `shape` see: those before them and, with `starts` [batch x length], none before
   * their document. Release it after use.
   */
  plan({ batch, length }: AttentionShape, starts?: Int32Array): AttentionPlan {
    const documents = starts?.some((start) => start > 0) ? starts : undefined;
    const key = `${batch} ${length}`;
    const known = documents ? undefined : this.plans.get(key);
    if (known) return known;
    const chunks = Array.from({ length: Math.ceil(length / CHUNK) }, (_, i) => {
      const begin = i * CHUNK;
      return this.chunk(begin, Math.min(CHUNK, length - begin), { batch, length }, documents);
    });
    const plan = { batch, length, chunks };
    if (documents) return plan;
    if (this.plans.size >= KEPT_PLANS) {
      const [oldest, unused] = this.plans.entries().next().value!;
      this.free(unused);
      this.plans.delete(oldest);
    }
    this.plans.set(key, plan);
    return plan;
  }

  /** Frees a plan that is not kept. */
  release(plan: AttentionPlan): void {
    if (this.plans.get(`${plan.batch} ${plan.length}`) !== plan) this.free(plan);
  }

  private free({ chunks }: AttentionPlan): void {
    for (const { mask } of chunks) this.backend.dispose(mask);
  }

  private chunk(begin: number, rows: number, shape: AttentionShape, starts?: Int32Array): Chunk {
    const { backend: b, group } = this;
    const sequences = starts ? shape.batch : 1;
    const start = (sequence: number, row: number) => starts?.[sequence * shape.length + begin + row] ?? 0;
    let from = begin;
    for (let sequence = 0; sequence < sequences; sequence += 1) from = Math.min(from, start(sequence, 0));
    const keys = begin + rows - from;
    const values = new Float32Array(sequences * rows * group * keys);
    for (let sequence = 0; sequence < sequences; sequence += 1)
      for (let row = 0; row < rows * group; row += 1) {
        const query = Math.floor(row / group);
        const at = (sequence * rows * group + row) * keys;
        values.fill(HIDDEN, at, at + start(sequence, query) - from);
        values.fill(HIDDEN, at + begin - from + query + 1, at + keys);
      }
    const mask = b.keep(b.tensor(values, [sequences, 1, rows * group, keys]));
    return { begin, rows, from, mask };
  }

  /** qkv [N, (heads + 2 kvHeads) headSize], as the joined linear gives it; `o` [N, heads x headSize]. */
  forward(qkv: Tensor, shape: AttentionPlan, rope: Rope): AttentionSaved {
    const { backend: b, config } = this;
    const { headSize, heads, kvHeads } = config;
    const rows = shape.batch * shape.length;
    const qk = b.slice(qkv, [0, 0], [rows, (heads + kvHeads) * headSize]);
    const turned = this.computed(ropeForward(b, rope, b.reshape(qk, [rows * (heads + kvHeads), headSize])));
    const flat = b.reshape(turned, [rows, (heads + kvHeads) * headSize]);
    const q = this.split(b.slice(flat, [0, 0], [rows, heads * headSize]), shape);
    const k = this.split(b.slice(flat, [0, heads * headSize], [rows, kvHeads * headSize]), shape);
    const v = this.split(b.slice(qkv, [0, (heads + kvHeads) * headSize], [rows, kvHeads * headSize]), shape);
    const outputs = shape.chunks.map((chunk) =>
      b.arena(() => {
        const p = this.computed(this.probabilities(q, k, chunk));
        return this.widen(b.matmul(p, this.seen(v, chunk)), chunk);
      }),
    );
    return { q, k, v, o: this.join(b.concat(outputs, 1), shape) };
  }

  /** From do [N, heads x headSize] (the products' type) to dqkv of the shape of qkv. */
  backward(dOutput: Tensor, { q, k, v, o }: AttentionSaved, shape: AttentionPlan, rope: Rope): Tensor {
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
    for (const chunk of shape.chunks) {
      const part = b.arena(() => {
        const p = this.probabilities(q, k, chunk);
        const dOc = this.rows(dO, chunk);
        const dots0 = b.slice(
          dots,
          [0, chunk.begin * this.group, 0],
          [flatRows[0]!, chunk.rows * this.group, 1],
        );
        const dP = this.f32(b.matmul(dOc, this.seen(v, chunk), { transposeB: true }));
        const dS = this.computed(b.mul(p, b.sub(dP, dots0)));
        const dv = this.f32(b.matmul(this.computed(p), dOc, { transposeA: true }));
        const dk = this.f32(b.matmul(dS, this.rows(q, chunk), { transposeA: true }));
        const dq = this.widen(b.matmul(dS, this.seen(k, chunk)), chunk);
        return { dq, dk: this.grow(sums?.dk, dk, chunk.from), dv: this.grow(sums?.dv, dv, chunk.from) };
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
    for (const plan of this.plans.values()) this.free(plan);
    this.plans.clear();
  }

  /** f32 [batch x kvHeads, chunk x group, keys]. */
  private probabilities(q: Tensor, k: Tensor, chunk: Chunk): Tensor {
    const { backend: b } = this;
    const scores = this.f32(b.matmul(this.rows(q, chunk), this.seen(k, chunk), { transposeB: true }));
    return b.softmax(this.hide(scores, chunk.mask));
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
  private seen(x: Tensor, { begin, rows, from }: Chunk): Tensor {
    const end = begin + rows;
    if (from === 0 && end === x.shape[1]) return x;
    return this.backend.slice(x, [0, from, 0], [x.shape[0]!, end - from, x.shape[2]!]);
  }

  private hide(scores: Tensor, mask: Tensor): Tensor {
    const { backend: b } = this;
    const [sequences, , rows, keys] = mask.shape as [number, number, number, number];
    if (sequences === 1) return b.add(scores, b.reshape(mask, [1, rows, keys]));
    const apart = b.reshape(scores, [sequences, this.config.kvHeads, rows, keys]);
    return b.reshape(b.add(apart, mask), scores.shape);
  }

  private widen(x: Tensor, { rows }: Chunk): Tensor {
    return this.backend.reshape(x, [x.shape[0]!, rows, this.group * this.config.headSize]);
  }

  /** Adds the gradients of keys `from` and on to those of the first keys, which the chunks before gave. */
  private grow(before: Tensor | undefined, x: Tensor, from: number): Tensor {
    if (!before) return x;
    const { backend: b } = this;
    const [outer, length, width] = x.shape as [number, number, number];
    const known = before.shape[1]!;
    const part = (y: Tensor, begin: number, end: number) =>
      begin < end ? [b.slice(y, [0, begin, 0], [outer, end - begin, width])] : [];
    const shared = part(before, from, known).map((old) => b.add(old, part(x, 0, known - from)[0]!));
    return b.concat([...part(before, 0, from), ...shared, ...part(x, known - from, length)], 1);
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
