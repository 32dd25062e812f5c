/** Attention as a whole, by the kernels in kernels/flash.ts. */
import type { Backend, Tensor } from '../backend.ts';
import type { AttentionDropout, AttentionPlan, Heads, WholeAttention } from '../compound.ts';
import type { Binding } from './gpu.ts';
import type { Kernel } from './kernel.ts';
import { flash, TILE_ROWS } from './kernels/flash.ts';
import { ELEMENT, type Launcher } from './launcher.ts';
import { elements, fitsByRows, type Rows } from './walk.ts';

/** A thread keeps this many components of a head in registers. */
const MAX_COMPONENTS = 256;
/** Buffers of the largest kernel, without dropout and with it. */
const MAX_BUFFERS = { plain: 8, dropout: 10 };

/** Sizes of one call. `outer`: key heads of all sequences. */
interface Sizes {
  batch: number;
  length: number;
  group: number;
  kvHeads: number;
  size: number;
}

export class FlashAttention implements WholeAttention {
  constructor(
    private readonly b: Pick<Backend, 'arena' | 'tensor'>,
    private readonly launcher: Launcher,
  ) {}

  takes(heads: Heads, plan: AttentionPlan, dropout: AttentionDropout | undefined): boolean {
    const { gpu } = this.launcher;
    const sizes = sizesOf(heads, plan);
    const { batch, length, kvHeads, size } = sizes;
    if (size > MAX_COMPONENTS || batch * kvHeads > gpu.mostWorkgroups) return false;
    if (!fitsByRows(batch, widthsOf(sizes).map(bytes), gpu.mostBound)) return false;
    if (!dropout) return gpu.mostBuffers >= MAX_BUFFERS.plain;
    const { table } = dropout.mask(length, 0);
    return gpu.mostBuffers >= MAX_BUFFERS.dropout && bytes(elements(table.shape)) <= gpu.mostBound;
  }

  /** `lines`: for each query the logarithm of the sum of its exponents, and place for the gradient's own number. */
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
    // It writes the numbers that the next one reads.
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
   * @param products that it makes for each query and key; each takes two operations for a component
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
      for (const [name, x] of Object.entries(tensors)) bindings[name] = bind(x, elements(x.shape) / batch);
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
      for (const { firstTile, firstHead, tiles, heads } of cut(
        all,
        count * kvHeads,
        launcher.gpu.mostOperations / eachTile,
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

  /** The table of all masks, and of each chunk where in it its mask begins, and its first key. */
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

/** The tiles of all heads in dispatches of at most `most` tiles, or one: whole heads if they are so small. */
function* cut(tiles: number, heads: number, most: number) {
  const highest = Math.max(1, Math.min(heads, Math.floor(most / tiles)));
  const widest = Math.max(1, Math.min(tiles, Math.floor(most)));
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

/** Elements that each of the tensors has of a sequence. */
const widthsOf = ({ length, group, kvHeads, size }: Sizes): number[] => [
  kvHeads * length * group * size,
  kvHeads * length * size,
  kvHeads * length * group * 2,
  length,
];

const bytes = (count: number) => count * ELEMENT;
