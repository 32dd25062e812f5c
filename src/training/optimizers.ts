/** AdamW (as PyTorch's) and decoupled LionW, on the backend. State is f32. */
import type { Slot, TrainableModel } from '../model/index.ts';
import type { Tensor } from '../tensor/backend.ts';

export interface Optimizer {
  /** One update from the model's accumulated gradients, each multiplied by `gradientScale` first. */
  step(options: { learningRate: number; gradientScale: number }): void;
  /** Everything needed to go on bit for bit; keys are stable. */
  state(): Promise<Map<string, Float32Array>>;
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

export function createOptimizer(
  model: TrainableModel,
  { optimizer, weightDecay }: { optimizer: 'adamw' | 'lionw'; weightDecay: number },
): Optimizer {
  return new BackendOptimizer(model, optimizer, weightDecay);
}

class BackendOptimizer implements Optimizer {
  private readonly moments = new Map<string, Moments>();
  private steps = 0;

  constructor(
    private readonly model: TrainableModel,
    private readonly rule: 'adamw' | 'lionw',
    private readonly weightDecay: number,
  ) {}

  step({ learningRate, gradientScale }: { learningRate: number; gradientScale: number }): void {
    const { backend, slots } = this.model;
    this.steps += 1;
    for (const slot of slots) {
      if (!slot.gradient) continue;
      const before = this.moments.get(slot.name);
      const after = backend.arena(() => {
        const gradient = gradientScale === 1 ? slot.gradient! : backend.mul(slot.gradient!, gradientScale);
        return this.rule === 'adamw'
          ? this.adamw(slot, gradient, before, learningRate)
          : this.lionw(slot, gradient, before, learningRate);
      });
      backend.dispose({ ...before });
      this.moments.set(slot.name, after.moments);
      this.model.replace(slot, after.value);
    }
  }

  /** p - lr (decay p + m^ / (sqrt(v^) + eps)), with m^ and v^ corrected for their start at zero. */
  private adamw(
    slot: Slot,
    gradient: Tensor,
    before: Moments | undefined,
    rate: number,
  ): { value: Tensor; moments: Moments } {
    const { backend } = this.model;
    const first = this.blend(before?.first, gradient, ADAM.beta1);
    const second = this.blend(before?.second, backend.square(gradient), ADAM.beta2);
    const correction1 = 1 - ADAM.beta1 ** this.steps;
    const correction2 = 1 - ADAM.beta2 ** this.steps;
    const root = backend.add(backend.mul(backend.sqrt(second), 1 / Math.sqrt(correction2)), ADAM.epsilon);
    const change = backend.mul(backend.div(first, root), rate / correction1);
    return { value: backend.sub(this.decayed(slot.value, rate), change), moments: { first, second } };
  }

  /** p - lr (decay p + sign(beta1 m + (1 - beta1) g)); then m = beta2 m + (1 - beta2) g. */
  private lionw(
    slot: Slot,
    gradient: Tensor,
    before: Moments | undefined,
    rate: number,
  ): { value: Tensor; moments: Moments } {
    const { backend } = this.model;
    const change = backend.mul(backend.sign(this.blend(before?.first, gradient, LION.beta1)), rate);
    const first = this.blend(before?.first, gradient, LION.beta2);
    return { value: backend.sub(this.decayed(slot.value, rate), change), moments: { first } };
  }

  private blend(old: Tensor | undefined, fresh: Tensor, beta: number): Tensor {
    const { backend } = this.model;
    const part = backend.mul(fresh, 1 - beta);
    return old ? backend.add(backend.mul(old, beta), part) : part;
  }

  private decayed(value: Tensor, rate: number): Tensor {
    return this.weightDecay ? this.model.backend.mul(value, 1 - rate * this.weightDecay) : value;
  }

  async state(): Promise<Map<string, Float32Array>> {
    const state = new Map<string, Float32Array>([['steps', Float32Array.of(this.steps)]]);
    for (const [name, { first, second }] of this.moments) {
      state.set(`${name}.first`, await this.model.backend.read(first));
      if (second) state.set(`${name}.second`, await this.model.backend.read(second));
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
