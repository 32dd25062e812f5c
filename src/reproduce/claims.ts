/** The paper's claims in order of importance, what each requires, and how it is judged. Rules: docs/science.md. */
import { LINEARS, partName } from '../evaluation/spectrum/part-files.ts';
import { claimIds, type ClaimId } from '../protocol/reproduction.ts';
import type { Means } from '../statistics/intervals.ts';
import { effect, POSITIVE, type Judged } from './effects.ts';
import {
  baseOf,
  partOf,
  resultOf,
  runsOf,
  type Compared,
  type Evidence,
  type MeasuredRun,
} from './evidence.ts';
import { judgeForgetting, judgeLearning, KL, LOSS, NATS } from './frontier-claims.ts';
import { judgeRates } from './rate-ratio.ts';
import { main, type Kind } from './stages.ts';
import { PART_RANKS, type VariantName } from './variants.ts';

export interface Claim {
  id: ClaimId;
  title: string;
  paper: string;
  /** The stages that it needs, for each seed. All runs also need the sweep's rates. */
  needs: readonly Kind[];
  /** Whether it rests on differences between runs, and so needs several seeds. */
  seeded: boolean;
  /** Called with the seeds (at least one) for which all needed stages are done. */
  judge(evidence: Evidence, seeds: readonly number[]): Judged;
}

/** Range of ratios within which two methods count as alike. */
const SIMILAR_RATIO = { above: 0.8, below: 1.25 };

const minus = ([means]: Means) => means![0]! - means![1]!;

/** Functions that collect what runs of given variants are compared by: for each seed, a list with one element. */
function comparing(evidence: Evidence, seeds: readonly number[]) {
  const compare = (names: readonly VariantName[], compared: (runs: MeasuredRun[]) => Compared) =>
    seeds.map((seed) => [compared(names.map((name) => runsOf(evidence, seed)[name]!))]);
  const results = (metric: string, task: string, names: readonly VariantName[]) =>
    compare(names, (runs) => ({ metric, sources: runs.map((run) => resultOf(run, task)) }));
  return {
    compare,
    /** Held-out loss. */
    windows: (...names: VariantName[]) => results(LOSS, 'workspace', names),
    texts: (...names: VariantName[]) => results(KL, 'retention', names),
    /** Held-out loss of the base, then of the runs. */
    learning: (...names: VariantName[]) =>
      compare(names, (runs) => ({
        metric: LOSS,
        sources: [baseOf(runs[0]!, 'workspace'), ...runs.map((run) => resultOf(run, 'workspace'))],
      })),
  };
}

/**
 * What one run learned divided by what another learned, from the losses of the base and both runs. NaN if the other run
 * learned nothing.
 */
const shareOf = ([base, first, other]: readonly number[]) =>
  base! > other! ? (base! - first!) / (base! - other!) : NaN;

function judgeTargets(evidence: Evidence, seeds: readonly number[]): Judged {
  const { windows } = comparing(evidence, seeds);
  const loss = (name: string, first: VariantName, other: VariantName, claimed = {}) =>
    effect({ name: `held-out loss, ${name}`, unit: NATS, claimed }, windows(first, other), minus);
  return {
    effects: [
      ...loss('attention minus MLP', 'lora-attention', 'lora-mlp', POSITIVE),
      ...loss('attention minus all', 'lora-attention', 'lora', POSITIVE),
      ...loss('MLP minus all', 'lora-mlp', 'lora'),
    ],
    notes: ['Same rank and learning rate, so attention has fewer parameters than MLP, as in the paper.'],
  };
}

function judgeRank(evidence: Evidence, seeds: readonly number[]): Judged {
  const { windows, texts } = comparing(evidence, seeds);
  const names = ['lora', 'lora-high-rank'] as const;
  const [small, large] = names.map((name) => `r = ${evidence.variants[name].hyper!.rank}`);
  const deciding = { unit: NATS, claimed: POSITIVE };
  return {
    effects: [
      ...effect({ name: `held-out loss, ${small} minus ${large}`, ...deciding }, windows(...names), minus),
      ...effect(
        { name: `KL from base, ${large} minus ${small}`, ...deciding },
        texts('lora-high-rank', 'lora'),
        minus,
      ),
    ],
    notes: ['Same learning rate, with alpha = 2r.'],
  };
}

/** A part counts as of too low a rank if it keeps less than this share of what was learned. */
const MAX_KEPT = { below: 0.9 };
/** The claim is about parts of at most this rank: four times the usual rank of LoRA. */
const LOW_RANK = 64;

/**
 * The paper counts how many singular values hold 90% of the energy. LionW's updates are signs, so that count is high
 * whatever was learned; what counts is what a low rank loses. As this is about one change, one seed decides it.
 */
function judgeSpectrum(evidence: Evidence): Judged {
  const run = runsOf(evidence, 0).full!;
  const ranks = PART_RANKS.filter((rank) => run.parts.has(partName({ rank })));
  const linears = partOf(run, LINEARS, 'workspace');
  const kept = (name: string, claimed: object, part: Compared['sources'][number], whole: typeof part) =>
    effect({ name, claimed }, [[{ metric: LOSS, sources: [linears.base, part, whole] }]], ([means]) =>
      shareOf(means!),
    );
  return {
    effects: [
      ...ranks.flatMap((rank) =>
        kept(
          `share of what was learned that rank ${rank} keeps`,
          rank <= LOW_RANK ? MAX_KEPT : {},
          partOf(run, partName({ rank }), 'workspace').part,
          linears.part,
        ),
      ),
      ...kept('share of it that lies in the linear layers', {}, linears.part, resultOf(run, 'workspace')),
    ],
    notes: [
      "In each linear layer, only the best approximation of that rank is left of full fine-tuning's change, and none elsewhere; 1 is all of the change in the linear layers.",
      ...(ranks.length < PART_RANKS.length
        ? [`The base's matrices have no more than rank ${PART_RANKS[ranks.length]}, so that is not measured.`]
        : []),
    ],
  };
}

function judgeDiversity(evidence: Evidence, seeds: readonly number[]): Judged {
  const { compare } = comparing(evidence, seeds);
  const of = (metric: string) =>
    compare(main, ([lora, full]) => ({
      metric,
      sources: [baseOf(lora!, 'humaneval'), resultOf(lora!, 'humaneval'), resultOf(full!, 'humaneval')],
    }));
  const programs = (name: string, metric: string, [a, b]: [number, number], claimed = {}) =>
    effect({ name, unit: 'programs', claimed }, of(metric), ([means]) => means![a]! - means![b]!);
  const count = runsOf(evidence, seeds[0]!).lora!.points.at(-1)!.rows.get('humaneval')?.size;
  return {
    effects: [
      ...programs('unique programs of 50, base minus LoRA', 'unique programs', [0, 1], POSITIVE),
      ...programs('unique programs of 50, LoRA minus full', 'unique programs', [1, 2], POSITIVE),
      ...programs('passing, LoRA minus full', 'unique passing', [1, 2]),
      ...programs('failing, LoRA minus full', 'unique failing', [1, 2]),
    ],
    notes: [`${count} HumanEval problems, 50 programs each at T = 0.2, top-p 0.95.`],
  };
}

function judgeRegularisers(evidence: Evidence, seeds: readonly number[]): Judged {
  const { texts, learning } = comparing(evidence, seeds);
  const regular = {
    'full-weight-decay': 'weight decay',
    'full-attention-dropout': 'attention dropout',
  } as const;
  const effects = (Object.keys(regular) as (keyof typeof regular)[]).flatMap((run) => [
    ...effect(
      { name: `learned with ${regular[run]}, divided by plain full`, claimed: SIMILAR_RATIO },
      learning(run, 'full'),
      ([means]) => shareOf(means!),
    ),
    ...effect(
      { name: `KL with ${regular[run]}, divided by plain full`, claimed: SIMILAR_RATIO },
      texts(run, 'full'),
      ([means]) => means![0]! / means![1]!,
    ),
    ...effect(
      { name: `KL with ${regular[run]}, minus LoRA's`, unit: NATS, claimed: POSITIVE },
      texts(run, 'lora'),
      minus,
    ),
  ]);
  return {
    effects,
    notes: [
      `Alike means within a factor of ${SIMILAR_RATIO.above} to ${SIMILAR_RATIO.below}. KL is measured at the ends of the runs, as in the paper, not at equal learning.`,
    ],
  };
}

function judgeReplay(evidence: Evidence, seeds: readonly number[]): Judged {
  const { texts, windows } = comparing(evidence, seeds);
  return {
    effects: [
      ...effect(
        { name: 'KL from base, without replay minus with', unit: NATS, claimed: POSITIVE },
        texts('lora', 'lora-replay'),
        minus,
      ),
      ...effect(
        { name: 'held-out loss, with replay minus without', unit: NATS },
        windows('lora-replay', 'lora'),
        minus,
      ),
    ],
    notes: [
      "The paper only cites this claim. Both runs read the same amount of the workspace's text. The texts that are replayed and those that are measured on are different texts of the same base.",
    ],
  };
}

function judgeInstruction(evidence: Evidence, seeds: readonly number[]): Judged {
  const { learning } = comparing(evidence, seeds);
  const text = learning('lora', 'full');
  const instructions = learning('lora-instruct', 'full-instruct');
  const name = "LoRA's share of what full fine-tuning learns";
  return {
    effects: [
      ...effect(
        { name: `${name}, instructions minus text`, claimed: POSITIVE },
        instructions.map((values, seed) => [...values, ...text[seed]!]),
        ([instruct, plain]) => shareOf(instruct!) - shareOf(plain!),
      ),
      ...effect({ name: `${name}, instructions` }, instructions, ([means]) => shareOf(means!)),
      ...effect({ name: `${name}, text` }, text, ([means]) => shareOf(means!)),
    ],
    notes: ['Both use the learning rates of the sweep, which was on plain text.'],
  };
}

/** The stages that the frontiers of both methods need. */
const frontiers = [...main, 'lora-lower-rate', 'full-lower-rate', 'strengths'] as const;

const table: Record<ClaimId, Omit<Claim, 'id'>> = {
  forgetting: {
    title: 'LoRA forgets less than full fine-tuning when both have learned the same amount',
    paper: 'At equal HumanEval (.498 and .497), LoRA keeps a forgetting average of .631, full .446.',
    needs: frontiers,
    seeded: true,
    judge: judgeForgetting,
  },
  learning: {
    title: 'LoRA learns less than full fine-tuning',
    paper: 'After 20B tokens of code, HumanEval is .162 to .224 with LoRA (r = 16 to 256), .263 with full.',
    needs: frontiers,
    seeded: true,
    judge: judgeLearning,
  },
  targets: {
    title: 'Attention alone learns less than MLP or all linear layers',
    paper: 'Attention < MLP, which is about equal to all; the choice of modules matters more than the rank.',
    needs: ['lora', 'lora-attention', 'lora-mlp'],
    seeded: true,
    judge: judgeTargets,
  },
  rank: {
    title: 'A higher rank learns more and forgets more',
    paper: 'From r = 16 to 256, HumanEval rises and the forgetting average falls.',
    needs: ['lora', 'lora-high-rank'],
    seeded: true,
    judge: judgeRank,
  },
  spectrum: {
    title: 'What full fine-tuning learned needs a change of a rank far above that of LoRA',
    paper: '90% of the variance of the change needs 10 to 100 times the rank of a usual LoRA.',
    needs: ['full', 'spectrum'],
    seeded: false,
    judge: judgeSpectrum,
  },
  rates: {
    title: "LoRA's best learning rate is several times that of full fine-tuning",
    paper: 'About 10 times for code, 20 times for math.',
    needs: ['sweep'],
    seeded: true,
    judge: judgeRates,
  },
  regularisers: {
    title:
      'Weight decay and attention dropout learn and forget like plain full fine-tuning, and LoRA forgets less',
    paper: 'Figure only: neither keeps what LoRA keeps.',
    needs: [...main, 'full-weight-decay', 'full-attention-dropout'],
    seeded: true,
    judge: judgeRegularisers,
  },
  replay: {
    title: "Replay of the base's own text lowers forgetting",
    paper: 'Not tested there, only cited.',
    needs: ['lora', 'lora-replay'],
    seeded: true,
    judge: judgeReplay,
  },
  instruction: {
    title: 'LoRA comes closer to full fine-tuning on instructions than on plain text',
    paper: 'LoRA matches full fine-tuning in instruction tuning, but not in continued pretraining.',
    needs: [...main, 'lora-instruct', 'full-instruct'],
    seeded: true,
    judge: judgeInstruction,
  },
  diversity: {
    title: 'Samples are most diverse from the base, then LoRA, then full fine-tuning',
    paper: 'Unique programs among 50: base > LoRA > full.',
    needs: [...main, 'diversity'],
    seeded: true,
    judge: judgeDiversity,
  },
};

export const claims: readonly Claim[] = claimIds.map((id) => ({ id, ...table[id] }));
