import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { knownBases } from '../../../src/base-models/registry.ts';
import { sizedBase } from '../../../src/extension/wizard/estimates.ts';
import { loadModel, readConfig } from '../../../src/model/index.ts';
import { hyperSchema, type Hyper } from '../../../src/protocol/run.ts';
import { startBackend } from '../../../src/tensor/index.ts';
import { availableMemory } from '../../../src/platform/machine/available-memory.ts';
import { fitMemory } from '../../../src/training/memory/fit.ts';
import { countParameters, planEvaluation, planMemory, planRun } from '../../../src/training/memory/plan.ts';
import { minMemory, runMemory } from '../../../src/training/memory/defaults.ts';
import { tinyWeights } from '../../support/tiny-weights.ts';

const smol = {
  ...readConfig(tinyWeights()),
  layers: 30,
  width: 576,
  hiddenWidth: 1536,
  heads: 9,
  kvHeads: 3,
  headSize: 64,
  vocabularySize: 49152,
};
const hyper = (patch: Partial<Hyper> = {}) => hyperSchema.parse({ learningRate: 1, steps: 1, ...patch });
const stored = { storedBytes: 98e6 };
const measuring = { ...stored, baseBytes: 98e6, cores: 2 };
const plan = (patch: Partial<Hyper> = {}) =>
  planMemory(smol, hyper(patch), { backend: 'tensorflow', ...measuring });

describe('planMemory', () => {
  it.each([
    [{ method: 'lora', targets: ['q', 'down'] }],
    [{ method: 'lora', targets: ['all'], rank: 3 }],
    [{ method: 'full' }],
  ] as const)('counts the parameters of the model (%o)', async (patch) => {
    const weights = tinyWeights();
    const asked = hyper({ ...patch, targets: [...('targets' in patch ? patch.targets : ['all'])] });
    const backend = await startBackend('wasm');
    const model = await loadModel(backend, weights, asked);
    const { parameters } = planMemory(model.config, asked, { backend: 'wasm' });
    expect(parameters).toBe(4 * model.parameterCount);
    model.dispose();
  });

  it('matches SmolLM2', () => {
    // 134.5 million weights; LoRA of rank 16 trains another 4.88 million.
    expect(plan().parameters).toBe(4 * 4_884_480);
    expect(plan({ method: 'full' }).parameters).toBe(4 * 134_515_008);
    const weights = (patch: Partial<Hyper> = {}) =>
      planMemory(smol, hyper(patch), { backend: 'tensorflow' }).weights;
    expect(weights()).toBe(4 * 134_515_008);
    expect(weights({ precision: 'bf16' })).toBeLessThan(0.55 * weights());
  });

  it('accounts for what each choice costs and saves', () => {
    const { optimiser, parameters } = plan({ method: 'full', optimizer: 'adamw' });
    expect(optimiser).toBe(2 * parameters);
    expect(plan({ method: 'full', optimizer: 'lionw' }).optimiser).toBe(parameters);
    expect(plan().total).toBeLessThan(plan({ method: 'full' }).total);
    expect(plan({ precision: 'bf16' }).total).toBeLessThan(plan().total);
    expect(plan({ recompute: true }).activations).toBeLessThan(0.3 * plan().activations);
    expect(plan({ batch: 4 }).activations).toBe(4 * plan().activations);
    expect(plan({ sequenceLength: 1024 }).activations).toBe(2 * plan().activations);
  });

  it('adds up, and grows linearly with the sequence', () => {
    const { total, ...parts } = plan();
    expect(Object.values(parts).reduce((sum, bytes) => sum + bytes, 0)).toBe(total);
    for (const bytes of Object.values(parts)) expect(bytes).toBeGreaterThanOrEqual(0);
    const at = (sequenceLength: number) => plan({ sequenceLength }).total;
    expect(at(8192) - at(6144)).toBeCloseTo(at(6144) - at(4096), -3);
  });
});

const run = (patch: Partial<Hyper> = {}, atCheckpoints = false) =>
  planRun(smol, hyper(patch), { ...measuring, backend: 'tensorflow', atCheckpoints });

describe('a quantised base', () => {
  it('takes its file size, plus one matrix at a time in full precision', () => {
    const asNumbers = planMemory(smol, hyper(), { backend: 'tensorflow' });
    expect(asNumbers.weights).toBeGreaterThan(4 * 134e6);
    expect(plan().weights).toBeLessThan(measuring.baseBytes + 1e6);
    expect(plan().total).toBeLessThan(asNumbers.total);
    expect(plan({ method: 'full' })).toEqual(
      planMemory(smol, hyper({ method: 'full' }), { backend: 'tensorflow' }),
    );
  });
});

describe('planRun', () => {
  it('is the larger of training and measuring, or both if checkpoints are measured', () => {
    const measured = planEvaluation(smol, hyper(), { ...measuring, backend: 'tensorflow' });
    const short = run({ sequenceLength: 64 });
    expect(short.total).toBeGreaterThan(plan({ sequenceLength: 64 }).total);
    expect(short.total).toBeLessThan(1.1 * measured);
    expect(run({ sequenceLength: 8192 })).toEqual(plan({ sequenceLength: 8192 }));
    expect(run({}, true).total).toBe(plan().total + measured);
    const { total, ...parts } = short;
    expect(Object.values(parts).reduce((sum, bytes) => sum + bytes, 0)).toBe(total);
  });

  it("scores in the run's precision, and holds one of two whole models", () => {
    // In half precision, so that no weights stay as stored in the file.
    const measured = (patch: Partial<Hyper>) =>
      planEvaluation(smol, hyper(patch), { baseBytes: 2 * 135e6, cores: 2, backend: 'tensorflow' });
    const weights = 4 * 134_515_008;
    const full = { method: 'full' } as const;
    // In bf16, serving takes more memory than scoring.
    expect(measured(full) - measured({ ...full, precision: 'bf16' })).toBeGreaterThan(0.3 * weights);
    // The check of a served adapter runs in f32.
    expect(measured({}) - measured({ precision: 'bf16' })).toBeGreaterThan(0.2 * weights);
    // Its head and its file are added, but no second copy of its weights in f32.
    expect(measured({ method: 'full' }) - measured({})).toBeLessThan(1.3 * weights);
  });
});

describe('the numbers shown before a run', () => {
  const machines = (['tensorflow', 'wasm'] as const).flatMap((backend) =>
    (backend === 'wasm' ? (['f32'] as const) : (['f32', 'bf16'] as const)).map((precision) => ({
      backend,
      precision,
    })),
  );
  it.each(knownBases.map((base) => [base.id, base] as const))(
    'are the same in wizard, models and train: %s',
    async (id, base) => {
      const { shape, bytes, parameters } = base;
      expect(await sizedBase(id)).toBe(base);
      expect(countParameters(shape, hyper({ method: 'full' }))).toBe(parameters);
      for (const machine of machines)
        for (const method of ['lora', 'full'] as const) {
          const asked = hyper({ method, precision: machine.precision });
          const room = {
            backend: machine.backend,
            available: Infinity,
            storedBytes: bytes,
            measuring: { baseBytes: bytes, atCheckpoints: true },
          };
          const train = () => fitMemory({ ...smol, ...shape }, asked, room).plan.total;
          if (minMemory(base, method, machine) === Infinity) expect(train).toThrow("WebAssembly's memory");
          else expect(runMemory(base, method, machine)).toBe(train());
        }
    },
  );
});

describe('fitMemory', () => {
  const asked = hyper({ batch: 6, sequenceLength: 1024 });
  const fit = (available: number, patch: Partial<Hyper> = {}) =>
    fitMemory(smol, { ...asked, ...patch }, { backend: 'tensorflow', available, ...stored });

  it('leaves a run that fits unchanged', () => {
    expect(fit(64e9)).toMatchObject({ hyper: asked, changes: [] });
  });

  it('first recomputes activations, then reduces the batch size, and learns from the same sequences', () => {
    let before = Infinity;
    const seen: string[] = [];
    for (let available = 16e9; available > 1e9; available -= 5e7) {
      let fitted;
      try {
        fitted = fit(available);
      } catch {
        break;
      }
      const { hyper: now, plan, changes } = fitted;
      expect(plan.total).toBeLessThanOrEqual(available);
      expect(plan.total).toBeLessThanOrEqual(before);
      expect(now.batch * now.accumulate).toBe(6);
      expect({ ...now, batch: 6, accumulate: 1, recompute: false }).toEqual(asked);
      before = plan.total;
      const what = `${now.recompute ? 'again ' : ''}${now.accumulate} x ${now.batch}`;
      if (seen.at(-1) !== what) seen.push(what);
      expect(changes).toHaveLength(Number(now.recompute) + Number(now.batch < 6));
    }
    expect(seen).toEqual(['1 x 6', 'again 1 x 6', 'again 2 x 3', 'again 3 x 2', 'again 6 x 1']);
  });

  it('makes room for measuring, and skips it at checkpoints before it rejects the run', () => {
    const room = {
      backend: 'tensorflow' as const,
      ...stored,
      measuring: { baseBytes: 98e6, cores: 2, atCheckpoints: true },
    } as const;
    const fitted = (available: number) => fitMemory(smol, hyper(), { ...room, available });
    const both = run({}, true).total;
    expect(fitted(1.06 * both)).toMatchObject({ plan: { total: both }, changes: [] });
    const least = Math.max(run({ recompute: true }).total, run().total);
    expect(fitted(1.06 * least).changes).toEqual(['checkpoints are not measured']);
    expect(() => fitted(0.9 * run({ recompute: true }).total)).toThrow(/memory/);
  });

  it('says what would fit if nothing else helps', () => {
    const small = (patch: Partial<Hyper>) => plan({ batch: 1, recompute: true, ...patch }).total / 0.94;
    const refusal = (available: number, patch: Partial<Hyper> = {}) => {
      try {
        fit(available, patch);
      } catch (error) {
        return error as { code: string; message: string; next: string };
      }
      throw new Error('it fits');
    };
    const available = small({ sequenceLength: 512 });
    const { code, message, next } = refusal(available, { sequenceLength: 4096 });
    expect(code).toBe('memory');
    expect(message).toMatch(/^This run would take about [\d.]+ GB of memory, but only .* are available\.$/);
    const length = Number(/^Train with --seq (\d+)\.$/.exec(next)?.[1]);
    expect(length).toBeGreaterThanOrEqual(512);
    expect(small({ sequenceLength: length })).toBeLessThan(1.02 * available);
    expect(small({ sequenceLength: 2 * length })).toBeGreaterThan(available);
    const full = { method: 'full', optimizer: 'adamw' } as const;
    expect(refusal(small({ sequenceLength: 1024, optimizer: 'adamw' }), full).next).toBe(
      'Train with --method lora.',
    );
    expect(refusal(small({ ...full, sequenceLength: 128 }), full).next).toMatch(/^Train with --seq \d+\.$/);
    expect(refusal(2e8).next).toBe('Train from a smaller base, or free some memory.');
  });
});

describe('availableMemory', () => {
  let root = '';
  beforeEach(async () => void (root = await mkdtemp(join(tmpdir(), 'fmn-proc-'))));
  afterEach(() => rm(root, { recursive: true, force: true }));
  const write = async (files: Record<string, string>) => {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text);
    }
  };
  const meminfo = 'MemTotal:       16000000 kB\nMemFree:          100000 kB\nMemAvailable:    8000000 kB\n';

  it('is what the kernel reports', async () => {
    await write({ 'proc/meminfo': meminfo, 'proc/self/cgroup': '0::/\n' });
    expect(await availableMemory(root, 'linux')).toBe(8_000_000 * 1024);
  });

  it('is what the tightest control group leaves', async () => {
    await write({
      'proc/meminfo': meminfo,
      'proc/self/cgroup': '0::/pod/job\n',
      'sys/fs/cgroup/pod/job/memory.max': 'max\n',
      'sys/fs/cgroup/pod/job/memory.current': '1000\n',
      'sys/fs/cgroup/pod/memory.max': '3000000000\n',
      'sys/fs/cgroup/pod/memory.current': '1500000000\n',
      'sys/fs/cgroup/pod/memory.stat': 'anon 1\nfile 600000000\ninactive_file 500000000\n',
    });
    expect(await availableMemory(root, 'linux')).toBe(2_000_000_000);
  });

  it('supports the older control groups', async () => {
    await write({
      'proc/meminfo': meminfo,
      'proc/self/cgroup': '9:name=systemd:/\n4:memory:/job\n0::/\n',
      'sys/fs/cgroup/memory/job/memory.limit_in_bytes': '1000000000\n',
      'sys/fs/cgroup/memory/job/memory.usage_in_bytes': '900000000\n',
      'sys/fs/cgroup/memory/job/memory.stat': 'inactive_file 1\ntotal_inactive_file 300000000\n',
      'sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
      'sys/fs/cgroup/memory/memory.usage_in_bytes': '900000000\n',
    });
    expect(await availableMemory(root, 'linux')).toBe(400_000_000);
  });

  it('is a positive number here', async () => {
    expect(await availableMemory()).toBeGreaterThan(1e7);
  });
});
