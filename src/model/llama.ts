/** The whole model: embedding, blocks, last norm, head. */
import type { Backend, DataType, Tensor } from '../tensor/backend.ts';
import type { Attention } from './attention.ts';
import { gainOf, type Block, type BlockSaved, type Gain, type Pass } from './block.ts';
import type { ModelConfig } from './config.ts';
import type { DropoutNoise } from './dropout.ts';
import { breathe, type Head } from './head.ts';
import type { Linear } from './linear.ts';
import { isSlot, type Batch, type Parameter, type Slot, type TrainableModel } from './model.ts';
import { normBackward, normForward, normGainGradient } from './norm.ts';
import type { Parameters } from './parameters.ts';
import { makeRope, type Rope } from './rope.ts';

export interface Parts {
  backend: Backend;
  config: ModelConfig;
  compute: DataType;
  parameters: Parameters;
  /** [vocabulary, width] */
  embedding: Tensor | Slot;
  blocks: Block[];
  attention: Attention;
  outputNorm: Gain;
  head: Head;
  /** All linears of the blocks, for what they keep. */
  linears: Linear[];
  /** LoRA's dropout; undefined without. */
  dropout: { noise: DropoutNoise; rate: number } | undefined;
  /** Frozen tensors, freed with the model. */
  frozen: Tensor[];
  method: 'lora' | 'full' | 'none';
}

export class Llama implements TrainableModel {
  readonly backend: Backend;
  readonly config: ModelConfig;
  private ropes = new Map<string, Rope>();
  private disposed = false;

  constructor(private readonly parts: Parts) {
    this.backend = parts.backend;
    this.config = parts.config;
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
    { seed, train, lossWeight }: { seed: [number, number]; train: boolean; lossWeight: number },
  ): Promise<{ lossSum: number; tokens: number }> {
    const { inputs, labels } = shifted(batch);
    this.checkTokens(batch.tokens);
    const plan = this.parts.attention.plan({ batch: batch.rows, length: batch.length }, batch.starts);
    const pass: Pass = { plan, rope: this.rope(plan), adapted: true, ...(train && this.dropout(seed)) };
    try {
      const { saved, h } = await this.forward(inputs, pass);
      const losses = await this.backward(saved, h, {
        inputs,
        labels,
        lossWeight,
        pass,
        learned: batch.learned,
      });
      return summed(losses, batch.learned);
    } finally {
      this.parts.attention.release(plan);
    }
  }

  /** The input of the last norm, and what the blocks' backward passes need. */
  private async forward(inputs: Int32Array, pass: Pass): Promise<{ saved: BlockSaved[]; h: Tensor }> {
    const saved: BlockSaved[] = [];
    let h = this.embed(inputs);
    for (const block of this.parts.blocks) {
      const result = block.forward(h, pass);
      saved.push(result.saved);
      h = result.y;
      await breathe();
    }
    return { saved, h };
  }

  /** Frees `saved` and `x`. Returns each prediction's loss. */
  private async backward(
    saved: BlockSaved[],
    x: Tensor,
    { inputs, labels, lossWeight, pass, learned }: Step,
  ): Promise<Float32Array> {
    const { backend: b, parts } = this;
    const { y: h, inverse } = b.arena(() =>
      normForward(b, x, gainOf(parts.outputNorm), this.config.normEpsilon),
    );
    const { losses, dh } = await parts.head.lossAndGradient(h, labels, { weight: lossWeight, learned });
    let dx = b.arena(() => {
      if (isSlot(parts.outputNorm))
        parts.parameters.accumulate(parts.outputNorm, normGainGradient(b, x, inverse, dh!));
      return normBackward(b, x, inverse, gainOf(parts.outputNorm), dh!);
    });
    b.dispose(x, h, inverse, dh);
    for (let i = parts.blocks.length - 1; i >= 0; i -= 1) {
      const before = dx;
      dx = parts.blocks[i]!.backward(before, saved[i]!, pass);
      b.dispose(before, saved[i]);
      await breathe();
    }
    if (isSlot(parts.embedding)) this.embeddingGradient(parts.embedding, dx, inputs);
    b.dispose(dx);
    return losses;
  }

  async gradientNorm(): Promise<number> {
    const { backend: b } = this;
    const gradients = this.slots.flatMap(({ gradient }) => gradient ?? []);
    if (!gradients.length) return 0;
    const squares = b.arena(() =>
      b.concat(
        gradients.map((gradient) => b.reshape(b.sumOfSquares(gradient), [1])),
        0,
      ),
    );
    const values = await b.read(squares);
    b.dispose(squares);
    return Math.sqrt(values.reduce((sum, value) => sum + value, 0));
  }

  zeroGradients(): void {
    this.parts.parameters.zeroGradients();
  }

  async tokenLosses(
    tokens: Int32Array,
    { base = false, starts }: { base?: boolean; starts?: Int32Array } = {},
  ): Promise<Float32Array> {
    this.checkTokens(tokens);
    const h = await this.hidden(tokens.subarray(0, tokens.length - 1), !base, starts);
    try {
      return (await this.parts.head.lossAndGradient(h, tokens.slice(1))).losses;
    } finally {
      this.backend.dispose(h);
    }
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

  /** KL(this || other) after each token. Both on one backend, of one vocabulary. */
  async klTo(other: Llama, tokens: Int32Array): Promise<Float32Array> {
    const from = await this.hidden(tokens, true);
    const to = await other.hidden(tokens, true);
    try {
      return await this.parts.head.divergence(from, other.parts.head, to);
    } finally {
      this.backend.dispose(from, to);
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
    for (const linear of parts.linears) linear.forget();
    parts.head.forget();
    parts.attention.dispose();
    parts.dropout?.noise.dispose();
    parts.parameters.dispose();
    for (const rope of this.ropes.values()) backend.dispose({ ...rope });
    backend.dispose(parts.frozen);
  }

  /** The last norm's output for one sequence, no dropout: [T, width] f32. */
  private async hidden(tokens: Int32Array, adapted: boolean, starts?: Int32Array): Promise<Tensor> {
    const { backend: b, parts } = this;
    this.checkTokens(tokens);
    const plan = parts.attention.plan({ batch: 1, length: tokens.length }, starts);
    const pass: Pass = { plan, rope: this.rope(plan), adapted };
    let x = this.embed(tokens);
    for (const block of parts.blocks) {
      const before = x;
      x = b.arena(() => block.forward(before, pass).y);
      b.dispose(before);
      await breathe();
    }
    const { y } = b.arena(() => ({
      y: normForward(b, x, gainOf(parts.outputNorm), this.config.normEpsilon).y,
    }));
    b.dispose(x);
    parts.attention.release(plan);
    return y;
  }

  private embed(tokens: Int32Array): Tensor {
    const { backend: b } = this;
    const { embedding } = this.parts;
    return b.arena(() => {
      const rows = b.gather(
        isSlot(embedding) ? embedding.value : embedding,
        b.tensor(tokens.slice(), [tokens.length]),
      );
      return rows.dtype === 'f32' ? rows : b.cast(rows, 'f32');
    });
  }

  private embeddingGradient(slot: Slot, dx: Tensor, inputs: Int32Array): void {
    const { backend: b } = this;
    b.arena(() => {
      const indices = b.tensor(inputs.slice(), [inputs.length]);
      this.parts.parameters.accumulateRows(slot, dx, indices);
    });
  }

  private dropout(seed: readonly [number, number]): Pick<Pass, 'dropout'> {
    const { dropout } = this.parts;
    if (!dropout) return {};
    const largest = Math.max(
      this.config.width,
      this.config.hiddenWidth,
      this.config.heads * this.config.headSize,
    );
    return { dropout: { noise: dropout.noise, keepRate: 1 - dropout.rate, seed, largest } };
  }

  /** Tables are kept for the last few shapes: training's, and those of evaluations in between. */
  private rope(shape: { batch: number; length: number }): Rope {
    const key = `${shape.batch} ${shape.length}`;
    const known = this.ropes.get(key);
    if (known) return known;
    if (this.ropes.size >= KEPT_ROPES) {
      const [oldest, rope] = this.ropes.entries().next().value!;
      this.backend.dispose({ ...rope });
      this.ropes.delete(oldest);
    }
    const rope = makeRope(this.backend, this.config, shape.batch, shape.length, this.parts.compute);
    this.ropes.set(key, rope);
    return rope;
  }

  private checkTokens(tokens: Int32Array): void {
    const bad = tokens.find((token) => token < 0 || token >= this.config.vocabularySize);
    if (bad !== undefined)
      throw new Error(`Token ${bad} is not in the vocabulary of ${this.config.vocabularySize}.`);
    if (tokens.length === 0) throw new Error('There are no tokens.');
  }
}

const KEPT_ROPES = 4;

/** What a backward pass needs besides. */
interface Step {
  inputs: Int32Array;
  labels: Int32Array;
  lossWeight: number;
  pass: Pass;
  learned: Uint8Array | undefined;
}

/** Rows of T + 1 tokens -> the first T of each, and the last T of each. */
function shifted({ tokens, rows, length }: Batch): { inputs: Int32Array; labels: Int32Array } {
  if (tokens.length !== rows * (length + 1))
    throw new Error(`A batch of ${rows} x ${length + 1} tokens was promised, ${tokens.length} came.`);
  const inputs = new Int32Array(rows * length);
  const labels = new Int32Array(rows * length);
  for (let row = 0; row < rows; row += 1) {
    const begin = row * (length + 1);
    inputs.set(tokens.subarray(begin, begin + length), row * length);
    labels.set(tokens.subarray(begin + 1, begin + 1 + length), row * length);
  }
  return { inputs, labels };
}

/** Over the learned predictions. */
function summed(losses: Float32Array, learned: Uint8Array | undefined): { lossSum: number; tokens: number } {
  let lossSum = 0;
  let tokens = 0;
  losses.forEach((loss, i) => {
    if (learned && !learned[i]) return;
    lossSum += loss;
    tokens += 1;
  });
  return { lossSum, tokens };
}
