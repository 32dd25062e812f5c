/** AdamW (as PyTorch's) and decoupled LionW, on the backend. State is f32. */
import type { Values } from '../export/values.ts';
import { elementCount } from '../gguf/types.ts';
import type { Slot, TrainableModel } from '../model/index.ts';
import type { Tensor } from '../tensor/backend.ts';

export interface Optimizer {
  /** One update from the model's accumulated gradients, each multiplied by `gradientScale` first. */
  step(options: { learningRate: number; gradientScale: number }): void;
  /** Everything needed to go on bit for bit; keys are stable. */
  state(): Map<string, Values>;
  load(state: ReadonlyMap<string, Float32Array>): void;
  dispose(): void;
}

const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
const LION = { beta1: 0.9, beta2: 0.95 };

interface Moments {
  first: Tensor;
  /** AdamW only. */
  second?: Tensor;
}

/** Rows of a tensor. */
interface Piece {
  begin: number;
  count: number;
}

/** Elements handled together. */
const PIECE = 2 ** 20;

function piecesOf([rows, ...rest]: readonly number[]): Piece[] {
  const width = rest.reduce((a, b) => a * b, 1);
  const count = Math.max(1, Math.floor(PIECE / width));
  return Array.from({ length: Math.ceil(rows! / count) }, (_, i) => ({
    begin: i * count,
    count: Math.min(count, rows! - i * count),
  }));
}

export interface Rule {
  optimizer: 'adamw' | 'lionw';
  /** AdamW takes off `rate` times this a step; LionW this much at the peak rate, and less as the rate falls. */
  weightDecay: number;
  /** Peak of the schedule. */
  learningRate: number;
}

export function createOptimizer(model: TrainableModel, rule: Rule): Optimizer {
  return new BackendOptimizer(model, rule);
}

class BackendOptimizer implements Optimizer {
  private readonly moments = new Map<string, Moments>();
  private steps = 0;

  constructor(
    private readonly model: TrainableModel,
    private readonly rule: Rule,
  ) {}

  step({ learningRate, gradientScale }: { learningRate: number; gradientScale: number }): void {
    const { backend, slots } = this.model;
    this.steps += 1;
    for (const slot of slots) {
      if (!slot.gradient) continue;
      const moments = this.moments.get(slot.name) ?? this.zeroMoments(slot);
      for (const rows of piecesOf(slot.value.shape))
        backend.arena(() => this.update(slot, moments, rows, learningRate, gradientScale));
      this.moments.set(slot.name, moments);
    }
  }

  private zeroMoments({ value }: Slot): Moments {
    const { backend } = this.model;
    const first = backend.zeros(value.shape);
    return this.rule.optimizer === 'adamw' ? { first, second: backend.zeros(value.shape) } : { first };
  }

  /** Some rows at a time: what is made on the way stays small, and in the cache. */
  private update(
    slot: Slot,
    moments: Moments,
    rows: Piece,
    learningRate: number,
    gradientScale: number,
  ): void {
    const { backend } = this.model;
    const part = (x: Tensor) =>
      backend.slice(x, [rows.begin, ...x.shape.slice(1).map(() => 0)], [rows.count, ...x.shape.slice(1)]);
    const gradient = part(slot.gradient!);
    const before: Moments = {
      first: part(moments.first),
      ...(moments.second && { second: part(moments.second) }),
    };
    const rule = this.rule.optimizer === 'adamw' ? this.adamw : this.lionw;
    const scaled = gradientScale === 1 ? gradient : backend.mul(gradient, gradientScale);
    const { value, first, second } = rule.call(this, part(slot.value), scaled, before, learningRate);
    this.model.replace(slot, backend.setRows(slot.value, value, rows.begin));
    moments.first = backend.keep(backend.setRows(moments.first, first, rows.begin));
    if (second) moments.second = backend.keep(backend.setRows(moments.second!, second, rows.begin));
  }

  /** p - lr (decay p + m^ / (sqrt(v^) + eps)), with m^ and v^ corrected for their start at zero. */
  private adamw(value: Tensor, gradient: Tensor, before: Moments, rate: number): Moments & { value: Tensor } {
    const { backend } = this.model;
    const first = this.blend(before.first, gradient, ADAM.beta1);
    const second = this.blend(before.second!, backend.square(gradient), ADAM.beta2);
    const correction1 = 1 - ADAM.beta1 ** this.steps;
    const correction2 = 1 - ADAM.beta2 ** this.steps;
    const root = backend.add(backend.mul(backend.sqrt(second), 1 / Math.sqrt(correction2)), ADAM.epsilon);
    const change = backend.mul(backend.div(first, root), rate / correction1);
    return { value: backend.sub(this.decayed(value, rate * this.rule.weightDecay), change), first, second };
  }

  /**
   * p - (lr / peak) decay p - lr sign(beta1 m + (1 - beta1) g); then m = beta2 m + (1 - beta2) g. The decay is apart
   * from the learning rate, as in MosaicML's llm-foundry, with which the paper trained.
   */
  private lionw(value: Tensor, gradient: Tensor, before: Moments, rate: number): Moments & { value: Tensor } {
    const { backend } = this.model;
    const change = backend.mul(backend.sign(this.blend(before.first, gradient, LION.beta1)), rate);
    const first = this.blend(before.first, gradient, LION.beta2);
    const decay = (rate / this.rule.learningRate) * this.rule.weightDecay;
    return { value: backend.sub(this.decayed(value, decay), change), first };
  }

  private blend(old: Tensor, fresh: Tensor, beta: number): Tensor {
    const { backend } = this.model;
    return backend.add(backend.mul(old, beta), backend.mul(fresh, 1 - beta));
  }

  private decayed(value: Tensor, share: number): Tensor {
    return share ? this.model.backend.mul(value, 1 - share) : value;
  }

  state(): Map<string, Values> {
    const lazy = (tensor: Tensor): Values => ({
      length: elementCount(tensor.shape),
      read: () => this.model.backend.read(tensor),
    });
    const state = new Map<string, Values>([['steps', Float32Array.of(this.steps)]]);
    for (const [name, { first, second }] of this.moments) {
      state.set(`${name}.first`, lazy(first));
      if (second) state.set(`${name}.second`, lazy(second));
    }
    return state;
  }

  load(state: ReadonlyMap<string, Float32Array>): void {
    const { backend, slots } = this.model;
    this.dispose();
    this.steps = state.get('steps')?.[0] ?? 0;
    const restore = (slot: Slot, kind: string) => {
      const values = state.get(`${slot.name}.${kind}`);
      return values && backend.tensor(values.slice(), slot.value.shape);
    };
    for (const slot of slots) {
      const first = restore(slot, 'first');
      const second = restore(slot, 'second');
      if (first) this.moments.set(slot.name, second ? { first, second } : { first });
    }
  }

  dispose(): void {
    this.model.backend.dispose(this.moments);
    this.moments.clear();
  }
}
