/** The whole model: embedding, blocks, last norm, head. */
import type { Backend, DataType, Tensor } from '../tensor/backend.ts';
import { ATTENTION_CHUNK, type Attention } from './attention.ts';
import type { Block, BlockSaved, Pass, PassDropout } from './block.ts';
import { cast, scaled } from '../tensor/forms.ts';
import type { ModelConfig } from './config.ts';
import type { DropoutNoise } from './dropout.ts';
import { mix } from '../statistics/random.ts';
import { sum } from '../statistics/statistics.ts';
import { yieldToEventLoop, type Head } from './head.ts';
import {
  isSlot,
  type Batch,
  type LossOptions,
  type Predictions,
  type Parameter,
  type Slot,
  type TrainableModel,
} from './model.ts';
import type { LossHead } from './loss-head.ts';
import type { Norm } from './norm.ts';
import type { Parameters } from './parameters.ts';
import { StoredWeight } from './stored-weight.ts';
import { chunksOf, Views } from './views.ts';

interface Parts {
  backend: Backend;
  config: ModelConfig;
  compute: DataType;
  /** Large products round their operands to f16. */
  half: boolean;
  parameters: Parameters;
  /** [vocabulary, width] */
  embedding: Tensor | StoredWeight | Slot;
  blocks: Block[];
  attention: Attention;
  outputNorm: Norm;
  head: Head;
  /** Computes the training loss instead, if it is not over the whole vocabulary. */
  lossHead: LossHead | undefined;
  /** Dropout on LoRA's input, if any. */
  dropout: { noise: DropoutNoise; keepRate: number } | undefined;
  /** Dropout on attention probabilities, if any. */
  attentionDropout: { noise: DropoutNoise; keepRate: number } | undefined;
  /**
   * Activation checkpointing: blocks run again in the backward pass instead of saving their activations. They also
   * cache no copies of trained weights in the products' type.
   */
  recompute: boolean;
  /** Frozen tensors and stored matrices, freed with the model. */
  frozen: (Tensor | StoredWeight)[];
  method: 'lora' | 'full' | 'none';
}

export class Llama implements TrainableModel {
  readonly backend: Backend;
  readonly config: ModelConfig;
  private readonly views: Views;
  private leftF16 = false;
  private disposed = false;

  constructor(private readonly parts: Parts) {
    this.backend = parts.backend;
    this.config = parts.config;
    this.views = new Views(parts.backend, parts.config, parts.attention);
  }

  get parameters(): Parameter[] {
    return this.parts.parameters.list;
  }
  get parameterCount(): number {
    return this.parts.parameters.count;
  }
  get slots(): readonly Slot[] {
    return this.parts.parameters.slots;
  }

  async accumulate(
    batch: Batch,
    { seed, lossWeight, signal }: { seed: [number, number]; lossWeight: number; signal?: AbortSignal },
  ): Promise<{ lossSum: number; tokens: number }> {
    const { backend: b } = this;
    const { inputs, labels } = shifted(batch);
    this.checkTokens(batch.tokens);
    this.choosePrecision();
    const views = this.views.of(batch.rows, batch.length, batch.starts);
    const pass: Pass = { views, adapted: true, dropout: this.dropout(seed, batch) };
    const weights = Float32Array.from(labels, (_, i) => (batch.learned?.[i] === 0 ? 0 : lossWeight));
    const losses = await this.backward(await this.forward(inputs, pass, signal), {
      inputs,
      labels,
      weights,
      pass,
      seed,
      signal,
    });
    // Read at the very end: on a GPU, reading waits for all pending work.
    const values = await b.read(losses);
    b.dispose(losses, chunksOf(views));
    return summed(values, batch.learned);
  }

  /** The last norm's input [N, width], and what the blocks saved (with `recompute`, only their inputs). */
  private async forward(inputs: Int32Array, pass: Pass, signal: AbortSignal | undefined): Promise<Forward> {
    const { backend: b, parts } = this;
    const saved: (BlockSaved | Tensor)[] = [];
    let x = this.embed(inputs);
    for (const block of parts.blocks) {
      const input = x;
      if (parts.recompute) {
        x = b.arena(() => block.forward(input, pass).y);
        block.forget();
        saved.push(input);
      } else {
        const result = block.forward(input, pass);
        saved.push(result.saved);
        x = result.y;
      }
      await yieldToEventLoop();
      signal?.throwIfAborted();
    }
    return { saved, x };
  }

  /** Frees what the forward pass left. Returns the loss of each prediction [N]. */
  private async backward(
    { saved, x }: Forward,
    {
      inputs,
      labels,
      weights,
      pass,
      seed,
      signal,
    }: {
      inputs: Int32Array;
      labels: Int32Array;
      weights: Float32Array;
      pass: Pass;
      seed: [number, number];
      signal: AbortSignal | undefined;
    },
  ): Promise<Tensor> {
    const { backend: b, parts } = this;
    const { y: h, inverse } = this.last(x);
    const { losses, dh } = await (parts.lossHead?.lossAndGradient(h, labels, weights, mix(...seed)) ??
      parts.head.lossAndGradient(h, labels, weights));
    let dx = b.arena(() => parts.outputNorm.backward(scaled(b, dh!, this.config.scales.logits), x, inverse));
    b.dispose(x, h, inverse, dh);
    for (const block of [...parts.blocks].reverse()) {
      const [predictingStates, kept] = [dx, saved.pop()!];
      dx = b.arena(() =>
        block.backward(predictingStates, isTensor(kept) ? block.forward(kept, pass).saved : kept, pass),
      );
      b.dispose(predictingStates, kept);
      if (parts.recompute) block.forget();
      await yieldToEventLoop();
      signal?.throwIfAborted();
    }
    if (isSlot(parts.embedding)) this.embeddingGradient(parts.embedding, dx, inputs);
    b.dispose(dx);
    return losses;
  }

  async gradientNorm(): Promise<number> {
    const { backend: b } = this;
    const gradients = this.slots.flatMap(({ gradient }) => gradient ?? []);
    if (!gradients.length) return 0;
    const squares = b.arena(
      () =>
        b.compound.sumsOfSquares?.(gradients) ??
        b.concat(
          gradients.map((gradient) => b.reshape(b.sumOfSquares(gradient), [1])),
          0,
        ),
    );
    const values = await b.read(squares);
    b.dispose(squares);
    return Math.sqrt(sum(values));
  }

  zeroGradients(): void {
    this.parts.parameters.zeroGradients();
  }

  async tokenLosses(
    tokens: Int32Array,
    { base = false, starts, last = tokens.length - 1 }: LossOptions & { base?: boolean } = {},
  ): Promise<Float32Array> {
    const counted = await this.before(tokens, last, !base, starts);
    const values = await this.lossesAfter(counted, tokens);
    this.backend.dispose(counted);
    return values;
  }

  async predictions(
    tokens: Int32Array,
    { base = false, last }: { base?: boolean; last: number },
  ): Promise<Predictions> {
    const counted = await this.before(tokens, last, !base);
    const losses = await this.lossesAfter(counted, tokens);
    const mostLikely = await this.parts.head.mostLikely(counted);
    this.backend.dispose(counted);
    return { losses, mostLikely };
  }

  /** The last norm's output [last, width] from which the `last` tokens are predicted. */
  private async before(
    tokens: Int32Array,
    last: number,
    adapted: boolean,
    starts?: Int32Array,
  ): Promise<Tensor> {
    this.checkTokens(tokens);
    const { backend: b } = this;
    const h = await this.hidden(tokens.subarray(0, -1), adapted, starts);
    const [rows, width] = h.shape as [number, number];
    const counted = b.slice(h, [rows - last, 0], [last, width]);
    b.dispose(h);
    return counted;
  }

  private async lossesAfter(counted: Tensor, tokens: Int32Array): Promise<Float32Array> {
    const { losses } = await this.parts.head.lossAndGradient(counted, tokens.slice(-counted.shape[0]!));
    const values = await this.backend.read(losses);
    this.backend.dispose(losses);
    return values;
  }

  async probabilities(tokens: Int32Array, base = false): Promise<Float32Array[]> {
    const h = await this.hidden(tokens, !base);
    try {
      return await this.parts.head.probabilities(h);
    } finally {
      this.backend.dispose(h);
    }
  }

  async tokenKl(tokens: Int32Array): Promise<Float32Array> {
    if (this.parts.method === 'full')
      throw new Error('A fully fine-tuned model no longer holds its base: compare two models.');
    const base = await this.hidden(tokens, false);
    const tuned = await this.hidden(tokens, true);
    try {
      return await this.parts.head.divergence(base, this.parts.head, tuned);
    } finally {
      this.backend.dispose(base, tuned);
    }
  }

  /** The last norm's output for each token [T, width]: together with the head, all that klFrom needs of a model. */
  async states(tokens: Int32Array): Promise<Float32Array> {
    const h = await this.hidden(tokens, true);
    try {
      return await this.backend.read(h);
    } finally {
      this.backend.dispose(h);
    }
  }

  /**
   * KL(other || this) after each token [T], in nats. The other model is given by its `states` [T, width] and head; both
   * must be on the same backend and in the same precision.
   */
  async klFrom({ head }: { head: Head }, states: Float32Array, tokens: Int32Array): Promise<Float32Array> {
    const { backend: b, parts } = this;
    const from = b.keep(
      b.arena(() => {
        const f32 = b.tensor(states.slice(), [tokens.length, this.config.width]);
        return parts.compute === 'bf16' ? b.cast(f32, 'bf16') : f32;
      }),
    );
    const to = await this.hidden(tokens, true);
    try {
      return await head.divergence(from, parts.head, to);
    } finally {
      b.dispose(from, to);
    }
  }

  read(name: string): Promise<Float32Array> {
    return this.parts.parameters.read(name);
  }
  write(name: string, values: Float32Array): void {
    this.parts.parameters.write(name, values);
  }
  replace(slot: Slot, value: Tensor): void {
    this.parts.parameters.replace(slot, value);
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    const { backend, parts } = this;
    for (const block of parts.blocks) block.forget();
    parts.head.forget();
    parts.dropout?.noise.dispose();
    parts.attentionDropout?.noise.dispose();
    parts.parameters.dispose();
    this.views.dispose();
    for (const parameter of parts.frozen)
      if (parameter instanceof StoredWeight) parameter.dispose();
      else backend.dispose(parameter);
  }

  /** The last norm's output for one sequence, without dropout: [T, width] in the products' type. */
  private async hidden(tokens: Int32Array, adapted: boolean, starts?: Int32Array): Promise<Tensor> {
    const { backend: b, parts } = this;
    this.checkTokens(tokens);
    this.choosePrecision();
    const views = this.views.of(1, tokens.length, starts);
    const pass: Pass = { views, adapted };
    let x = this.embed(tokens);
    for (const block of parts.blocks) {
      const before = x;
      x = b.arena(() => block.forward(before, pass).y);
      b.dispose(before);
      await yieldToEventLoop();
    }
    const { y, inverse } = this.last(x);
    b.dispose(x, inverse, chunksOf(views));
    return y;
  }

  /** The last norm's output, including the logit scale, and the norm's inverse. */
  private last(x: Tensor): { y: Tensor; inverse: Tensor } {
    const { backend: b } = this;
    return b.arena(() => {
      const { y, inverse } = this.parts.outputNorm.forward(x);
      return { y: scaled(b, y, this.config.scales.logits), inverse };
    });
  }

  /** [T, width] f32 */
  private embed(tokens: Int32Array): Tensor {
    const { backend: b } = this;
    const { embedding } = this.parts;
    return b.arena(() => {
      const rows =
        embedding instanceof StoredWeight
          ? embedding.rows(tokens.slice())
          : b.gather(
              isSlot(embedding) ? embedding.value : embedding,
              b.tensor(tokens.slice(), [tokens.length]),
            );
      return scaled(b, cast(b, rows, 'f32'), this.config.scales.embedding);
    });
  }

  private embeddingGradient(slot: Slot, dx: Tensor, inputs: Int32Array): void {
    const { backend: b } = this;
    b.arena(() => {
      const indices = b.tensor(inputs.slice(), [inputs.length]);
      this.parts.parameters.accumulateRows(slot, scaled(b, dx, this.config.scales.embedding), indices);
    });
  }

  private dropout(seed: readonly [number, number], { rows, length }: Batch): PassDropout | undefined {
    const { dropout: lora, attentionDropout: attention } = this.parts;
    if (!lora && !attention) return undefined;
    const { width, hiddenWidth, heads, headSize } = this.config;
    const widest = Math.max(width, hiddenWidth, heads * Math.max(headSize, ATTENTION_CHUNK));
    return { seed, largest: rows * length * widest, lora, attention };
  }

  leaveF16(): void {
    this.leftF16 = true;
  }

  /** Sets this model's precision, since another model on the same backend may use a different one. */
  private choosePrecision(): void {
    this.backend.multiplyIn?.(this.parts.half && !this.leftF16 ? 'f16' : 'f32');
  }

  private checkTokens(tokens: Int32Array): void {
    const bad = tokens.find((token) => token < 0 || token >= this.config.vocabularySize);
    if (bad !== undefined)
      throw new Error(`Token ${bad} is not in the vocabulary of ${this.config.vocabularySize}.`);
    if (tokens.length === 0) throw new Error('There are no tokens.');
  }
}

interface Forward {
  saved: (BlockSaved | Tensor)[];
  x: Tensor;
}

const isTensor = (kept: BlockSaved | Tensor): kept is Tensor => 'dtype' in kept;

/** Rows of T + 1 tokens -> inputs (each row's first T) and labels (its last T): [rows x T] each. */
function shifted({ tokens, rows, length }: Batch): { inputs: Int32Array; labels: Int32Array } {
  if (tokens.length !== rows * (length + 1))
    throw new Error(`A batch should have ${rows} x ${length + 1} tokens but has ${tokens.length}.`);
  const inputs = new Int32Array(rows * length);
  const labels = new Int32Array(rows * length);
  for (let row = 0; row < rows; row += 1) {
    const begin = row * (length + 1);
    inputs.set(tokens.subarray(begin, begin + length), row * length);
    labels.set(tokens.subarray(begin + 1, begin + 1 + length), row * length);
  }
  return { inputs, labels };
}

/** Sum and number of the learned predictions' losses. */
function summed(losses: Float32Array, learned: Uint8Array | undefined): { lossSum: number; tokens: number } {
  const counted = losses.filter((_, i) => learned?.[i] !== 0);
  return { lossSum: sum(counted), tokens: counted.length };
}
