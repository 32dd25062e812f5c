/** The paper's claims in order of importance, what each needs, and how it is judged. Rules: docs/science.md. */
import { FORGETTING, averagedMetrics } from '../training/checkpoints/forgetting-figure.ts';
import { interval, type Figures, type Stratum } from '../statistics/intervals.ts';
import { claimIds, type ClaimId, type Effect } from '../protocol/reproduction.ts';
import { rankOf } from '../protocol/spectrum.ts';
import { matchedForgetting, medianInterval, type Judged } from './effects.ts';
import { baseOf, pathOf, resultOf, stratum, type Evidence, type MeasuredRun } from './evidence.ts';
import type { StageName } from './plan.ts';
import { judgeRates } from './rate-ratio.ts';
import { RANK } from './variants.ts';

export interface Claim {
  id: ClaimId;
  title: string;
  paper: string;
  /** The stages that it needs. The sweep is not listed, since all runs need its rates. */
  needs: readonly StageName[];
  /** Called when all needed stages are done. */
  judge(evidence: Evidence): Judged;
}

const LOSS = 'loss';
const KL = 'KL from base';
const NATS = 'nats/token';
/** Ratio within which two methods count as alike. */
const ALIKE = { above: 0.8, below: 1.25 };

type Wanted = Pick<Effect, 'above' | 'below'>;
const POSITIVE: Wanted = { above: 0 };

/** One effect. If the items allow no interval: a missing effect if it is a deciding one, else none. */
function effect(
  name: string,
  unit: string,
  wanted: Wanted,
  strata: readonly Stratum[],
  statistic: (figures: Figures) => number,
): Judged['effects'] {
  const found = interval(strata, statistic);
  if (found) return [{ name, unit, ...found, ...wanted }];
  return wanted.above === undefined ? [] : [{ name, missing: true }];
}

const minus = ([figures]: Figures) => figures![0]! - figures![1]!;
const windows = (...runs: MeasuredRun[]) =>
  stratum(
    LOSS,
    runs.map((run) => resultOf(run, 'workspace')),
  );
const texts = (...runs: MeasuredRun[]) =>
  stratum(
    KL,
    runs.map((run) => resultOf(run, 'retention')),
  );
/** Held-out loss of the base, then of the runs. */
const learning = (...runs: MeasuredRun[]) =>
  stratum(LOSS, [baseOf(runs[0]!, 'workspace'), ...runs.map((run) => resultOf(run, 'workspace'))]);

/**
 * What one run learned divided by what another learned, from the losses of the base and of both. NaN if the other
 * learned nothing.
 */
const shareOf = ([base, one, other]: readonly number[]) =>
  base! > other! ? (base! - one!) / (base! - other!) : NaN;

/** KL at the loss that both reach, full minus LoRA, averaged over pairs of runs with the same seed. */
function matchedEffect(
  name: string,
  wanted: Wanted,
  pairs: readonly (readonly [MeasuredRun, MeasuredRun])[],
) {
  const runs = pairs.flat();
  const sourcesOf = (task: string) => [baseOf(runs[0]!, task), ...runs.flatMap((run) => pathOf(run, task))];
  const strata = [stratum(LOSS, sourcesOf('workspace')), stratum(KL, sourcesOf('retention'))];
  const statistic = ([losses, forgetting]: Figures) => {
    let at = 1;
    const paths = runs.map(({ points }) => {
      const slice = (all: readonly number[]) => [all[0]!, ...all.slice(at, at + points.length)];
      const path = { losses: slice(losses!), forgetting: slice(forgetting!) };
      at += points.length;
      return path;
    });
    const differences = pairs.map((_, i) => {
      const [lora, full] = matchedForgetting(paths.slice(2 * i, 2 * i + 2));
      return full! - lora!;
    });
    return differences.reduce((sum, one) => sum + one, 0) / differences.length;
  };
  return effect(name, NATS, wanted, strata, statistic);
}

function judgeForgetting({ runs }: Evidence): Judged {
  const [lora, full] = [runs.lora!, runs.full!];
  const second = [runs['lora-second-seed'], runs['full-second-seed']];
  const pairs: [MeasuredRun, MeasuredRun][] = [[lora, full]];
  if (second[0] && second[1]) pairs.push([second[0], second[1]]);
  const name = 'KL from base at equal held-out loss, full minus LoRA';
  const one = pairs.length === 1;
  return {
    effects: [
      ...matchedEffect(name, POSITIVE, pairs),
      ...(one ? [] : pairs.flatMap((pair, seed) => matchedEffect(`the same, seed ${seed}`, {}, [pair]))),
      ...effect('held-out loss at the end, LoRA minus full', NATS, {}, [windows(lora, full)], minus),
      ...effect('KL from base at the end, full minus LoRA', NATS, {}, [texts(full, lora)], minus),
      ...averageEffect(lora, full),
    ],
    notes: [
      one
        ? 'One seed: the interval covers only the choice of items; another seed may differ by more.'
        : 'Mean over two seeds; the interval covers only the choice of items.',
      ...(lora.points.length > 1 && full.points.length > 1
        ? []
        : ['Measured only at the ends of the runs; between base and end, a straight line is assumed.']),
    ],
  };
}

/**
 * The paper's own measure, if benchmarks were given. It is measured at the ends, where learning is not equal, so it
 * does not decide.
 */
function averageEffect(lora: MeasuredRun, full: MeasuredRun): Judged['effects'] {
  const strata = averagedMetrics.map(({ task, metric }) =>
    stratum(metric, [resultOf(lora, task), resultOf(full, task)]),
  );
  const mean = (figures: Figures) => figures.reduce((sum, [a, b]) => sum + (a! - b!), 0) / figures.length;
  return effect(`${FORGETTING} average at the end, LoRA minus full`, '', {}, strata, mean);
}

function judgeTargets({ runs }: Evidence): Judged {
  const [all, attention, mlp] = [runs.lora!, runs['lora-attention']!, runs['lora-mlp']!];
  return {
    effects: [
      ...effect('held-out loss, attention minus MLP', NATS, POSITIVE, [windows(attention, mlp)], minus),
      ...effect('held-out loss, attention minus all', NATS, POSITIVE, [windows(attention, all)], minus),
      ...effect('held-out loss, MLP minus all', NATS, {}, [windows(mlp, all)], minus),
    ],
    notes: ['Same rank and learning rate, so attention has fewer parameters than MLP, as in the paper.'],
  };
}

function judgeRank({ runs }: Evidence): Judged {
  const [low, high] = [runs.lora!, runs['lora-high-rank']!];
  const [small, large] = [low, high].map(({ spec }) => `r = ${spec.hyper.rank}`);
  return {
    effects: [
      ...effect(`held-out loss, ${small} minus ${large}`, NATS, POSITIVE, [windows(low, high)], minus),
      ...effect(`KL from base, ${large} minus ${small}`, NATS, POSITIVE, [texts(high, low)], minus),
    ],
    notes: ['Same learning rate, with alpha = 2r.'],
  };
}

/** Multiple of r that the rank must exceed, which an adapter of rank r never could. */
const MULTIPLE = 2;

function judgeSpectrum({ spectrum }: Evidence): Judged {
  const changed = spectrum!.linears.filter(({ change }) => change);
  const multiple = (kind: 'change' | 'noise' | 'base') =>
    medianInterval(changed.flatMap((linear) => (linear[kind] ? [rankOf(linear[kind]) / RANK] : [])));
  const [change, noise, base] = [multiple('change'), multiple('noise'), multiple('base')];
  const unit = `times r = ${RANK}`;
  return {
    effects: [
      ...(change
        ? [{ name: 'rank of the full change at 90% of its energy, median', unit, ...change, above: MULTIPLE }]
        : []),
      ...(noise ? [{ name: 'of noise of the same size', unit, ...noise }] : []),
      ...(base ? [{ name: 'of the base', unit, ...base }] : []),
    ],
    notes: [
      `Over ${changed.length} linear layers. Noise has a high rank too, so a high rank alone does not show that it was needed.`,
    ],
  };
}

function judgeDiversity({ runs }: Evidence): Judged {
  const [lora, full] = [runs.lora!, runs.full!];
  const of = (metric: string) => [
    stratum(metric, [baseOf(lora, 'humaneval'), resultOf(lora, 'humaneval'), resultOf(full, 'humaneval')]),
  ];
  const less =
    (a: number, b: number) =>
    ([figures]: Figures) =>
      figures![a]! - figures![b]!;
  const unique = of('unique programs');
  const count = unique[0]![0]!.length;
  return {
    effects: [
      ...effect('unique programs of 50, base minus LoRA', 'programs', POSITIVE, unique, less(0, 1)),
      ...effect('unique programs of 50, LoRA minus full', 'programs', POSITIVE, unique, less(1, 2)),
      ...(['passing', 'failing'] as const).flatMap((kind) =>
        effect(`${kind}, LoRA minus full`, 'programs', {}, of(`unique ${kind}`), less(1, 2)),
      ),
    ],
    notes: [`${count} HumanEval problems, 50 programs each at T = 0.2, top-p 0.95.`],
  };
}

function judgeRegularisers({ runs }: Evidence): Judged {
  const [lora, full] = [runs.lora!, runs.full!];
  const regular = (['full-weight-decay', 'full-attention-dropout'] as const).map((name) => runs[name]!);
  const labels = ['weight decay', 'attention dropout'];
  const learned = ([figures]: Figures) => shareOf(figures!);
  const effects = regular.flatMap((run, i) => [
    ...effect(`learned with ${labels[i]}, divided by plain full`, '', ALIKE, [learning(run, full)], learned),
    ...effect(
      `KL with ${labels[i]}, divided by plain full`,
      '',
      ALIKE,
      [texts(run, full)],
      ([figures]) => figures![0]! / figures![1]!,
    ),
    ...effect(`KL with ${labels[i]}, minus LoRA's`, NATS, POSITIVE, [texts(run, lora)], minus),
  ]);
  return {
    effects,
    notes: [
      `Alike means within a factor of ${ALIKE.above} to ${ALIKE.below}. KL is measured at the ends of the runs, as in the paper, not at equal learning.`,
    ],
  };
}

function judgeReplay({ runs }: Evidence): Judged {
  const [plain, replay] = [runs.lora!, runs['lora-replay']!];
  return {
    effects: [
      ...effect('KL from base, without replay minus with', NATS, POSITIVE, [texts(plain, replay)], minus),
      ...effect('held-out loss, with replay minus without', NATS, {}, [windows(replay, plain)], minus),
    ],
    notes: [
      "The paper only cites this claim. Both runs read the same amount of the workspace's text. The texts that are replayed and those that are measured on are different texts of the same base.",
    ],
  };
}

function judgeInstruction({ runs }: Evidence): Judged {
  const strata = [learning(runs['lora-instruct']!, runs['full-instruct']!), learning(runs.lora!, runs.full!)];
  const name = "LoRA's share of what full fine-tuning learns";
  return {
    effects: [
      ...effect(
        `${name}, instructions minus text`,
        '',
        POSITIVE,
        strata,
        ([instruct, text]) => shareOf(instruct!) - shareOf(text!),
      ),
      ...effect(`${name}, instructions`, '', {}, [strata[0]!], ([figures]) => shareOf(figures!)),
      ...effect(`${name}, text`, '', {}, [strata[1]!], ([figures]) => shareOf(figures!)),
    ],
    notes: ['Both use the learning rates of the sweep, which was on plain text.'],
  };
}

const main = ['lora', 'full'] as const;

const table: Record<ClaimId, Omit<Claim, 'id'>> = {
  forgetting: {
    title: 'LoRA forgets less than full fine-tuning when both have learned the same amount',
    paper: 'At equal HumanEval (.498 and .497), LoRA keeps a forgetting average of .631, full .446.',
    needs: main,
    judge: judgeForgetting,
  },
  rates: {
    title: "LoRA's best learning rate is several times that of full fine-tuning",
    paper: 'About 10 times for code, 20 times for math.',
    needs: [],
    judge: judgeRates,
  },
  targets: {
    title: 'Attention alone learns less than MLP or all linear layers',
    paper: 'Attention < MLP, which is about equal to all; the choice of modules matters more than the rank.',
    needs: ['lora', 'lora-attention', 'lora-mlp'],
    judge: judgeTargets,
  },
  rank: {
    title: 'A higher rank learns more and forgets more',
    paper: 'From r = 16 to 256, HumanEval rises and the forgetting average falls.',
    needs: ['lora', 'lora-high-rank'],
    judge: judgeRank,
  },
  spectrum: {
    title: 'The change by full fine-tuning has a rank far above that of LoRA',
    paper: '10 to 100 times the rank of a usual LoRA; noise of the same size has a similar spectrum.',
    needs: ['full', 'spectrum'],
    judge: judgeSpectrum,
  },
  diversity: {
    title: 'Samples are most diverse from the base, then LoRA, then full fine-tuning',
    paper: 'Unique programs among 50: base > LoRA > full.',
    needs: [...main, 'diversity'],
    judge: judgeDiversity,
  },
  regularisers: {
    title:
      'Weight decay and attention dropout learn and forget like plain full fine-tuning, and LoRA forgets less',
    paper: 'Figure only: neither keeps what LoRA keeps.',
    needs: [...main, 'full-weight-decay', 'full-attention-dropout'],
    judge: judgeRegularisers,
  },
  replay: {
    title: "Replay of the base's own text lowers forgetting",
    paper: 'Not tested there, only cited.',
    needs: ['lora', 'lora-replay'],
    judge: judgeReplay,
  },
  instruction: {
    title: 'LoRA comes closer to full fine-tuning on instructions than on plain text',
    paper: 'LoRA matches full fine-tuning in instruction tuning, but not in continued pretraining.',
    needs: [...main, 'lora-instruct', 'full-instruct'],
    judge: judgeInstruction,
  },
};

export const claims: readonly Claim[] = claimIds.map((id) => ({ id, ...table[id] }));
