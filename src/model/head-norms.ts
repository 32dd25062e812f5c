import type { Backend, Tensor } from '../tensor/backend.ts';
import { cast } from '../tensor/forms.ts';
import type { ModelConfig } from './config.ts';
import type { Norm } from './norm.ts';

/** What the backward pass needs: q and k before their norms, in the products' type, and 1 / rms of each. */
export interface HeadNormsSaved {
  /** [N, heads x headSize], and [N, kvHeads x headSize] */
  q: Tensor;
  k: Tensor;
  /** [N x heads, 1], and [N x kvHeads, 1] */
  inverseQ: Tensor;
  inverseK: Tensor;
}

/** Norms of each query and key head before RoPE (QK-norm); all heads share a gain [headSize]. */
export class HeadNorms {
  constructor(
    private readonly backend: Backend,
    private readonly config: Pick<ModelConfig, 'heads' | 'kvHeads' | 'headSize'>,
    private readonly norms: { q: Norm; k: Norm },
  ) {}

  /** qkv [N, (heads + 2 kvHeads) headSize] -> the same with q and k normalised. */
  forward(qkv: Tensor): { y: Tensor; saved: HeadNormsSaved } {
    const { backend: b, norms } = this;
    return b.arena(() => {
      const { q, k, v } = this.parts(qkv);
      const { y: normedQ, inverse: inverseQ } = norms.q.forward(this.heads(q));
      const { y: normedK, inverse: inverseK } = norms.k.forward(this.heads(k));
      const y = b.concat([b.reshape(normedQ, q.shape), b.reshape(normedK, k.shape), v], 1);
      return { y, saved: { q, k, inverseQ, inverseK } };
    });
  }

  /** dy -> dqkv, both in the shape and type of qkv; adds to the gains' gradients. */
  backward(dy: Tensor, { q, k, inverseQ, inverseK }: HeadNormsSaved): Tensor {
    const { backend: b, norms } = this;
    return b.arena(() => {
      const d = this.parts(dy);
      const through = (norm: Norm, dPart: Tensor, x: Tensor, inverse: Tensor) => {
        const apart = b.reshape(dPart, [-1, this.config.headSize]);
        const dx = b.reshape(norm.backward(apart, this.heads(x), inverse), x.shape);
        return cast(b, dx, dy.dtype);
      };
      return b.concat([through(norms.q, d.q, q, inverseQ), through(norms.k, d.k, k, inverseK), d.v], 1);
    });
  }

  private parts(qkv: Tensor): { q: Tensor; k: Tensor; v: Tensor } {
    const { heads, kvHeads, headSize } = this.config;
    const part = (from: number, count: number) =>
      this.backend.slice(qkv, [0, from * headSize], [qkv.shape[0]!, count * headSize]);
    return { q: part(0, heads), k: part(heads, kvHeads), v: part(heads + kvHeads, kvHeads) };
  }

  /** [N, count x headSize] -> [N x count, headSize] f32 */
  private heads(x: Tensor): Tensor {
    const { backend: b } = this;
    return cast(b, b.reshape(x, [-1, this.config.headSize]), 'f32');
  }
}
