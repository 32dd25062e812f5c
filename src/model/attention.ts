/**
 * Causal grouped-query attention: fused if the backend supports it, else in chunks of queries. A query attends only to
 * keys of its document up to its own position. Probabilities are recomputed in the backward pass, so memory grows with
 * the length and not with its square.
 *
 * Internally, queries are [batch x kvHeads, length, group x headSize]: the rows of a chunk are adjacent, so that a
 * reshape to [.., rows x group, headSize] multiplies all heads that share a key head at once.
 */
import { elementCount } from '../gguf/types.ts';
import type { Backend, Tensor } from '../tensor/backend.ts';
import type {
  Angles,
  AttentionDropout,
  AttentionPlan,
  HeadLayout,
  Heads,
  QueryChunk,
} from '../tensor/compound.ts';
import { joinByHead, splitByHead } from '../tensor/forms.ts';
import type { ModelConfig } from './config.ts';

/** What the backward pass needs. */
export interface AttentionSaved {
  /** [batch x kvHeads, length, group x headSize]; k and v [batch x kvHeads, length, headSize]. */
  q: Tensor;
  k: Tensor;
  v: Tensor;
  /** The output, [batch x length, heads x headSize]. */
  o: Tensor;
  /** Row statistics of fused attention, if the backend has it. */
  lines?: Tensor;
}

/** Queries per chunk. */
export const ATTENTION_CHUNK = 128;

export class Attention {
  private readonly group: number;

  constructor(
    private readonly backend: Backend,
    private readonly config: ModelConfig,
  ) {
    this.group = config.heads / config.kvHeads;
  }

  /**
   * Which keys the queries of `batch` sequences attend to: those up to their own position; with `starts`
   * [batch x length], only within their document; with `window`, only that many. Dispose the chunks after use.
   */
  plan(batch: number, length: number, starts?: Int32Array, window = Infinity): AttentionPlan {
    const firsts = window < length ? windowed(batch, length, starts, window) : starts;
    const documents = firsts?.some((start) => start > 0) ? firsts : undefined;
    const shared = documents && this.backend.keep(this.backend.tensor(documents.slice(), [batch * length]));
    const chunks = Array.from({ length: Math.ceil(length / ATTENTION_CHUNK) }, (_, i): QueryChunk => {
      const begin = i * ATTENTION_CHUNK;
      const first = (row: number) => documents?.[row * length + begin] ?? 0;
      return {
        length,
        begin,
        rows: Math.min(ATTENTION_CHUNK, length - begin),
        from: Math.min(...Array.from({ length: batch }, (_, row) => first(row))),
        group: this.group,
        kvHeads: this.config.kvHeads,
        starts: shared,
      };
    });
    return { batch, length, chunks };
  }

  /** qkv [N, (heads + 2 kvHeads) headSize] -> `o` [N, heads x headSize]. */
  forward(qkv: Tensor, plan: AttentionPlan, angles: Angles, dropout?: AttentionDropout): AttentionSaved {
    const { backend: b } = this;
    const heads = b.compound.splitHeads(qkv, angles, this.layout(plan));
    const { attention } = b.compound;
    if (attention?.supports(heads, plan, dropout))
      return { ...heads, ...attention.forward(heads, plan, dropout) };
    const { q, k, v } = heads;
    const outputs = plan.chunks.map((chunk) =>
      b.arena(() => {
        const p = this.dropped(this.probabilities(q, k, chunk), chunk, dropout);
        // [batch x kvHeads, rows, group x headSize]
        return this.widen(b.matmul(p, this.visible(v, chunk)), chunk);
      }),
    );
    return { q, k, v, o: joinByHead(b, b.concat(outputs, 1), this.layout(plan)) };
  }

  /** do [N, heads x headSize] -> dqkv, in the shape of qkv. */
  backward(
    dOutput: Tensor,
    { lines, ...saved }: AttentionSaved,
    plan: AttentionPlan,
    angles: Angles,
    dropout?: AttentionDropout,
  ): Tensor {
    const { compound: c } = this.backend;
    const { dq, dk, dv } = lines
      ? c.attention!.gradient(dOutput, { ...saved, lines }, plan, dropout)
      : this.gradientByChunks(dOutput, saved, plan, dropout);
    return c.joinHeads(dq, dk, dv, angles, this.layout(plan));
  }

  private gradientByChunks(
    dOutput: Tensor,
    { q, k, v }: Heads,
    plan: AttentionPlan,
    dropout?: AttentionDropout,
  ): { dq: Tensor; dk: Tensor; dv: Tensor } {
    const { backend: b } = this;
    const dO = splitByHead(b, dOutput, this.layout(plan));
    let sums = { dk: b.zeros(k.shape), dv: b.zeros(v.shape) };
    const dqs = plan.chunks.map((chunk) => {
      const part = b.arena(() => {
        const p = this.probabilities(q, k, chunk);
        const dOc = this.rows(dO, chunk);
        // dv and dk [batch x kvHeads, keys, headSize]; dP and dS [batch x kvHeads, rows x group, keys]
        const dv = b.matmul(this.dropped(p, chunk, dropout), dOc, { transposeA: true });
        const dP = this.dropped(b.matmul(dOc, this.visible(v, chunk), { transposeB: true }), chunk, dropout);
        const dS = b.compound.softmaxGradient(p, dP);
        const dk = b.matmul(dS, this.rows(q, chunk), { transposeA: true });
        return {
          dq: this.widen(b.matmul(dS, this.visible(k, chunk)), chunk),
          dk: b.compound.addKeys(sums.dk, dk, chunk),
          dv: b.compound.addKeys(sums.dv, dv, chunk),
        };
      });
      sums = { dk: part.dk, dv: part.dv };
      return part.dq;
    });
    return { dq: b.concat(dqs, 1), ...sums };
  }

  /** [batch x kvHeads, rows x group, keys] */
  private probabilities(q: Tensor, k: Tensor, chunk: QueryChunk): Tensor {
    const { backend: b } = this;
    const scores = b.matmul(this.rows(q, chunk), this.visible(k, chunk), { transposeB: true });
    return b.compound.maskedSoftmax(scores, chunk);
  }

  private dropped(p: Tensor, chunk: QueryChunk, dropout: AttentionDropout | undefined): Tensor {
    if (!dropout) return p;
    const { backend: b } = this;
    const mask = dropout.mask(elementCount(p.shape), chunk.begin);
    return b.mul(b.compound.multiply(p, mask), 1 / dropout.keepRate);
  }

  private layout({ length }: AttentionPlan): HeadLayout {
    const { heads, kvHeads, headSize, ropePairing: pairing } = this.config;
    return { length, heads, kvHeads, headSize, pairing };
  }

  /** The chunk's queries (or their gradients): [batch x kvHeads, rows x group, headSize]. */
  private rows(x: Tensor, { begin, rows }: QueryChunk): Tensor {
    const [outer, , width] = x.shape as [number, number, number];
    return this.backend.reshape(this.backend.slice(x, [0, begin, 0], [outer, rows, width]), [
      outer,
      rows * this.group,
      this.config.headSize,
    ]);
  }

  /** The chunk's unmasked keys or values: [batch x kvHeads, keys, headSize]. */
  private visible(x: Tensor, { begin, rows, from }: QueryChunk): Tensor {
    const end = begin + rows;
    if (from === 0 && end === x.shape[1]) return x;
    return this.backend.slice(x, [0, from, 0], [x.shape[0]!, end - from, x.shape[2]!]);
  }

  /** [.., rows x group, headSize] -> [.., rows, group x headSize] */
  private widen(x: Tensor, { rows }: QueryChunk): Tensor {
    return this.backend.reshape(x, [x.shape[0]!, rows, this.group * this.config.headSize]);
  }
}

/** [batch x length]: the first key of each query's window, and of its document. */
function windowed(batch: number, length: number, starts: Int32Array | undefined, window: number): Int32Array {
  return Int32Array.from({ length: batch * length }, (_, i) =>
    Math.max(starts?.[i] ?? 0, (i % length) - window + 1),
  );
}
