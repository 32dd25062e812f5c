import { corpusPlanSchema } from '../../../src/protocol/run.ts';
import { sweepSpecSchema, type SweepLine, type SweepSpec, type Trial } from '../../../src/protocol/sweep.ts';
import type { NewSweep } from '../../../src/training/sweep/store.ts';

/** The user's request. */
export const newSweep = (): NewSweep => ({
  folder: '/code',
  corpus: corpusPlanSchema.parse({}),
  corpusDigest: 'd',
  base: { id: 'b', path: '/b', sha256: 's' },
  methods: [{ method: 'lora', precision: 'f32', rates: [1e-4, 3e-4, 1e-3] }],
  extend: true,
  hyper: sweepSpecSchema.shape.hyper.parse({ steps: 12 }),
  backend: 'auto',
  heldOutWindows: 4,
  versions: {},
});

export const sweepSpec = (patch: Partial<SweepSpec> = {}): SweepSpec => ({
  ...newSweep(),
  format: 1,
  id: 'x',
  createdAt: '2026-11-25T12:00:00.000Z',
  ...patch,
});

/** Windows of very different difficulty: unpaired, a difference of a tenth would not be significant. */
const windows = [1, 2, 3, 4];

export const baseLine = (method: 'lora' | 'full' = 'lora'): SweepLine => ({
  type: 'base',
  time: '',
  method,
  backend: 'wasm',
  losses: [2, 2, 2],
  heldOut: windows,
  windowTokens: [10, 10, 10, 10],
});

/** A trial that changes every held-out window's loss by about `change`; undefined is one that was cut short. */
export const trial = (
  learningRate: number,
  change: number | undefined,
  { noise = 0, method = 'lora' as const, ...patch }: Partial<Trial> & { noise?: number } = {},
): Trial => ({
  type: 'trial',
  time: '',
  method,
  learningRate,
  losses: [2, 1.9, 1.8],
  ...(change === undefined
    ? { diverged: { step: 7, why: 'the loss or its gradient is no longer a number' } }
    : { heldOut: windows.map((loss, i) => loss + change + (i % 2 ? noise : -noise)) }),
  seconds: 1,
  ...patch,
});
