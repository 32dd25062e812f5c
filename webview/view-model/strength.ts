/** The strength of a run (the factor for its trained change): the figures at each strength, and the one in use. */
import { t, withPoint } from '../../src/protocol/l10n.ts';
import { choiceIn } from '../../src/evaluation/strength/rule.ts';
import type { StrengthChoice, StrengthPoint } from '../../src/protocol/evaluation.ts';
import { formatDifference, formatInterval, formatNumber } from './format.ts';
import { atBase, learnedForgot, turned, type LearnedForgot } from './trade-off.ts';
import type { RunView } from './panel.ts';

export interface StrengthStop {
  strength: number;
  learned: string;
  forgot: string;
  solutions: string;
  /** "chosen", "in use", "chosen, in use", or empty. */
  mark: string;
  /** All of it in words, for users who move the slider and do not see the table. */
  words: string;
  /** The result already has this strength. */
  isInUse: boolean;
}

export interface StrengthView {
  /** Ascending. */
  stops: StrengthStop[];
  /** Index in `stops` of the strength in use, or of the nearest one. */
  at: number;
  /** The strength in use and why. */
  sentence: string;
  /** It is neither being trained nor measured. */
  canSet: boolean;
}

/** Undefined if there is nothing to choose from. */
export function strengthView({ snapshot, status }: RunView): StrengthView | undefined {
  const { choice, givenStrength } = snapshot.summary ?? {};
  if (snapshot.spec.hyper.method === 'full' || !choice || choice.path.length < 2) return undefined;
  const path = choice.path.toSorted((a, b) => a.strength - b.strength);
  const inUse = givenStrength ?? choice.strength;
  const stops = path.map((point) => stopOf(point, choice, inUse));
  // If nothing was better than the base, the file has the change as trained.
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
  const mark = [strength === choice.strength && t('chosen'), isInUse && t('in use')]
    .filter(Boolean)
    .join(t(', '));
  const verdict =
    learned.high < 0 ? t('better') : learned.low > 0 ? t('worse') : t('no difference seen against the base');
  const words = [
    t('{strength}: on your code {change} bits per byte, {verdict}', {
      strength: strengthName(strength, mark),
      change: `${learned.value > 0 ? '+' : ''}${formatNumber(learned.value)}`,
      verdict,
    }),
    kl && movedBy(kl.value, choice.limit),
  ];
  return {
    strength,
    learned: formatDifference(learned, false),
    forgot: kl ? formatInterval(kl, false) : '',
    solutions: solutions ? formatDifference(solutions, false) : '',
    mark,
    words: t('{clause}.', { clause: words.filter(Boolean).join(t('; ')) }),
    isInUse,
  };
}

/** "Strength 0.5 (chosen)". */
const strengthName = (strength: number, mark: string): string => {
  const name = t('Strength {strength}', { strength: withPoint(String(strength)) });
  return mark ? `${name} (${mark})` : name;
};

function movedBy(kl: number, limit: number): string {
  const values = { kl: formatNumber(kl), limit: withPoint(String(limit)) };
  return kl <= limit
    ? t('moved from the base by {kl}, within the limit of {limit}', values)
    : t('moved from the base by {kl}, more than the limit of {limit}', values);
}

function sentenceOf(
  choice: StrengthChoice,
  given: number | undefined,
  path: readonly StrengthPoint[],
): string {
  if (given !== undefined) {
    const measured = path.some((point) => point.strength === given);
    const values = { strength: withPoint(String(given)) };
    return measured
      ? t('The change is applied at strength {strength}, set by hand.', values)
      : t(
          'The change is applied at strength {strength}, set by hand, which was not measured itself.',
          values,
        );
  }
  const { strength, why } = choiceIn(choice);
  if (strength === 0) return t('No strength was chosen: {why}.', { why });
  return t('The change is applied at strength {strength}, chosen after training: {why}.', {
    strength: withPoint(String(strength)),
    why,
  });
}

/** A strength as a point: further right is more learned, further up is more forgotten. 0 is the base. */
export interface StrengthPathPoint extends LearnedForgot {
  strength: number;
  mark: string;
  isInUse: boolean;
}
export interface StrengthPath {
  label: string;
  look: number;
  setting: string;
  /** Starts at the base. */
  points: StrengthPathPoint[];
}

const base: StrengthPathPoint = {
  ...{ strength: 0, mark: '', isInUse: false },
  ...atBase,
};

/** The paths of runs whose KL from the base was measured at several strengths. */
export function strengthPaths(shown: readonly RunView[]): StrengthPath[] {
  return shown.flatMap((run) => {
    const choice = run.snapshot.summary?.choice;
    const stops = strengthView(run)?.stops ?? [];
    const points = stops.flatMap(({ strength, mark, isInUse }): StrengthPathPoint[] => {
      const { learned, kl } = choice!.path.find((point) => point.strength === strength)!;
      if (!kl) return [];
      return [{ strength, mark, isInUse, ...learnedForgot(turned(learned, -1), kl) }];
    });
    if (points.length < 2) return [];
    return [{ label: run.label, look: run.look, setting: choice!.setting, points: [base, ...points] }];
  });
}
