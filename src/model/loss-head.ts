/**
 * The head of a LoRA's training loss: softmax over the tokens that the text uses, and a sample of all others that stands
 * for them, instead of the whole vocabulary. A repository uses a tenth of Qwen's 152,000 tokens, and the head takes a
 * quarter of a step. What is measured uses the whole head.
 */
import type { Backend, DataType, Tensor } from '../tensor/backend.ts';
import { Head } from './head.ts';
import type { Parameters } from './parameters.ts';
import { StoredWeight } from './stored-weight.ts';

export interface FrozenHead {
  backend: Backend;
  parameters: Parameters;
  compute: DataType;
  /** [vocabulary, width] */
  weight: Tensor | StoredWeight;
  vocabularySize: number;
}

/** One other token in this many is drawn for each pass. */
const STRIDE = 16;

export class LossHead {
  /** [used, width] */
  private readonly matrix: Tensor;
  /** [vocabulary]: a token's row in `matrix`, or -1. */
  private readonly rowOf: Int32Array;
  private readonly others: Int32Array;

  /** `used` without repetitions. */
  constructor(
    private readonly whole: FrozenHead,
    private readonly used: Int32Array,
  ) {
    const { backend, vocabularySize } = whole;
    this.matrix = backend.keep(backend.arena(() => this.rowsOf(used.slice())));
    this.rowOf = new Int32Array(vocabularySize).fill(-1);
    used.forEach((token, row) => (this.rowOf[token] = row));
    this.others = Int32Array.from(this.rowOf.keys()).filter((token) => this.rowOf[token] === -1);
  }

  /**
   * Like Head's, among the used tokens, the labels, and a sample of the others that `draw` chooses. A sampled token
   * counts STRIDE times (its logit is raised by the logarithm), so that the sum of exponentials is the whole
   * vocabulary's on average. Where a weight is 0, neither the label nor the loss that is returned matters.
   */
  async lossAndGradient(
    h: Tensor,
    labels: Int32Array,
    weights: Float32Array,
    draw: number,
  ): Promise<{ losses: Tensor; dh: Tensor | undefined }> {
    const { backend: b, parameters, compute } = this.whole;
    const count = this.used.length;
    const further = new Map<number, number>();
    const rows = labels.map((label, at) => {
      const known = weights[at] === 0 ? 0 : this.rowOf[label]!;
      if (known >= 0) return known;
      if (!further.has(label)) further.set(label, count + further.size);
      return further.get(label)!;
    });
    const sampled = this.others.filter((token, at) => at % STRIDE === draw % STRIDE && !further.has(token));
    const own = count + further.size;
    const size = own + sampled.length;
    const [matrix, bias] = b.arena(() => [
      b.concat([this.matrix, this.rowsOf(Int32Array.of(...further.keys(), ...sampled))], 0),
      b.tensor(new Float32Array(size).fill(Math.log(STRIDE), own), [size]),
    ]);
    const found = await new Head(b, parameters, compute, matrix, size, bias).lossAndGradient(
      h,
      rows,
      weights,
    );
    b.dispose(matrix, bias);
    return found;
  }

  private rowsOf(tokens: Int32Array): Tensor {
    const { backend: b, weight } = this.whole;
    return weight instanceof StoredWeight
      ? weight.rows(tokens)
      : b.gather(weight, b.tensor(tokens, [tokens.length]));
  }

  dispose(): void {
    this.whole.backend.dispose(this.matrix);
  }
}
