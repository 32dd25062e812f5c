/**
 * How often a run says each of its three outcomes, by what it truly gained at cursors. What is measured follows
 * src/evaluation/strength/measured.ts; every strength is within the limit on forgetting.
 */
import { interleave } from '../../src/evaluation/strength/task.ts';
import { bestPoint, decide, isOpen, strengthPoint } from '../../src/findings/strength-rule.ts';
import { outcomes, type Outcome, type StrengthPoint } from '../../src/protocol/evaluation.ts';
import { uniform } from '../../src/statistics/random.ts';
import type { RatioItem } from '../../src/statistics/statistics.ts';
import { heldOutFiles, type Result } from './cursors.ts';
import { times } from './draws.ts';

const SEED = 20261207;
const LIMIT = 0.1;
/** Places measured in any case, at most, and before the better of two strengths goes on alone. */
const PLACES = { least: 20, most: 60, compared: 14 };
const STRONGER = 0.75;

/** True gains at the stronger strength, in bits per byte: none, half and all of what `npm run bench:gain` shows. */
export const gains = { none: 0, half: 0.015, all: 0.03 };
/**
 * The small one is what we measured: at 40 places of this repository the gain was .0205, give or take .0067 (95%). It
 * gives .0068 there; the large one, the largest observed, .0122 (`halfWidth`).
 */
export const variations = {
  large: { file: 0.8, cursor: 1.2, noise: 0.013 },
  small: { file: 0.4, cursor: 0.7, noise: 0.013 },
};

export interface Repository {
  files: number;
  /** How many places its held-out code has. */
  places: number;
  /** Strengths to choose from; the gain grows with the strength. */
  strengths: readonly number[];
}

/** By name; with 8, 16 and 32 files, and one whose places run out. */
export const repositories: readonly Repository[] = [
  ...[8, 16, 32].map((files) => ({ files, places: PLACES.most })),
  { files: 8, places: 12 },
].flatMap((of) => [
  { ...of, strengths: [STRONGER] },
  { ...of, strengths: [0.5, STRONGER] },
]);

type Variation = (typeof variations)[keyof typeof variations];
const resultOf = (gain: number, variation: Variation): Result => ({
  rise: gain / STRONGER,
  fall: 0,
  ...variation,
});

/** Share of draws in which each outcome is said. */
export function sharesOfOutcomes(
  gain: number,
  variation: Variation,
  repository: Repository,
  draws: number,
): Record<Outcome, number> {
  const random = uniform(SEED);
  const said = times(draws, () => {
    const counts = drawCounts(random, resultOf(gain, variation), repository);
    const path = measure(counts, repository);
    return decide({ path, limit: LIMIT, isAll: isAll(repository, path) }).decided;
  });
  const share = (outcome: Outcome) => said.filter((one) => one === outcome).length / draws;
  return Object.fromEntries(outcomes.map((outcome) => [outcome, share(outcome)])) as Record<Outcome, number>;
}

/** The mean half-width of the gain's interval at 40 places in 40 files. */
export function halfWidth(gain: number, variation: Variation, draws: number): number {
  const random = uniform(SEED);
  const repository = { files: 40, places: 40, strengths: [STRONGER] };
  const widths = times(draws, () => {
    const counts = drawCounts(random, resultOf(gain, variation), repository);
    const { learned } = counts(STRONGER, 40);
    return (learned!.high - learned!.low) / 2;
  });
  return widths.reduce((sum, width) => sum + width, 0) / draws;
}

/** A strength's point at the first places, in the order in which a run measures them. */
type Counts = (strength: number, places: number) => StrengthPoint;

function drawCounts(random: () => number, result: Result, { files, places, strengths }: Repository): Counts {
  const cursors = heldOutFiles(random, files, result, 'lines')(places);
  const order = interleave(
    cursors.base.map(({ document }, at) => ({ kind: cursors.kinds[at]!, document, at })),
  );
  const inOrder = (items: readonly RatioItem[]) => order.map(({ at }) => items[at]!);
  const before = inOrder(cursors.base);
  const after = new Map(strengths.map((strength) => [strength, inOrder(cursors.at(strength))]));
  return (strength, count) =>
    strengthPoint(strength, {
      before: { learned: before.slice(0, count), solutions: [] },
      at: { learned: after.get(strength)!.slice(0, count), solutions: [], kl: [] },
    });
}

/** The points that are known when the run decides. */
function measure(counts: Counts, { places, strengths }: Repository): StrengthPoint[] {
  const first = Math.min(places, strengths.length > 1 ? PLACES.compared : PLACES.least);
  const points = strengths.map((strength) => counts(strength, first));
  const { strength } = bestPoint(points, LIMIT)!;
  const others = points.filter((point) => point.strength !== strength);
  let best = counts(strength, Math.min(places, PLACES.least));
  while (best.places! < places && isOpen(best))
    best = counts(strength, Math.min(places, best.places! + PLACES.least));
  return [...others, best];
}

const isAll = ({ places }: Repository, path: readonly StrengthPoint[]): boolean =>
  places < PLACES.most && bestPoint(path, LIMIT)!.places === places;
