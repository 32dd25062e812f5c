/** How strongly a run's change is applied: what was measured at each strength, and which one it has. */
import type { StrengthChoice, StrengthPoint } from '../../src/protocol/evaluation.ts';
import { formatDifference, formatInterval, formatNumber } from './format.ts';
import type { RunView } from './panel.ts';

export interface StrengthStop {
  strength: number;
  learned: string;
  forgot: string;
  solutions: string;
  /** "chosen", "in use", "chosen, in use", or nothing. */
  mark: string;
  /** All of it, for who moves the slider and does not see the table. */
  words: string;
  /** The result has it already. */
  isInUse: boolean;
}

export interface StrengthView {
  /** Ascending. */
  stops: StrengthStop[];
  /** Of `stops`, what the result has, or the nearest to it. */
  at: number;
  /** What it has and why. */
  sentence: string;
  /** Nobody trains or measures it. */
  canSet: boolean;
}

/** Undefined where there is nothing to choose between. */
export function strengthView({ snapshot, status }: RunView): StrengthView | undefined {
  const { choice, givenStrength } = snapshot.summary ?? {};
  if (snapshot.spec.hyper.method === 'full' || !choice || choice.path.length < 2) return undefined;
  const path = choice.path.toSorted((a, b) => a.strength - b.strength);
  const inUse = givenStrength ?? choice.strength;
  const stops = path.map((point) => stopOf(point, choice, inUse));
  // Where nothing was better than the base, the file is as it was trained.
  const file = inUse || 1;
  const distances = path.map(({ strength }) => Math.abs(strength - file));
  return {
    stops,
    at: distances.indexOf(Math.min(...distances)),
    sentence: sentenceOf(choice, givenStrength, path),
    canSet: !status.live,
  };
}

function stopOf(point: StrengthPoint, choice: StrengthChoice, inUse: number): StrengthStop {
  const { strength, learned, kl, solutions } = point;
  const isInUse = strength === inUse;
  const mark = [strength === choice.strength && 'chosen', isInUse && 'in use'].filter(Boolean).join(', ');
  const verdict =
    learned.high < 0 ? 'better' : learned.low > 0 ? 'worse' : 'no difference seen against the base';
  const within = kl && (kl.value <= choice.limit ? 'within' : 'more than');
  const words = [
    `Strength ${strength}${mark && ` (${mark})`}: on your code ${learned.value > 0 ? '+' : ''}${formatNumber(learned.value)} bits per byte, ${verdict}`,
    kl && `moved from the base by ${formatNumber(kl.value)}, ${within} the limit of ${choice.limit}`,
  ];
  return {
    strength,
    learned: formatDifference(learned, false),
    forgot: kl ? formatInterval(kl, false) : '',
    solutions: solutions ? formatDifference(solutions, false) : '',
    mark,
    words: `${words.filter(Boolean).join('; ')}.`,
    isInUse,
  };
}

function sentenceOf(
  { strength, why }: StrengthChoice,
  given: number | undefined,
  path: readonly StrengthPoint[],
): string {
  if (given !== undefined) {
    const measured = path.some((point) => point.strength === given);
    return `The change is applied at strength ${given}, set by hand${measured ? '' : ', which lies between those that were measured'}.`;
  }
  if (strength === 0) return `No strength was chosen: ${why}.`;
  return `The change is applied at strength ${strength}, chosen after training: ${why}.`;
}

/** A strength as a point: right is learned more, up is forgotten more. 0 is the base. */
export interface StrengthPathPoint {
  strength: number;
  x: number;
  xLow: number;
  xHigh: number;
  y: number;
  low: number;
  high: number;
  mark: string;
  isInUse: boolean;
}
export interface StrengthPath {
  label: string;
  look: number;
  setting: string;
  /** From the base on. */
  points: StrengthPathPoint[];
}

const base: StrengthPathPoint = {
  ...{ strength: 0, x: 0, xLow: 0, xHigh: 0, y: 0, low: 0, high: 0 },
  ...{ mark: '', isInUse: false },
};

/** Of the runs that were measured at several strengths, their KL from the base among it. */
export function strengthPaths(shown: readonly RunView[]): StrengthPath[] {
  return shown.flatMap((run) => {
    const choice = run.snapshot.summary?.choice;
    const stops = strengthView(run)?.stops ?? [];
    const points = stops.flatMap(({ strength, mark, isInUse }): StrengthPathPoint[] => {
      const { learned, kl } = choice!.path.find((point) => point.strength === strength)!;
      if (!kl) return [];
      return [
        {
          ...{ strength, mark, isInUse, y: kl.value, low: kl.low, high: kl.high },
          ...{ x: 0 - learned.value, xLow: 0 - learned.high, xHigh: 0 - learned.low },
        },
      ];
    });
    if (points.length < 2) return [];
    return [{ label: run.label, look: run.look, setting: choice!.setting, points: [base, ...points] }];
  });
}
