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

/** Rows of the head that such a loss takes, for a number of used tokens. */
export const lossRows = (used: number, vocabularySize: number): number =>
  used + Math.ceil((vocabularySize - used) / STRIDE);

export class LossHead {
  /** [vocabulary]: a token's place in `used`, or -1. */
  private readonly placeOf: Int32Array;
  private readonly others: Int32Array;

  /** `used` without repetitions. */
  constructor(
    private readonly head: FrozenHead,
    private readonly used: Int32Array,
  ) {
    this.placeOf = new Int32Array(head.vocabularySize).fill(-1);
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
    const { backend: b, parameters, compute } = this.head;
    const { used, placeOf } = this;
    const extraLabels = new Map<number, number>();
    const places = labels.map((label, at) => {
      const known = weights[at] === 0 ? 0 : placeOf[label]!;
      if (known >= 0) return known;
      if (!extraLabels.has(label)) extraLabels.set(label, used.length + extraLabels.size);
      return extraLabels.get(label)!;
    });
    const sample = this.others.filter(
      (token, at) => at % STRIDE === draw % STRIDE && !extraLabels.has(token),
    );
    const tokens = Int32Array.from([...used, ...extraLabels.keys(), ...sample]);
    const size = tokens.length;
    const weight = { rows: (indices: Int32Array) => this.rowsOf(indices.map((index) => tokens[index]!)) };
    const bias = b.tensor(new Float32Array(size).fill(Math.log(STRIDE), size - sample.length), [size]);
    const head = new Head(b, parameters, compute, weight, size, bias);
    const result = await head.lossAndGradient(h, places, weights);
    b.dispose(bias);
    return result;
  }

  private rowsOf(tokens: Int32Array): Tensor {
    const { backend: b, weight } = this.head;
    return weight instanceof StoredWeight
      ? weight.rows(tokens)
      : b.gather(weight, b.tensor(tokens, [tokens.length]));
  }
}
