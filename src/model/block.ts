/**
 * One block: middle = x + branch(attention(norm(x))), y = middle + branch(mlp(norm(middle))); forward and backward.
 */
import type { Positions } from '../base-models/architectures.ts';
import type { Backend, Tensor } from '../tensor/backend.ts';
import type { AttentionDropout } from '../tensor/compound.ts';
import type { Activation } from './activations.ts';
import type { Attention, AttentionSaved } from './attention.ts';
import type { DropoutNoise } from './dropout.ts';
import type { BranchOutput, BranchOutputSaved } from './branch-output.ts';
import type { Linear, LinearMode } from './linear.ts';
import type { HeadNorms, HeadNormsSaved } from './head-norms.ts';
import type { Norm } from './norm.ts';
import type { View } from './views.ts';

interface BlockParts {
  /** RoPE and window of its attention. */
  positions: Positions;
  attentionNorm: Norm;
  qkv: Linear;
  /** Norms of q and k, if the model has them. */
  headNorms?: HeadNorms | undefined;
  o: Linear;
  attentionOutput: BranchOutput;
  mlpNorm: Norm;
  gateUp: Linear;
  activation: Activation;
  down: Linear;
  mlpOutput: BranchOutput;
}

/** What all blocks share during one pass. */
export interface Pass {
  views: ReadonlyMap<Positions, View>;
  /** Whether LoRA is applied. */
  adapted: boolean;
  /** Only during training. */
  dropout?: PassDropout;
}

export interface PassDropout {
  seed: readonly [number, number];
  /** Size of the largest mask. */
  largest: number;
  /** Dropout on LoRA's input, and on attention probabilities. */
  lora?: { noise: DropoutNoise; keepRate: number };
  attention?: { noise: DropoutNoise; keepRate: number };
}

/** Seed components that distinguish the masks within a block. */
const PLACES = { qkv: 0, o: 1, gateUp: 2, down: 3, attention: 4 };

/** What the backward pass needs. h and gateUp have the products' type; x, middle and the inverses are f32. */
export interface BlockSaved {
  /**
   * [N, width], like middle, h1 and h2; the inverses are [N, 1], gateUp [N, 2 hiddenWidth] (hiddenWidth without a
   * gate), z as in LinearSaved.
   */
  x: Tensor;
  inverse1: Tensor;
  h1: Tensor;
  z1: Tensor | undefined;
  heads: HeadNormsSaved | undefined;
  attention: AttentionSaved;
  z2: Tensor | undefined;
  branch1: BranchOutputSaved | undefined;
  middle: Tensor;
  inverse2: Tensor;
  h2: Tensor;
  z3: Tensor | undefined;
  gateUp: Tensor;
  z4: Tensor | undefined;
  branch2: BranchOutputSaved | undefined;
}

export class Block {
  constructor(
    private readonly backend: Backend,
    private readonly index: number,
    private readonly parts: BlockParts,
    private readonly attention: Attention,
  ) {}

  /** x [N, width] f32 -> y [N, width] f32 and what `backward` needs. */
  forward(x: Tensor, pass: Pass): { y: Tensor; saved: BlockSaved } {
    const { backend: b, parts } = this;
    const { plan, angles } = this.view(pass);
    return b.arena(() => {
      const { y: h1, inverse: inverse1 } = parts.attentionNorm.forward(x);
      const { y: qkv, z: z1 } = parts.qkv.forward(h1, this.mode('qkv', h1, pass));
      const heads = parts.headNorms?.forward(qkv);
      const attention = this.attention.forward(heads?.y ?? qkv, plan, angles, this.attentionDropout(pass));
      const mode2 = this.mode('o', attention.o, pass);
      const {
        y: middle,
        z: z2,
        branch: branch1,
      } = this.addBranch(x, parts.attentionOutput, (plus) => parts.o.forward(attention.o, mode2, plus));
      const { y: h2, inverse: inverse2 } = parts.mlpNorm.forward(middle);
      const { y: gateUp, z: z3 } = parts.gateUp.forward(h2, this.mode('gateUp', h2, pass));
      const product = parts.activation.forward(b, gateUp);
      const mode4 = this.mode('down', product, pass);
      const {
        y,
        z: z4,
        branch: branch2,
      } = this.addBranch(middle, parts.mlpOutput, (plus) => parts.down.forward(product, mode4, plus));
      const saved = {
        x,
        inverse1,
        h1,
        z1,
        heads: heads?.saved,
        attention,
        z2,
        branch1,
        middle,
        inverse2,
        h2,
        z3,
        gateUp,
        z4,
        branch2,
      };
      return { y, saved };
    });
  }

  /** x plus the output of `linear`, after its norm or factor. Without these, the sum is fused into the linear. */
  private addBranch(
    x: Tensor,
    branch: BranchOutput,
    linear: (plus?: Tensor) => { y: Tensor; z: Tensor | undefined },
  ): { y: Tensor; z: Tensor | undefined; branch: BranchOutputSaved | undefined } {
    if (branch.isPlain) return { ...linear(x), branch: undefined };
    const { y: o, z } = linear();
    const { y: added, saved } = branch.forward(o);
    return { y: this.backend.compound.add(x, added), z, branch: saved };
  }

  /** dy [N, width] f32 -> dx [N, width] f32; adds to the parameters' gradients. */
  backward(dy: Tensor, saved: BlockSaved, pass: Pass): Tensor {
    return this.backend.arena(() => {
      const dMiddle = this.backend.arena(() => this.mlpBackward(dy, saved, pass));
      return this.attentionBackward(dMiddle, saved, pass);
    });
  }

  private mlpBackward(dy: Tensor, saved: BlockSaved, pass: Pass): Tensor {
    const { backend: b, parts } = this;
    const { middle, inverse2, h2, gateUp, z3, z4, branch2 } = saved;
    const dGateUp = b.arena(() => {
      const product = parts.activation.forward(b, gateUp);
      const mode = this.mode('down', product, pass);
      const dProduct = parts.down.backward(parts.mlpOutput.backward(dy, branch2), product, { z: z4 }, mode);
      return parts.activation.gradient(b, gateUp, dProduct);
    });
    const dh = parts.gateUp.backward(dGateUp, h2, { z: z3 }, this.mode('gateUp', h2, pass));
    return parts.mlpNorm.backward(dh, middle, inverse2, dy);
  }

  private attentionBackward(dMiddle: Tensor, saved: BlockSaved, pass: Pass): Tensor {
    const { backend: b, parts } = this;
    const { x, inverse1, h1, heads, attention, z1, z2, branch1 } = saved;
    const { plan, angles } = this.view(pass);
    const dQkv = b.arena(() => {
      const mode = this.mode('o', attention.o, pass);
      const dO = parts.o.backward(
        parts.attentionOutput.backward(dMiddle, branch1),
        attention.o,
        { z: z2 },
        mode,
      );
      const d = this.attention.backward(dO, attention, plan, angles, this.attentionDropout(pass));
      return heads ? parts.headNorms!.backward(d, heads) : d;
    });
    const dh = parts.qkv.backward(dQkv, h1, { z: z1 }, this.mode('qkv', h1, pass));
    return parts.attentionNorm.backward(dh, x, inverse1, dMiddle);
  }

  /** Frees what the linears cache between passes. */
  forget(): void {
    const { qkv, o, gateUp, down } = this.parts;
    for (const linear of [qkv, o, gateUp, down]) linear.forget();
  }

  /** A linear's mode, with its own dropout mask, which is the same forward and backward. */
  private mode(
    place: 'qkv' | 'o' | 'gateUp' | 'down',
    { shape }: Pick<Tensor, 'shape'>,
    { adapted, dropout }: Pass,
  ): LinearMode {
    if (!dropout?.lora || !this.parts[place].hasLora) return { adapted, keepRate: 1 };
    const { noise, keepRate } = dropout.lora;
    const seed = [...dropout.seed, this.index, PLACES[place]];
    return { adapted, keepRate, mask: noise.mask(shape[0]! * shape[1]!, dropout.largest, seed) };
  }

  private attentionDropout({ dropout }: Pass): AttentionDropout | undefined {
    if (!dropout?.attention) return undefined;
    const { noise, keepRate } = dropout.attention;
    const seed = [...dropout.seed, this.index, PLACES.attention];
    return { keepRate, mask: (count, chunk) => noise.mask(count, dropout.largest, [...seed, chunk]) };
  }

  private view = ({ views }: Pass): View => views.get(this.parts.positions)!;
}
