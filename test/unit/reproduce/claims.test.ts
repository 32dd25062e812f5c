/** Each claim on evidence made to agree with the paper, to contradict it, and to be inconclusive. */
import { describe, expect, it } from 'vitest';
import type { ItemRow } from '../../../src/evaluation/metrics/item-rows.ts';
import { claimIds, type ClaimId, type ClaimResult } from '../../../src/protocol/reproduction.ts';
import { runSpecSchema } from '../../../src/protocol/run.ts';
import type { SweepLine, SweepSpec } from '../../../src/protocol/sweep.ts';
import { claims } from '../../../src/reproduce/claims.ts';
import type { Evidence, MeasuredRun, Sweep } from '../../../src/reproduce/evidence.ts';
import { judgeClaims, type Progress } from '../../../src/reproduce/judge.ts';
import { claimsText, reportMarkdown } from '../../../src/reproduce/report.ts';
import { stageOf, type StageName } from '../../../src/reproduce/stages.ts';
import { variantsFor, type VariantName } from '../../../src/reproduce/variants.ts';

const variants = variantsFor(192);
const ITEMS = 12;
const BASE_LOSS = 3;

/** A metric per item: `value` plus an offset of the item's own, which pairing has to cancel. */
const rowsOf = (metric: string, before: number, after: number, noise: number): Map<string, ItemRow> =>
  new Map(
    Array.from({ length: ITEMS }, (_, i) => {
      const own = Math.sin(7 * i);
      // Varies between items in the result only, which makes an interval wide.
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
  /** Loss and KL at half strength; default: two thirds of what was learned, a quarter of what was forgotten. */
  half?: { loss: number; kl: number };
  /** Loss of the change truncated to ranks 16 and 64. */
  cut?: [number, number];
}

/** Losses and KLs rise by this much from seed to seed. */
const PER_SEED = 0.001;

function run(name: VariantName, made: Made, seed: number): MeasuredRun {
  const { loss, kl, unique = 0, noise = 0.001, cut } = made;
  const { half = { loss: BASE_LOSS - (2 / 3) * (BASE_LOSS - loss), kl: kl / 4 } } = made;
  const { method, hyper } = variants[name] as { method: 'lora' | 'full'; hyper?: object };
  const spec = runSpecSchema.parse({
    format: 1,
    id: stageOf(name, seed),
    name,
    createdAt: '',
    folder: '/code',
    base: { id: 'tiny', path: '/tiny.gguf', sha256: '00' },
    hyper: { method, learningRate: 1e-3, steps: 40, seed, ...hyper },
    backend: 'auto',
    evaluation: {},
    versions: {},
  });
  const more = seed * PER_SEED;
  const windows = (at: number): [string, Map<string, ItemRow>] => [
    'workspace',
    rowsOf('loss', BASE_LOSS, at + more, noise),
  ];
  const measured = (at: { loss: number; kl: number }) =>
    new Map([
      windows(at.loss),
      ['retention', rowsOf('KL from base', 0, at.kl + more, noise * kl)],
      ['humaneval', rowsOf('unique programs', 45, unique + 100 * more, noise)],
    ]);
  const between = (share: number) =>
    measured({ loss: BASE_LOSS - share * (BASE_LOSS - loss), kl: share * kl });
  return {
    spec,
    points: [0.5, 1].map((share) => ({ step: 40 * share, rows: between(share) })),
    parts: new Map([
      ['strength-0.5', measured(half)],
      ['linears', new Map([windows(loss + 0.01)])],
      ...(cut ?? []).map((at, i) => [`rank-${[16, 64][i]}`, new Map([windows(at)])] as const),
    ]),
  };
}

const asThePaper: Partial<Record<VariantName, Made>> = {
  lora: { loss: 2.6, kl: 0.04, unique: 40 },
  full: { loss: 2.4, kl: 0.24, unique: 30, cut: [2.8, 2.6] },
  'lora-lower-rate': { loss: 2.75, kl: 0.02 },
  'full-lower-rate': { loss: 2.6, kl: 0.15 },
  'lora-attention': { loss: 2.75, kl: 0.03 },
  'lora-mlp': { loss: 2.62, kl: 0.04 },
  'lora-high-rank': { loss: 2.5, kl: 0.07 },
  'full-weight-decay': { loss: 2.41, kl: 0.23 },
  'full-attention-dropout': { loss: 2.39, kl: 0.25 },
  'lora-replay': { loss: 2.6, kl: 0.02 },
  'lora-instruct': { loss: 2.2, kl: 0.05 },
  'full-instruct': { loss: 2.15, kl: 0.2 },
};

/** The lowest loss at these rates. */
function sweep(lora: number, full: number): Sweep {
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
    kl: learningRate,
    seconds: 1,
  });
  const rates = [1e-5, 1e-4, 1e-3, 1e-2];
  const base: SweepLine = {
    type: 'base',
    time: '',
    method: 'lora',
    backend: 'x',
    losses: [],
    heldOut: windowTokens.map((_, i) => 3 + i / 10),
    windowTokens,
  };
  const lines = [base, ...rates.flatMap((rate) => [trial('lora', rate, lora), trial('full', rate, full)])];
  return { spec: { id: 'sweep', hyper: { steps: 10 } } as SweepSpec, lines };
}

const evidenceOf = (made: typeof asThePaper, more: Partial<Evidence> = {}, seeds = 3): Evidence => ({
  variants,
  runs: Object.fromEntries(
    Object.entries(made).flatMap(([name, values]) =>
      Array.from({ length: seeds }, (_, seed) => [
        stageOf(name as VariantName, seed),
        run(name as VariantName, values, seed),
      ]),
    ),
  ),
  sweeps: Array.from({ length: seeds }, () => sweep(1e-3, 1e-4)),
  ...more,
});
const stages = (seeds: number): Set<StageName> =>
  new Set(
    claims.flatMap(({ needs }) =>
      Array.from({ length: seeds }, (_, seed) => needs.map((kind) => stageOf(kind, seed))).flat(),
    ),
  );
const judged = (evidence: Evidence, patch: Partial<Progress> = {}): Map<ClaimId, ClaimResult> => {
  const standing = { evidence, done: stages(3), failed: new Map(), seeds: 3, why: 'budget' as const };
  return new Map(judgeClaims(claimIds, { ...standing, ...patch }).map((result) => [result.claim, result]));
};

it('finds that all claims hold if everything is as in the paper', () => {
  const results = judged(evidenceOf(asThePaper));
  for (const { claim, verdict } of results.values()) expect([claim, verdict]).toEqual([claim, 'holds']);
});

it('computes the expected effects, averaged over seeds', () => {
  const results = judged(evidenceOf(asThePaper));
  const effects = (id: ClaimId) => results.get(id)!.effects.map(({ value }) => value);
  // LoRA has learned .4 at a cost of .04. Full fine-tuning learned .4 at half strength, at a quarter of .24.
  expect(effects('forgetting')[0]).toBeCloseTo(0.06 - 0.04, 2);
  // Half of that: .2 on the line from the base to half strength costs .03; LoRA's half strength is at .27 for .01.
  expect(effects('forgetting')[1]).toBeCloseTo(0.03 - 0.01 * (0.2 / 0.267), 2);
  expect(effects('learning')[0]).toBeCloseTo(0.2, 2);
  // At a cost of .04, full fine-tuning reaches two thirds of the .4.
  expect(effects('learning')[1]).toBeCloseTo(0.4 * (0.04 / 0.06) - 0.4, 2);
  expect(effects('rates')[0]).toBeCloseTo(10, 0);
  expect(effects('targets')[0]).toBeCloseTo(0.13, 2);
  expect(effects('diversity').slice(0, 2)).toEqual([expect.closeTo(5, 0), expect.closeTo(10, 1)]);
  // Of the .59 learned by the change in the linear layers.
  expect(effects('spectrum').slice(0, 3)).toEqual([
    expect.closeTo(0.2 / 0.59, 2),
    expect.closeTo(0.4 / 0.59, 2),
    expect.closeTo(0.59 / 0.6, 2),
  ]);
  // .8 / .85 for instructions, .4 / .6 for text.
  expect(effects('instruction')[0]).toBeCloseTo(0.8 / 0.85 - 0.4 / 0.6, 2);
});

describe('contradicting evidence', () => {
  it.each<[ClaimId, typeof asThePaper, Partial<Evidence>?]>([
    ['forgetting', { full: { loss: 2.4, kl: 0.03 } }],
    // Its end forgets more than LoRA's, but the same run at half strength learns as much at a lower cost.
    ['forgetting', { full: { loss: 2.4, kl: 0.3, half: { loss: 2.6, kl: 0.01 } } }],
    // The same for a run at a lower rate.
    ['forgetting', { 'full-lower-rate': { loss: 2.55, kl: 0.02 } }],
    ['learning', { lora: { loss: 2.2, kl: 0.04 } }],
    ['rates', {}, { sweeps: [0, 1, 2].map(() => sweep(1e-4, 1e-4)) }],
    ['targets', { 'lora-attention': { loss: 2.4, kl: 0.03 } }],
    ['rank', { 'lora-high-rank': { loss: 2.5, kl: 0.02 } }],
    ['spectrum', { full: { loss: 2.4, kl: 0.24, cut: [2.42, 2.41] } }],
    ['diversity', { full: { loss: 2.4, kl: 0.24, unique: 44 } }],
    ['regularisers', { 'full-weight-decay': { loss: 2.41, kl: 0.02 } }],
    ['replay', { 'lora-replay': { loss: 2.6, kl: 0.08 } }],
    ['instruction', { 'lora-instruct': { loss: 2.9, kl: 0.05 } }],
  ])('%s', (id, made, more) => {
    expect(judged(evidenceOf({ ...asThePaper, ...made }, more)).get(id)!.verdict).toBe('does not hold');
  });
});

describe('with too few seeds', () => {
  it.each([
    [1, /^Only one seed was run, and others may give another result: .* judged from 3 seeds\.$/],
    [2, /^Only 2 seeds were run/],
  ])("%d, can't decide claims about differences between runs, and says so", (seeds, why) => {
    const results = judged(evidenceOf(asThePaper, {}, seeds), { done: stages(seeds) });
    for (const { claim, verdict, ...result } of results.values())
      if (claim === 'spectrum') expect(verdict).toBe('holds');
      else {
        expect([claim, verdict, result.left]).toEqual([claim, "can't tell", true]);
        expect(result.why).toMatch(why);
        expect(result.effects.length).toBeGreaterThan(0);
      }
    expect(claimsText([...results.values()])).toMatch(
      /^1\. can't tell +LoRA forgets less.*\n( {5}.*\n)+? {5}Only/m,
    );
  });

  it('does not ask for more than the requested number', () => {
    const results = judged(evidenceOf(asThePaper, {}, 1), { done: stages(1), seeds: 1 });
    expect(results.get('forgetting')).toMatchObject({ verdict: "can't tell" });
    expect(results.get('forgetting')!.left).toBeUndefined();
  });

  it("does not wait for a seed whose run failed, and can't decide if seeds disagree", () => {
    const done = stages(3);
    done.delete('lora-mlp-seed-2');
    const failed = new Map<StageName, string>([['lora-mlp-seed-2', 'It diverged']]);
    expect(judged(evidenceOf(asThePaper), { done, failed }).get('targets')).toMatchObject({
      verdict: "can't tell",
      why: expect.stringMatching(/^Only 2 seeds/) as string,
    });
    expect(judged(evidenceOf(asThePaper), { done, failed }).get('targets')!.left).toBeUndefined();
    const evidence = evidenceOf(asThePaper);
    evidence.runs['lora-attention-seed-2'] = run('lora-attention', { loss: 2.5, kl: 0.03 }, 2);
    const { verdict, why, effects } = judged(evidence).get('targets')!;
    expect([verdict, why]).toEqual(["can't tell", undefined]);
    expect(effects[0]!.bySeed).toHaveLength(3);
  });
});

it("can't decide if items disagree, or if nothing was learned", () => {
  const noisy = { ...asThePaper, 'lora-attention': { loss: 2.61, kl: 0.03, noise: 0.3 } };
  expect(judged(evidenceOf(noisy)).get('targets')!.verdict).toBe("can't tell");
  const nothing = { loss: 3.1, kl: 0.04 };
  const stuck = { ...asThePaper, lora: nothing, 'lora-lower-rate': nothing };
  const { verdict, notes } = judged(evidenceOf(stuck)).get('forgetting')!;
  expect(verdict).toBe("can't tell");
  expect(notes[0]).toMatch(/No interval for "KL from base at equal learning/);
});

it('does not count a best rate at the edge of the grid as support for the claim', () => {
  // Full fine-tuning's lowest loss is beyond the highest rate tried: the true ratio may be smaller.
  const sweeps = [sweep(1e-3, 1e-4), sweep(1e-3, 1e-4), sweep(1e-1, 1e-1)];
  const open = judged(evidenceOf(asThePaper, { sweeps })).get('rates')!;
  expect(open.verdict).not.toBe('holds');
  expect(open.notes.join()).toMatch(/full fine-tuning is the highest .* may lie beyond/);
});

it('says why a claim was not tested', () => {
  const evidence = { ...evidenceOf({ lora: asThePaper.lora! }), sweeps: [] };
  const results = judged(evidence, {
    done: new Set<StageName>(['lora']),
    failed: new Map([['full', 'The memory did not suffice']]),
  });
  expect(results.get('forgetting')).toMatchObject({ verdict: 'not run', why: 'The memory did not suffice' });
  expect(results.get('forgetting')!.left).toBeUndefined();
  expect(results.get('targets')).toMatchObject({ verdict: 'not run', why: 'budget', left: true });
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
  expect(report).toMatch(
    /LoRA, r = 16 on all linear layers: 40 steps at 1e-3 \(lora, lora-seed-1, lora-seed-2\)/,
  );
  expect(report).toMatch(/minus full: .*, claimed above 0 \(by seed: 0\.2\d+, 0\.2\d+, 0\.2\d+\)/);
});
