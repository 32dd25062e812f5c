/** One block of Llama: x + attention(norm(x)), then + mlp(norm(.)); forward and backward side by side. */
import type { Backend, DataType, Tensor } from '../tensor/backend.ts';
import type { Attention, AttentionPlan, AttentionSaved } from './attention.ts';
import type { DropoutNoise } from './dropout.ts';
import type { Linear, LinearMode } from './linear.ts';
import { isSlot, type Slot } from './model.ts';
import { normAgain, normBackward, normForward, normGainGradient } from './norm.ts';
import type { Parameters } from './parameters.ts';
import type { Rope } from './rope.ts';

/** A norm's gain: frozen, or trained. */
export type Gain = Tensor | Slot;
export const gainOf = (gain: Gain): Tensor => (isSlot(gain) ? gain.value : gain);

export interface BlockWeights {
  attentionNorm: Gain;
  qkv: Linear;
  o: Linear;
  mlpNorm: Gain;
  gateUp: Linear;
  down: Linear;
}

/** What all blocks of one pass share. */
export interface Pass {
  plan: AttentionPlan;
  rope: Rope;
  /** False leaves LoRA out. */
  adapted: boolean;
  /** Dropout is on when set. */
  dropout?: { noise: DropoutNoise; keepRate: number; seed: readonly [number, number]; largest: number };
}

export interface BlockSaved {
  x: Tensor;
  inverse1: Tensor;
  z1: Tensor | undefined;
  attention: AttentionSaved;
  z2: Tensor | undefined;
  middle: Tensor;
  inverse2: Tensor;
  z3: Tensor | undefined;
  gateUp: Tensor;
  z4: Tensor | undefined;
}

export class Block {
  constructor(
    private readonly backend: Backend,
    private readonly index: number,
    private readonly weights: BlockWeights,
    private readonly attention: Attention,
    private readonly parameters: Parameters,
    private readonly epsilon: number,
    private readonly compute: DataType,
  ) {}

  /** x [N, width] f32 -> y [N, width] f32 and what `backward` needs. */
  forward(x: Tensor, pass: Pass): { y: Tensor; saved: BlockSaved } {
    const { backend: b, weights } = this;
    return b.arena(() => {
      const norm1 = normForward(b, x, gainOf(weights.attentionNorm), this.epsilon);
      const qkv = weights.qkv.forward(this.computed(norm1.y), this.mode(weights.qkv, 0, norm1.y, pass));
      const attention = this.attention.forward(qkv.y, pass.plan, pass.rope);
      const o = weights.o.forward(attention.o, this.mode(weights.o, 1, attention.o, pass));
      const middle = b.add(x, this.f32(o.y));
      const norm2 = normForward(b, middle, gainOf(weights.mlpNorm), this.epsilon);
      const gateUp = weights.gateUp.forward(
        this.computed(norm2.y),
        this.mode(weights.gateUp, 2, norm2.y, pass),
      );
      const { gate, up } = this.halves(gateUp.y);
      const product = this.computed(b.mul(b.mul(gate, b.sigmoid(gate)), up));
      const down = weights.down.forward(product, this.mode(weights.down, 3, product, pass));
      const y = b.add(middle, this.f32(down.y));
      const saved: BlockSaved = {
        x,
        inverse1: norm1.inverse,
        z1: qkv.z,
        attention,
        z2: o.z,
        middle,
        inverse2: norm2.inverse,
        z3: gateUp.z,
        gateUp: gateUp.y,
        z4: down.z,
      };
      return { y, saved };
    });
  }

  /** dy f32 -> dx f32; gradients of parameters are added up on the way. */
  backward(dy: Tensor, saved: BlockSaved, pass: Pass): Tensor {
    const { backend: b } = this;
    return b.arena(() => {
      const dMiddle = b.add(dy, this.mlpBackward(dy, saved, pass));
      return b.add(dMiddle, this.attentionBackward(dMiddle, saved, pass));
    });
  }

  /** y = down(silu(gate) up); silu'(g) = s + g s (1 - s) with s = sigmoid(g). */
  private mlpBackward(dy: Tensor, { middle, inverse2, gateUp, z3, z4 }: BlockSaved, pass: Pass): Tensor {
    const { backend: b, weights } = this;
    const dGateUp = b.arena(() => {
      const { gate, up } = this.halves(gateUp);
      const s = b.sigmoid(gate);
      const silu = b.mul(gate, s);
      const product = this.computed(b.mul(silu, up));
      const dProduct = this.f32(
        weights.down.backward(
          this.computed(dy),
          product,
          { z: z4 },
          this.mode(weights.down, 3, product, pass),
        ),
      );
      const slope = b.sub(b.add(s, silu), b.mul(s, silu));
      const dGate = b.mul(b.mul(dProduct, up), slope);
      return b.concat([this.computed(dGate), this.computed(b.mul(dProduct, silu))], 1);
    });
    return b.arena(() => {
      const h = this.computed(normAgain(b, middle, inverse2, gainOf(weights.mlpNorm)));
      const dh = this.f32(
        weights.gateUp.backward(dGateUp, h, { z: z3 }, this.mode(weights.gateUp, 2, h, pass)),
      );
      return this.normBackward(middle, inverse2, weights.mlpNorm, dh);
    });
  }

  private attentionBackward(
    dMiddle: Tensor,
    { x, inverse1, attention, z1, z2 }: BlockSaved,
    pass: Pass,
  ): Tensor {
    const { backend: b, weights } = this;
    const dQkv = b.arena(() => {
      const dO = weights.o.backward(
        this.computed(dMiddle),
        attention.o,
        { z: z2 },
        this.mode(weights.o, 1, attention.o, pass),
      );
      return this.attention.backward(dO, attention, pass.plan, pass.rope);
    });
    return b.arena(() => {
      const h = this.computed(normAgain(b, x, inverse1, gainOf(weights.attentionNorm)));
      const dh = this.f32(weights.qkv.backward(dQkv, h, { z: z1 }, this.mode(weights.qkv, 0, h, pass)));
      return this.normBackward(x, inverse1, weights.attentionNorm, dh);
    });
  }

  private normBackward(x: Tensor, inverse: Tensor, gain: Gain, dy: Tensor): Tensor {
    if (isSlot(gain)) this.parameters.accumulate(gain, normGainGradient(this.backend, x, inverse, dy));
    return normBackward(this.backend, x, inverse, gainOf(gain), dy);
  }

  /** The joined output, as f32. */
  private halves(gateUp: Tensor): { gate: Tensor; up: Tensor } {
    const { backend: b } = this;
    const [rows, columns] = gateUp.shape as [number, number];
    const half = (begin: number) => this.f32(b.slice(gateUp, [0, begin], [rows, columns / 2]));
    return { gate: half(0), up: half(columns / 2) };
  }

  /** How a linear of this block runs: with its own dropout mask, the same one in both directions. */
  private mode(linear: Linear, place: number, input: Tensor, { adapted, dropout }: Pass): LinearMode {
    if (!dropout || !linear.hasLora) return { adapted, keepRate: 1 };
    const { noise, keepRate, seed, largest } = dropout;
    const [rows, columns] = input.shape as [number, number];
    return { adapted, keepRate, mask: noise.mask(rows, columns, largest, [...seed, this.index, place]) };
  }

  private computed(x: Tensor): Tensor {
    return x.dtype === this.compute ? x : this.backend.cast(x, this.compute as 'f32' | 'bf16');
  }
  private f32(x: Tensor): Tensor {
    return x.dtype === 'f32' ? x : this.backend.cast(x, 'f32');
  }
}
