/** The planned GPU memory, and what is said about a run that does not fit. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { findKnownBase } from '../../../src/base-models/registry.ts';
import { evaluationPlanSchema, hyperSchema, type Hyper, type RunSpec } from '../../../src/protocol/run.ts';
import { sizeClass } from '../../../src/tensor/webgpu/buffers.ts';
import { runEvaluatorProcess } from '../../../src/training/checkpoints/evaluator-child.ts';
import { CheckpointMeasuring, type MeasuringOptions } from '../../../src/training/checkpoints/measuring.ts';
import { minMemory } from '../../../src/training/memory/defaults.ts';
import { planDevice, type PlannedDevice } from '../../../src/training/memory/device.ts';
import { refitRun } from '../../../src/training/memory/fit-again.ts';
import { fitMemory } from '../../../src/training/memory/fit.ts';
import { planMemory, planRun } from '../../../src/training/memory/plan.ts';
import { describeDevice } from '../../../src/cli/machine/fit-machine.ts';
import { english } from '../../../src/text/message.ts';

vi.mock('../../../src/training/checkpoints/evaluator-child.ts', () => ({
  runEvaluatorProcess: vi.fn(() => Promise.resolve({ seconds: 1, how: '' })),
}));
vi.mock('../../../src/platform/machine/available-memory.ts', () => ({
  availableMemory: () => Promise.resolve(64e9),
}));
// Of the run, only its events are read.
vi.mock('../../../src/runs/index.ts', async (original) => ({
  ...(await original<object>()),
  readRun: () => Promise.resolve({ events: [] }),
}));

const { shape, bytes } = findKnownBase('qwen2.5-coder-0.5b')!;
const hyper = (patch: Partial<Hyper> = {}) => hyperSchema.parse({ learningRate: 1, steps: 1, ...patch });
const stored = { storedBytes: bytes };
const card = (memory?: number, rest: Partial<PlannedDevice> = {}): PlannedDevice => ({
  name: 'A card',
  shared: false,
  maxBufferSize: 4 * 2 ** 30,
  ...(memory !== undefined && { memory }),
  ...rest,
});

describe('planDevice', () => {
  it('counts the weights as stored in the file, plus a quarter for rounding up buffer sizes', () => {
    const { pool, total, ...parts } = planDevice(shape, hyper(), stored);
    expect(parts.weights).toBeGreaterThanOrEqual(bytes);
    expect(parts.weights).toBeLessThan(1.05 * bytes);
    const sum = Object.values(parts).reduce((all, part) => all + part, 0);
    expect(pool).toBeCloseTo(sum / 4);
    expect(total).toBeCloseTo(sum + pool);
    // The pool's own rule: a size class is at most a quarter larger than the request.
    for (let asked = 2048; asked < 2 ** 31; asked *= 1.01)
      expect(sizeClass(Math.ceil(asked)) / Math.ceil(asked)).toBeLessThanOrEqual(1.25);
  });

  it('grows with the batch, and shrinks with recomputed activations', () => {
    const total = (patch: Partial<Hyper>) => planDevice(shape, hyper(patch), stored).total;
    expect(total({ batch: 4 })).toBeGreaterThan(total({ batch: 2 }));
    expect(total({ batch: 4, recompute: true })).toBeLessThan(total({ batch: 4 }));
    expect(total({ method: 'full' })).toBeGreaterThan(total({}));
  });

  it('leaves only the program and what is being loaded in main memory', () => {
    const place = { backend: 'webgpu' as const, ...stored };
    const host = planMemory(shape, hyper(), { ...place, onDevice: true });
    expect(host).toMatchObject({ weights: 0, activations: 0, optimiser: 0 });
    expect(host.total).toBe(host.runtime + host.workspace);
    expect(host.total).toBeLessThan(planMemory(shape, hyper(), place).total);
  });
});

describe('fitMemory on a GPU', () => {
  const fit = (device: PlannedDevice, patch: Partial<Hyper> = {}, available = 64e9) =>
    fitMemory(shape, hyper({ batch: 8, ...patch }), { backend: 'webgpu', available, ...stored, device });
  const total = (patch: Partial<Hyper> = {}) =>
    planDevice(shape, hyper({ batch: 8, ...patch }), stored).total;

  it('leaves a run that fits unchanged, and plans both memories', () => {
    const { plan, device, changes } = fit(card(24e9));
    expect(changes).toEqual([]);
    expect(device!.total).toBe(total());
    expect(plan.weights).toBe(0);
  });

  it("makes a run fit into the card's memory", () => {
    const { device, changes } = fit(card(1.06 * total({ batch: 2, recompute: true })));
    expect(device!.total).toBeLessThanOrEqual(total({ batch: 2, recompute: true }));
    expect(changes.map(english)).toEqual([
      'activations are recomputed in the backward pass',
      '4 batches of 2 make a step instead of 1 of 8',
    ]);
  });

  it('plans main memory if the GPU uses it, within its limit', () => {
    const shared = fit(card(undefined, { shared: true }));
    expect(shared.device).toBeUndefined();
    expect(shared.plan.weights).toBeGreaterThan(0);
    expect(() => fit(card(0.4e9, { shared: true }))).toThrow(
      /^This run would take about .* on A card, which may use 400 MB of the machine's\.$/,
    );
  });

  it('rejects nothing if the memory is unknown, and says so', () => {
    expect(describeDevice(card(), fit(card()).device!)).toEqual([
      expect.stringMatching(/^GPU memory: about [\d.]+ GB on A card; how much it has is not known$/),
      expect.stringMatching(/^ {2}\w+ /),
    ]);
    expect(describeDevice(card(8e9), fit(card(8e9, {})).device!)[0]).toContain('it has 8.00 GB');
  });

  it('rejects a base larger than the card, with advice', () => {
    const refusal = {
      code: 'memory',
      message: expect.stringMatching(/on A card, which has 300 MB\.$/) as string,
    };
    expect(() => fit(card(0.3e9))).toThrow(
      expect.objectContaining({
        ...refusal,
        next: 'Train from a smaller base, or with --backend tensorflow or wasm.',
      }) as Error,
    );
    const room = total({ batch: 1, recompute: true, sequenceLength: 512 });
    expect(() => fit(card(1.06 * room), { batch: 1, sequenceLength: 4096 })).toThrow(
      expect.objectContaining({ next: expect.stringMatching(/^Train with --seq \d+\.$/) as string }) as Error,
    );
  });

  it('rejects a matrix larger than any buffer', () => {
    expect(() => fit(card(24e9, { maxBufferSize: 2 ** 20 }))).toThrow(
      /^One tensor of this run takes .*, but a buffer of A card holds no more than 1 MB\.$/,
    );
  });
});

describe('fitMemory on wasm, whose own memory ends at 4 GiB', () => {
  const room = { backend: 'wasm', available: 64e9 } as const;

  it('rejects a run that is too large for it, whatever the machine has', () => {
    expect(() => fitMemory(shape, hyper({ method: 'full' }), { ...room, ...stored })).toThrow(
      expect.objectContaining({
        code: 'memory',
        message: expect.stringMatching(
          /^This run would take about 1\d\.\d+ GB of WebAssembly's memory, which is never more than 4\.29 GB\.$/,
        ) as string,
        next: 'Train with --method lora.',
      }) as Error,
    );
    expect(minMemory(findKnownBase('qwen2.5-coder-0.5b')!, 'full', { backend: 'wasm' })).toBe(Infinity);
    // With the weights as floats.
    expect(() => fitMemory(shape, hyper(), room)).toThrow(
      expect.objectContaining({
        next: 'Train from a smaller base, or with --backend tensorflow or webgpu.',
      }) as Error,
    );
  });

  it('makes a run fit by recomputing, and does not count its quantised weights', () => {
    const larger = findKnownBase('qwen2.5-coder-1.5b')!;
    const changes = (backend: 'tensorflow' | 'wasm') => {
      const place = { ...room, backend, storedBytes: larger.bytes };
      return fitMemory(larger.shape, hyper({ sequenceLength: 2048 }), place).changes.map(english);
    };
    expect(changes('wasm')).toEqual(['activations are recomputed in the backward pass']);
    expect(changes('tensorflow')).toEqual([]);
  });
});

describe('refitRun', () => {
  const again = async (spec: Partial<RunSpec>, available: number) => {
    const warnings: string[] = [];
    const event = (sent: { type: string; message?: string }) =>
      Promise.resolve(void warnings.push(`${sent.type}: ${sent.message}`));
    const run = { hyper: hyper(), evaluation: { checkpointTasks: [] as string[] }, ...spec } as RunSpec;
    const started = {
      backend: { name: 'wasm' as const, reason: '' },
      sizes: { baseBytes: bytes, ...stored },
    };
    const fitted = await refitRun(shape, run, started, { event } as never, available);
    return { hyper: fitted.hyper, warnings };
  };
  const place = { backend: 'wasm' as const, baseBytes: bytes, atCheckpoints: false, ...stored };
  const least = planRun(shape, hyper({ recompute: true }), place).total;

  it('makes a run planned for a GPU fit on the backend it starts on instead, and says how', async () => {
    const run = { backend: 'auto', planned: 'webgpu' } as const;
    const { hyper: fitted, warnings } = await again(run, 6e9);
    expect([fitted.recompute, warnings]).toEqual([false, []]);
    const smaller = await again(run, 1.06 * least);
    expect(smaller.hyper).toEqual(hyper({ recompute: true }));
    expect(smaller.warnings).toEqual([
      'warning: To fit into the memory of wasm, activations are recomputed in the backward pass.',
    ]);
    await expect(again(run, 0.5e9)).rejects.toMatchObject({ code: 'memory' });
  });

  it('leaves a run unchanged on the backend that it was planned for', async () => {
    for (const run of [{ backend: 'wasm' }, { backend: 'auto', planned: 'wasm' }] as const)
      expect((await again(run, 0.5e9)).hyper.recompute).toBe(false);
  });
});

describe('measuring checkpoints on a GPU', () => {
  beforeEach(() => void vi.mocked(runEvaluatorProcess).mockClear());
  const both = planDevice(shape, hyper(), { ...stored, atCheckpoints: true }).total;
  /** The warnings of measuring the base while a run on this card is in memory. */
  async function measureOn(device: PlannedDevice): Promise<string[]> {
    const warnings: string[] = [];
    const event = ({ message = '' }: { message?: string }) => Promise.resolve(void warnings.push(message));
    const evaluation = evaluationPlanSchema.parse({ checkpointTasks: ['humaneval'], keep: 'best' });
    const options = {
      ...{ dir: '', backend: 'webgpu', config: shape, device, length: { steps: 100 } },
      spec: { base: { path: 'base.gguf' }, hyper: hyper(), evaluation },
      writer: { event, state: () => Promise.resolve() },
      signal: new AbortController().signal,
      sizes: { baseBytes: bytes, ...stored, onDevice: true },
    };
    await new CheckpointMeasuring(options as unknown as MeasuringOptions).measureBase(() =>
      Promise.resolve(),
    );
    return warnings;
  }

  it('is left out where both do not fit, as the plan said, and the run says so', async () => {
    expect(await measureOn(card(both))).toEqual([
      expect.stringMatching(
        /^Checkpoints are not measured: with the training, that needs about .* on A card, which has .* GB\.$/,
      ),
    ]);
    expect(runEvaluatorProcess).not.toHaveBeenCalled();
  });

  it('is done where both fit, or where that is not known', async () => {
    for (const device of [card(1.06 * both), card()]) expect(await measureOn(device)).toEqual([]);
    expect(runEvaluatorProcess).toHaveBeenCalledTimes(2);
  });
});
