/** AdamW (as in PyTorch) and decoupled LionW, on the backend. State is f32. */
import { readValues, type Values } from '../weights/values.ts';
import { elementCount } from '../gguf/types.ts';
import type { Slot, TrainableModel } from '../model/index.ts';
import type { Tensor } from '../tensor/backend.ts';
import type { AdamNumbers, AdamState } from '../tensor/compound.ts';

export const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
export const LION = { beta1: 0.9, beta2: 0.95 };

interface Moments {
  first: Tensor;
  /** AdamW only. */
  second?: Tensor;
}

export interface Rule {
  optimizer: 'adamw' | 'lionw';
  /**
   * Share by which a step shrinks each weight. AdamW: learning rate times this. LionW: this at the peak rate, less as
   * the rate falls.
   */
  weightDecay: number;
  /** Peak rate of the schedule. */
  learningRate: number;
}

export class Optimizer {
  private readonly moments = new Map<string, Moments>();
  private steps = 0;

  constructor(
    private readonly model: TrainableModel,
    private readonly rule: Rule,
  ) {}

  /** One update from the model's accumulated gradients, each multiplied by `gradientScale` first. */
  step({ learningRate, gradientScale }: { learningRate: number; gradientScale: number }): void {
    const { backend, slots } = this.model;
    this.steps += 1;
    const learned = slots.filter(({ gradient }) => gradient);
    this.makeMoments(learned);
    const states = learned.map(({ name, value, gradient }) => ({
      ...this.moments.get(name)!,
      value,
      gradient: gradient!,
    }));
    const changed = this.updateSlots(states, {
      learningRate,
      gradientScale,
      weightDecay: this.decay,
      step: this.steps,
    });
    for (const [i, { value, ...after }] of changed.entries()) {
      this.model.replace(learned[i]!, value);
      this.moments.set(learned[i]!.name, after);
      for (const tensor of Object.values(after)) backend.keep(tensor);
    }
  }

  private updateSlots(
    states: readonly (Moments & { value: Tensor; gradient: Tensor })[],
    numbers: Omit<AdamNumbers, 'beta1' | 'beta2' | 'epsilon'>,
  ): (Moments & { value: Tensor })[] {
    const { compound } = this.model.backend;
    return this.rule.optimizer === 'adamw'
      ? compound.adamw(states as AdamState[], { ...numbers, ...ADAM })
      : compound.lionw(states, { ...numbers, ...LION });
  }

  /**
   * Factor that is multiplied by the learning rate. LionW's decay does not depend on the peak rate but only on the
   * schedule, as in MosaicML's llm-foundry, with which the paper trained.
   */
  private get decay(): number {
    const { optimizer, weightDecay, learningRate } = this.rule;
    return optimizer === 'adamw' ? weightDecay : weightDecay / learningRate;
  }

  /** Zeros for slots that have no moments yet. */
  private makeMoments(slots: readonly Slot[]): void {
    const { backend } = this.model;
    const fresh = slots.filter(({ name }) => !this.moments.has(name));
    if (!fresh.length) return;
    const zeros = () => this.stackIfUseful(fresh.map(({ value }) => backend.zeros(value.shape)));
    const [firsts, seconds] = [zeros(), this.rule.optimizer === 'adamw' ? zeros() : []];
    for (const [i, { name }] of fresh.entries())
      this.moments.set(name, { first: firsts[i]!, ...(seconds[i] && { second: seconds[i] }) });
  }

  /** Contiguous, like the values, if the backend benefits from that. */
  private stackIfUseful(tensors: Tensor[]): Tensor[] {
    const { backend } = this.model;
    return (backend.compound.makeContiguous?.(tensors) ?? tensors).map((x) => backend.keep(x));
  }

  /** Everything needed to resume bit for bit; keys are stable. */
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
    const restored: { name: string; first: Tensor; second: Tensor | undefined }[] = [];
    for (const slot of slots) {
      const first = await restore(slot, 'first');
      if (first) restored.push({ name: slot.name, first, second: await restore(slot, 'second') });
    }
    const firsts = this.stackIfUseful(restored.map(({ first }) => first));
    const seconds = this.stackIfUseful(restored.flatMap(({ second }) => second ?? []));
    for (const [i, { name, second }] of restored.entries())
      this.moments.set(name, { first: firsts[i]!, ...(second && { second: seconds.shift()! }) });
  }

  dispose(): void {
    this.model.backend.dispose(this.moments);
    this.moments.clear();
  }
}
