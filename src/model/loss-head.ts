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
export const STRIDE = 16;

export class LossHead {
  /** [vocabulary]: a token's place in `used`, or -1. */
  private readonly placeOf: Int32Array;
  private readonly others: Int32Array;

  /** `used` without repetitions. */
  constructor(
    private readonly whole: FrozenHead,
    private readonly used: Int32Array,
  ) {
    this.placeOf = new Int32Array(whole.vocabularySize).fill(-1);
    used.forEach((token, place) => (this.placeOf[token] = place));
    this.others = Int32Array.from(this.placeOf.keys()).filter((token) => this.placeOf[token] === -1);
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
    const further = new Map<number, number>();
    const places = labels.map((label, at) => {
      const known = weights[at] === 0 ? 0 : this.placeOf[label]!;
      if (known >= 0) return known;
      if (!further.has(label)) further.set(label, this.used.length + further.size);
      return further.get(label)!;
    });
    const sampled = this.others.filter((token, at) => at % STRIDE === draw % STRIDE && !further.has(token));
    const tokens = Int32Array.from([...this.used, ...further.keys(), ...sampled]);
    const size = tokens.length;
    const matrix = this.rowsOf(tokens);
    const bias = b.tensor(new Float32Array(size).fill(Math.log(STRIDE), size - sampled.length), [size]);
    const head = new Head(b, parameters, compute, matrix, size, bias);
    const found = await head.lossAndGradient(h, places, weights);
    b.dispose(matrix, bias);
    return found;
  }

  private rowsOf(tokens: Int32Array): Tensor {
    const { backend: b, weight } = this.whole;
    if (weight instanceof StoredWeight) return weight.rows(tokens);
    return b.arena(() => b.gather(weight, b.tensor(tokens, [tokens.length])));
  }
}
