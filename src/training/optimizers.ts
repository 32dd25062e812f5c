/** AdamW (as in PyTorch) and decoupled LionW, on the backend. State is f32. */
import { readValues, type Values } from '../weights/values.ts';
import { elementCount } from '../gguf/types.ts';
import type { Slot, TrainableModel } from '../model/index.ts';
import type { Tensor } from '../tensor/backend.ts';
import type { AdamNumbers } from '../tensor/compound.ts';

export interface Optimizer {
  /** One update from the model's accumulated gradients, each multiplied by `gradientScale` first. */
  step(options: { learningRate: number; gradientScale: number }): void;
  /** Everything needed to resume bit for bit; keys are stable. */
  state(): Map<string, Values>;
  load(state: ReadonlyMap<string, Values>): Promise<void>;
  dispose(): void;
}

const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
const LION = { beta1: 0.9, beta2: 0.95 };

interface Moments {
  first: Tensor;
  /** AdamW only. */
  second?: Tensor;
}

export interface Rule {
  optimizer: 'adamw' | 'lionw';
  /**
   * Share of a weight that a step takes off. AdamW: learning rate times this. LionW: this at the peak rate, less as the
   * rate falls.
   */
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
      const { value, ...after } = this.updated(slot.value, slot.gradient, moments, {
        learningRate,
        gradientScale,
        weightDecay: this.decay,
        step: this.steps,
      });
      this.model.replace(slot, value);
      this.moments.set(slot.name, after);
      for (const tensor of Object.values(after)) backend.keep(tensor);
    }
  }

  private updated(
    value: Tensor,
    gradient: Tensor,
    { first, second }: Moments,
    numbers: Omit<AdamNumbers, 'beta1' | 'beta2' | 'epsilon'>,
  ): Moments & { value: Tensor } {
    const { compound } = this.model.backend;
    return second
      ? compound.adamw({ value, first, second }, gradient, { ...numbers, ...ADAM })
      : compound.lionw({ value, first }, gradient, { ...numbers, ...LION });
  }

  /**
   * Factor that is multiplied by the learning rate. LionW's decay does not depend on the peak rate but only on the
   * schedule, as in MosaicML's llm-foundry, with which the paper trained.
   */
  private get decay(): number {
    const { optimizer, weightDecay, learningRate } = this.rule;
    return optimizer === 'adamw' ? weightDecay : weightDecay / learningRate;
  }

  private zeroMoments({ value }: Slot): Moments {
    const { backend } = this.model;
    const first = backend.zeros(value.shape);
    return this.rule.optimizer === 'adamw' ? { first, second: backend.zeros(value.shape) } : { first };
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

  async load(state: ReadonlyMap<string, Values>): Promise<void> {
    const { backend, slots } = this.model;
    this.dispose();
    const values = async (key: string) => {
      const saved = state.get(key);
      return saved && (await readValues(saved));
    };
    this.steps = (await values('steps'))?.[0] ?? 0;
    const restore = async (slot: Slot, kind: string) => {
      const saved = await values(`${slot.name}.${kind}`);
      return saved && backend.tensor(saved.slice(), slot.value.shape);
    };
    for (const slot of slots) {
      const first = await restore(slot, 'first');
      const second = await restore(slot, 'second');
      if (first) this.moments.set(slot.name, second ? { first, second } : { first });
    }
  }

  dispose(): void {
    this.model.backend.dispose(this.moments);
    this.moments.clear();
  }
}
