/**
 * Fused attention with the kernels in kernels/flash.ts. Larger heads, and sequences larger than a kernel can access,
 * are computed in chunks of basic operations (model/attention.ts).
 */
import { elementCount } from '../../gguf/types.ts';
import type { Backend, Tensor } from '../backend.ts';
import type { AttentionDropout, AttentionPlan, Heads, FusedAttention } from '../compound.ts';
import type { Binding } from './gpu.ts';
import type { Kernel } from './kernel.ts';
import { flash, TILE_ROWS } from './kernels/flash.ts';
import { ELEMENT, type Launcher } from './launcher.ts';
import { fitsByRows, type Rows } from './walk.ts';

/** Largest head size: the components that a thread keeps in registers. */
const MAX_COMPONENTS = 256;
/** Buffers bound by the largest kernel, without and with dropout. */
const MAX_BUFFERS = { plain: 8, dropout: 10 };

/** Sizes of one call. `outer`: number of key heads in all sequences. */
interface Sizes {
  batch: number;
  length: number;
  group: number;
  kvHeads: number;
  size: number;
}

export class FlashAttention implements FusedAttention {
  constructor(
    private readonly b: Pick<Backend, 'arena' | 'tensor'>,
    private readonly launcher: Launcher,
  ) {}

  supports(heads: Heads, plan: AttentionPlan, dropout: AttentionDropout | undefined): boolean {
    const { gpu } = this.launcher;
    const sizes = sizesOf(heads, plan);
    const { batch, length, kvHeads, size } = sizes;
    if (size > MAX_COMPONENTS || batch * kvHeads > gpu.maxWorkgroups) return false;
    if (!fitsByRows(batch, widthsOf(sizes).map(bytes), gpu.maxBindingSize)) return false;
    if (!dropout) return gpu.maxBuffers >= MAX_BUFFERS.plain;
    const { table } = dropout.mask(length, 0);
    return gpu.maxBuffers >= MAX_BUFFERS.dropout && bytes(elementCount(table.shape)) <= gpu.maxBindingSize;
  }

  /** `lines`: for each query its log-sum-exp, and space for the delta that the gradient computes. */
  forward(heads: Heads, plan: AttentionPlan, dropout?: AttentionDropout): { o: Tensor; lines: Tensor } {
    const { launcher } = this;
    const sizes = sizesOf(heads, plan);
    const { batch, length, group, kvHeads, size } = sizes;
    const o = launcher.fresh([batch * length, kvHeads * group * size]);
    const lines = launcher.fresh([batch * kvHeads, length * group, 2]);
    const kernel = flash.forward(size, dropout !== undefined);
    const call = { sizes, plan, dropout, rows: length * group, products: 2 };
    this.launch(kernel, { ...heads, o, lines }, call);
    return { o, lines };
  }

  gradient(
    dO: Tensor,
    { q, k, v, o, lines }: Heads & { o: Tensor; lines: Tensor },
    plan: AttentionPlan,
    dropout?: AttentionDropout,
  ): { dq: Tensor; dk: Tensor; dv: Tensor } {
    const { launcher } = this;
    const sizes = sizesOf({ q, k, v }, plan);
    const { length, group, size } = sizes;
    const [dq, dk, dv] = [launcher.fresh(q.shape), launcher.fresh(k.shape), launcher.fresh(v.shape)];
    const call = { sizes, plan, dropout };
    const drops = dropout !== undefined;
    // Writes the deltas that the next kernel reads.
    this.launch(
      flash.queryGradient(size, drops),
      { q, k, v, dO, o, lines, dq },
      { ...call, rows: length * group, products: 3 },
    );
    const tensors = { q, k, v, dO, lines, dk, dv };
    this.launch(flash.keyGradient(size, drops), tensors, { ...call, rows: length, products: 4 });
    return { dq, dk, dv };
  }

  /**
   * Runs a kernel with a workgroup for each tile of `rows` rows of each key head.
   * @param products dot products per query and key, each with two operations per component
   */
  private launch(
    kernel: Kernel,
    tensors: Record<string, Tensor>,
    {
      sizes,
      plan,
      dropout,
      rows,
      products,
    }: {
      sizes: Sizes;
      plan: AttentionPlan;
      dropout: AttentionDropout | undefined;
      rows: number;
      products: number;
    },
  ): void {
    const { launcher, b } = this;
    const { batch, length, group, kvHeads, size } = sizes;
    const { starts } = plan.chunks[0]!;
    const run = (
      { begin, count }: Rows,
      bind: (x: Tensor, width: number) => Binding,
      masks: Record<string, Binding>,
    ) => {
      const bindings: Record<string, Binding> = { ...masks };
      for (const [name, x] of Object.entries(tensors))
        bindings[name] = bind(x, elementCount(x.shape) / batch);
      bindings['starts'] = starts ? bind(starts, length) : launcher.gpu.nothing;
      const numbers = {
        length,
        queries: length * group,
        group,
        kvHeads,
        documents: Number(starts !== undefined),
        chunk: plan.chunks[0]!.rows,
        factor: 1 / (dropout?.keepRate ?? 1),
        above: begin * kvHeads,
      };
      const all = Math.ceil(rows / TILE_ROWS);
      const eachTile = (2 * products * group * length * length * size) / all;
      for (const { firstTile, firstHead, tiles, heads } of splitTiles(
        all,
        count * kvHeads,
        launcher.gpu.maxOperations / eachTile,
      ))
        launcher.gpu.run(
          kernel,
          bindings,
          { ...numbers, firstTile, firstHead },
          [tiles, heads],
          tiles * heads * eachTile,
        );
    };
    b.arena(() => {
      const masks = dropout ? this.masks(sizes, plan, dropout) : {};
      launcher.byRows(batch, widthsOf(sizes), (piece, bind) => run(piece, bind, masks));
    });
  }

  /** The table of all masks, and for each chunk its mask's offset in it and its first key. */
  private masks({ batch, kvHeads }: Sizes, { chunks }: AttentionPlan, dropout: AttentionDropout) {
    const masks = chunks.map(({ begin, rows, from, group }) =>
      dropout.mask(batch * kvHeads * rows * group * (begin + rows - from), begin),
    );
    const begins = Int32Array.from(chunks.flatMap(({ from }, i) => [masks[i]!.begin, from]));
    return {
      mask: this.launcher.whole(masks[0]!.table),
      begins: this.launcher.whole(this.b.tensor(begins, [begins.length])),
    };
  }
}

/** Splits the tiles of all heads into dispatches of at most `max` tiles, in whole heads where these fit. */
function* splitTiles(tiles: number, heads: number, max: number) {
  const highest = Math.max(1, Math.min(heads, Math.floor(max / tiles)));
  const widest = Math.max(1, Math.min(tiles, Math.floor(max)));
  for (let firstHead = 0; firstHead < heads; firstHead += highest)
    for (let firstTile = 0; firstTile < tiles; firstTile += widest)
      yield {
        firstTile,
        firstHead,
        tiles: Math.min(widest, tiles - firstTile),
        heads: Math.min(highest, heads - firstHead),
      };
}

function sizesOf({ k }: Heads, { batch, length, chunks }: AttentionPlan): Sizes {
  const { group, kvHeads } = chunks[0]!;
  return { batch, length, group, kvHeads, size: k.shape[2]! };
}

/** Elements per sequence of each tensor. */
const widthsOf = ({ length, group, kvHeads, size }: Sizes): number[] => [
  kvHeads * length * group * size,
  kvHeads * length * size,
  kvHeads * length * group * 2,
  length,
];

const bytes = (count: number) => count * ELEMENT;
