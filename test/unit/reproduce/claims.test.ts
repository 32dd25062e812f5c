/** Each claim on evidence that was made to fit the paper, to contradict it, and to say nothing. */
import { describe, expect, it } from 'vitest';
import type { ItemRow } from '../../../src/evaluation/figures/item-rows.ts';
import { claimIds, type ClaimId, type ClaimResult } from '../../../src/protocol/reproduction.ts';
import { runSpecSchema } from '../../../src/protocol/run.ts';
import type { RunSpectrum } from '../../../src/protocol/spectrum.ts';
import type { SweepLine, SweepSpec } from '../../../src/protocol/sweep.ts';
import { claims } from '../../../src/reproduce/claims.ts';
import type { Evidence, MeasuredRun } from '../../../src/reproduce/evidence.ts';
import { judgeClaims, type Standing } from '../../../src/reproduce/judge.ts';
import type { StageName } from '../../../src/reproduce/plan.ts';
import { claimsText, reportMarkdown } from '../../../src/reproduce/report.ts';
import { variantsFor, type VariantName } from '../../../src/reproduce/variants.ts';

const variants = variantsFor(192);
const ITEMS = 12;
const BASE_LOSS = 3;

/** A figure of each item: `value` and something of the item's own, which pairing must take away. */
const rowsOf = (metric: string, before: number, after: number, noise: number): Map<string, ItemRow> =>
  new Map(
    Array.from({ length: ITEMS }, (_, i) => {
      const own = Math.sin(7 * i);
      // Differs from item to item in the result alone: what makes an interval wide.
      const odd = noise * Math.cos(11 * i);
      const part = (value: number) => ({ [metric]: { sum: 10 * value, weight: 10 } });
      const parts = { before: part(before && before + own), after: part(after + (before ? own : 0) + odd) };
      return [`d${i}`, { item: `${i}`, digest: `d${i}`, parts }];
    }),
  );

interface Made {
  loss: number;
  kl: number;
  unique?: number;
  noise?: number;
}
function run(name: VariantName, { loss, kl, unique = 0, noise = 0.001 }: Made): MeasuredRun {
  const { method, hyper } = variants[name] as { method: 'lora' | 'full'; hyper?: object };
  const spec = runSpecSchema.parse({
    format: 1,
    id: name,
    name,
    createdAt: '',
    folder: '/code',
    base: { id: 'tiny', path: '/tiny.gguf', sha256: '00' },
    hyper: { method, learningRate: 1e-3, steps: 40, ...hyper },
    backend: 'auto',
    evaluation: {},
    versions: {},
  });
  const at = (share: number) =>
    new Map([
      ['workspace', rowsOf('loss', BASE_LOSS, BASE_LOSS - share * (BASE_LOSS - loss), noise)],
      ['retention', rowsOf('KL from base', 0, share * kl, noise * kl)],
      ['humaneval', rowsOf('unique programs', 45, unique, noise)],
    ]);
  return { spec, points: [0.5, 1].map((share) => ({ step: 40 * share, rows: at(share) })) };
}

const asThePaper: Partial<Record<VariantName, Made>> = {
  lora: { loss: 2.6, kl: 0.04, unique: 40 },
  full: { loss: 2.4, kl: 0.2, unique: 30 },
  'lora-attention': { loss: 2.75, kl: 0.03 },
  'lora-mlp': { loss: 2.62, kl: 0.04 },
  'lora-high-rank': { loss: 2.5, kl: 0.07 },
  'full-weight-decay': { loss: 2.41, kl: 0.19 },
  'full-attention-dropout': { loss: 2.39, kl: 0.21 },
  'lora-replay': { loss: 2.6, kl: 0.02 },
  'lora-instruct': { loss: 2.2, kl: 0.05 },
  'full-instruct': { loss: 2.15, kl: 0.2 },
};

const spectrum = (rank: number): RunSpectrum => {
  const one = (rank: number) => ({ size: 1, ranks: [1, rank, rank + 1], values: [1] });
  const linears = Array.from({ length: 20 }, (_, layer) => ({
    layer,
    module: 'q' as const,
    shape: [576, 576] as [number, number],
    base: one(280),
    change: one(rank + (layer % 3)),
    noise: one(318),
  }));
  return { format: 1, method: 'full', step: 40, source: 'checkpoint', backend: 'x', linears };
};

/** The lowest loss at these rates. */
function sweep(lora: number, full: number): NonNullable<Evidence['sweep']> {
  const windowTokens = Array<number>(8).fill(255);
  const trial = (method: 'lora' | 'full', learningRate: number, best: number): SweepLine => ({
    type: 'trial',
    time: '',
    method,
    learningRate,
    losses: [],
    heldOut: windowTokens.map(
      (_, i) => 2 + i / 10 + 0.1 * (Math.log10(learningRate / best) + 0.01 * (i % 3)) ** 2,
    ),
    seconds: 1,
  });
  const rates = [1e-5, 1e-4, 1e-3, 1e-2];
  const base: SweepLine = {
    type: 'base',
    time: '',
    method: 'lora',
    backend: 'x',
    losses: [],
    heldOut: [],
    windowTokens,
  };
  const lines = [base, ...rates.flatMap((rate) => [trial('lora', rate, lora), trial('full', rate, full)])];
  return { spec: { id: 'sweep', hyper: { steps: 10 } } as SweepSpec, lines };
}

const evidenceOf = (made: typeof asThePaper, more: Partial<Evidence> = {}): Evidence => ({
  variants,
  runs: Object.fromEntries(Object.entries(made).map(([name, one]) => [name, run(name as VariantName, one)])),
  sweep: sweep(1e-3, 1e-4),
  spectrum: spectrum(150),
  ...more,
});
const stages = new Set(claims.flatMap(({ needs }) => needs));
const judged = (evidence: Evidence, patch: Partial<Standing> = {}): Map<ClaimId, ClaimResult> =>
  new Map(
    judgeClaims(claimIds, { evidence, done: stages, failed: new Map(), why: 'budget', ...patch }).map(
      (one) => [one.claim, one],
    ),
  );

it('finds all claims to hold where all is as in the paper', () => {
  const results = judged(evidenceOf(asThePaper));
  for (const { claim, verdict } of results.values()) expect([claim, verdict]).toEqual([claim, 'holds']);
});

it('has the effects that follow by hand', () => {
  const results = judged(evidenceOf(asThePaper));
  const effects = (id: ClaimId) => results.get(id)!.effects.map(({ value }) => value);
  // Full reaches 2.6 at two thirds of its way: KL 0.2 x 2/3, less 0.04.
  expect(effects('forgetting')[0]).toBeCloseTo((0.2 * 2) / 3 - 0.04, 2);
  expect(effects('rates')[0]).toBeCloseTo(10, 0);
  expect(effects('targets')[0]).toBeCloseTo(0.13, 2);
  expect(effects('diversity').slice(0, 2)).toEqual([expect.closeTo(5, 1), expect.closeTo(10, 1)]);
  expect(effects('spectrum')[0]).toBeCloseTo(151 / 16, 6);
  // .8 / .85 of instructions, .4 / .6 of text.
  expect(effects('instruction')[0]).toBeCloseTo(0.8 / 0.85 - 0.4 / 0.6, 2);
});

describe('what speaks against a claim', () => {
  it.each<[ClaimId, typeof asThePaper, Partial<Evidence>?]>([
    ['forgetting', { full: { loss: 2.4, kl: 0.03 } }],
    ['rates', {}, { sweep: sweep(1e-4, 1e-4) }],
    ['targets', { 'lora-attention': { loss: 2.4, kl: 0.03 } }],
    ['rank', { 'lora-high-rank': { loss: 2.5, kl: 0.02 } }],
    ['spectrum', {}, { spectrum: spectrum(10) }],
    ['diversity', { full: { loss: 2.4, kl: 0.2, unique: 44 } }],
    ['regularisers', { 'full-weight-decay': { loss: 2.41, kl: 0.02 } }],
    ['replay', { 'lora-replay': { loss: 2.6, kl: 0.08 } }],
    ['instruction', { 'lora-instruct': { loss: 2.9, kl: 0.05 } }],
  ])('%s', (id, made, more) => {
    expect(judged(evidenceOf({ ...asThePaper, ...made }, more)).get(id)!.verdict).toBe('does not hold');
  });
});

it("can't tell where items disagree, and where nothing was learned", () => {
  const noisy = { ...asThePaper, 'lora-attention': { loss: 2.61, kl: 0.03, noise: 0.3 } };
  expect(judged(evidenceOf(noisy)).get('targets')!.verdict).toBe("can't tell");
  const stuck = { ...asThePaper, lora: { loss: 3.1, kl: 0.04 } };
  const { verdict, notes } = judged(evidenceOf(stuck)).get('forgetting')!;
  expect(verdict).toBe("can't tell");
  expect(notes[0]).toMatch(/No interval for "KL from base at equal held-out loss/);
});

it('does not take a best rate at the edge of the grid for the claim', () => {
  // Full's lowest loss lies above the highest rate tried: the true ratio may be smaller.
  const open = judged(evidenceOf(asThePaper, { sweep: sweep(1e-1, 1e-1) })).get('rates')!;
  expect(open.verdict).not.toBe('holds');
  expect(open.notes.join()).toMatch(/full fine-tuning is the highest .* may lie beyond/);
});

it('averages over two seeds', () => {
  const seeds = { 'lora-second-seed': asThePaper.lora!, 'full-second-seed': { loss: 2.4, kl: 0.3 } };
  const { effects, notes } = judged(evidenceOf({ ...asThePaper, ...seeds })).get('forgetting')!;
  const [one, two] = [(0.2 * 2) / 3 - 0.04, (0.3 * 2) / 3 - 0.04];
  expect(effects[0]!.value).toBeCloseTo((one + two) / 2, 2);
  expect(effects.slice(1, 3).map(({ value }) => value)).toEqual([
    expect.closeTo(one, 2),
    expect.closeTo(two, 2),
  ]);
  expect(notes[0]).toMatch(/two seeds/);
});

it('says why a claim was not run', () => {
  const evidence = { ...evidenceOf({ lora: asThePaper.lora! }), sweep: undefined };
  const results = judged(evidence, {
    done: new Set<StageName>(['lora']),
    failed: new Map([['full', 'The memory did not suffice']]),
  });
  expect(results.get('forgetting')).toMatchObject({ verdict: 'not run', why: 'The memory did not suffice' });
  expect(results.get('targets')).toMatchObject({ verdict: 'not run', why: 'budget' });
  expect(results.get('rates')).toMatchObject({ verdict: 'not run', why: 'budget' });
  const text = claimsText([...results.values()]);
  expect(text).toMatch(/^1\. not run: The memory did not suffice +LoRA forgets less/m);
});

it('writes a report with every claim, its effect and the rule', () => {
  const results = [...judged(evidenceOf(asThePaper)).values()];
  const spec = { id: 'r', base: { id: 'tiny' }, folder: '/code', budgetMinutes: 60, sequenceLength: 256 };
  const repro = { dir: '', spec, state: { runs: {}, done: [], steps: 40 } } as unknown as Parameters<
    typeof reportMarkdown
  >[0];
  const report = reportMarkdown(repro, results);
  for (const { title } of claims) expect(report).toContain(`. ${title} |`);
  expect(report).toMatch(/claimed 0\.8 to 1\.25/);
  expect(report).toMatch(/LoRA, r = 16 on all linear layers: 40 steps at 1e-3 \(lora\)/);
});
