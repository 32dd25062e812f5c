/** Which rates the runs of a reproduction get. */
import { expect, it } from 'vitest';
import { reproductionStateSchema } from '../../../src/protocol/reproduction.ts';
import type { SweepLine } from '../../../src/protocol/sweep.ts';
import { Ledger } from '../../../src/reproduce/ledger.ts';
import type { Reproduction } from '../../../src/reproduce/store.ts';
import { baseLine, sweepSpec, trial } from '../training/sweep-help.ts';

const swept = sweepSpec({
  extend: false,
  methods: [
    { method: 'lora', precision: 'f32', rates: [1e-4, 3e-4, 1e-3] },
    { method: 'full', precision: 'f32', rates: [1e-5, 3e-5, 1e-4] },
  ],
});
/** All trials of LoRA, the best of which is the last. */
const lora: SweepLine[] = [baseLine('lora'), trial(1e-4, -0.1), trial(3e-4, -0.2), trial(1e-3, -0.3)];
const full = (...changes: number[]): SweepLine[] => [
  baseLine('full'),
  ...changes.map((change, i) => trial(swept.methods[1]!.rates[i]!, change, { method: 'full' })),
];

function settled(lines: readonly SweepLine[]) {
  const spec = { sequenceLength: 64, heldOutWindows: 16, retentionTexts: 8, data: {} };
  const repro = { dir: '', spec, state: reproductionStateSchema.parse({}) } as unknown as Reproduction;
  const ledger = new Ledger(repro, {
    machine: { tokensPerSecond: { lora: 1000, full: 800 }, start: 2, forward: 0.5, spectrumOperations: 1e9 },
    shape: { parameters: 1e8, layers: 4 } as never,
    largestRank: 192,
    trainTokens: 100_000,
    launcher: {} as never,
  });
  ledger.settleRates(swept, lines);
  return { ...repro.state.rates!, defaults: ledger.defaultRates() };
}

it.each([
  ['all trials', full(-0.1, -0.2, -0.3), 1e-4],
  ['trials up to one that is worse than the one before', full(-0.2, -0.1), 1e-5],
])('is the best after %s', (_, lines, best) => {
  const why = 'the best of sweep x';
  expect(settled([...lora, ...lines])).toMatchObject({ lora: 1e-3, full: best, why });
});

it('is the default if a rate that was not tried may be better', () => {
  const { defaults, ...rates } = settled([...lora, ...full(-0.2)]);
  const why =
    'the best of sweep x, and the default for full fine-tuning, for which the sweep found no best rate';
  expect(rates).toEqual({ lora: 1e-3, full: defaults.full, why });
  const none = settled([]);
  expect(none).toMatchObject(none.defaults);
  expect(none.why).toBe('the default for LoRA and full fine-tuning, for which the sweep found no best rate');
});
