/** The strengths of a run (how much of its trained change applies): the metrics at each strength, and the one in use. */
import { t, withPoint } from '../../src/text/l10n.ts';
import { choiceIn } from '../../src/findings/strength-rule.ts';
import type { StrengthChoice, StrengthPoint } from '../../src/protocol/evaluation.ts';
import { formatDifference, formatInterval } from './format.ts';
import { atBase, learnedForgot, withSign, type LearnedForgot } from './trade-off.ts';
import type { RunView } from './panel.ts';

export interface StrengthStop {
  strength: number;
  learned: string;
  forgot: string;
  solutions: string;
  /** "chosen", "in use", "chosen, in use", or empty. */
  mark: string;
}

export interface StrengthView {
  /** The strengths that were measured, ascending. */
  stops: StrengthStop[];
  /** The strength in use; undefined if none is better than before training. */
  inUse: number | undefined;
  /** The strength of the file: the one in use, or that of the full change. */
  at: number;
  /** The strength in use and where it comes from. */
  sentence: string;
  /** Why it was chosen, with the metrics measured for that. */
  why: string;
  /** Whether it can be changed: the run is neither being trained nor measured. */
  canSet: boolean;
  /** Describes a strength from 0 to 1, as far as it was measured, without numbers. */
  words(strength: number): string;
}

/** Undefined if there is nothing to choose from. */
export function strengthView({ snapshot, status }: RunView): StrengthView | undefined {
  const { choice, givenStrength } = snapshot.summary ?? {};
  if (snapshot.spec.hyper.method === 'full' || !choice || choice.path.length === 0) return undefined;
  const path = choice.path.toSorted((a, b) => a.strength - b.strength);
  const inUse = givenStrength ?? choice.strength;
  const markOf = (strength: number) =>
    [strength === choice.strength && t('chosen'), strength === inUse && t('in use')]
      .filter(Boolean)
      .join(t(', '));
  return {
    stops: path.map((point) => stopOf(point, markOf(point.strength))),
    // If nothing was better, the file has the change as trained.
    at: inUse || 1,
    inUse: inUse || undefined,
    sentence: sentenceOf(choice, givenStrength, path),
    why: t('{clause}.', { clause: choiceIn(choice).why }),
    canSet: !status.live,
    words: (strength) => wordsOf(strength, strength ? markOf(strength) : '', choice),
  };
}

const stopOf = ({ strength, learned, kl, solutions }: StrengthPoint, mark: string): StrengthStop => ({
  strength,
  learned: learned ? formatDifference(learned, false) : '',
  forgot: kl ? formatInterval(kl, false) : '',
  solutions: solutions ? formatDifference(solutions, false) : '',
  mark,
});

function wordsOf(strength: number, mark: string, { path, limit }: StrengthChoice): string {
  const name = strengthName(strength, mark);
  if (strength === 0) return t('{strength}: as if nothing had been trained.', { strength: name });
  const point = path.find((candidate) => candidate.strength === strength);
  if (!point) return t('{strength}: not measured.', { strength: name });
  const { learned, kl } = point;
  if (!learned) return t('{strength}: too far from the base.', { strength: name });
  const values = {
    strength: name,
    verdict: learned.high < 0 ? t('better') : learned.low > 0 ? t('worse') : t('no difference seen'),
  };
  if (!kl) return t('{strength}: on your code {verdict}.', values);
  return kl.value <= limit
    ? t('{strength}: on your code {verdict}; elsewhere close to the base.', values)
    : t('{strength}: on your code {verdict}; elsewhere far from the base.', values);
}

const strengthName = (strength: number, mark: string): string => {
  const name = t('Strength {strength}', { strength: withPoint(String(strength)) });
  return mark ? `${name} (${mark})` : name;
};

function sentenceOf(
  choice: StrengthChoice,
  strength: number | undefined,
  path: readonly StrengthPoint[],
): string {
  if (strength === undefined)
    return choice.strength === 0
      ? t(
          'No strength was chosen, because none was seen to be better than before and close enough to the base.',
        )
      : t(
          'The change is applied at strength {strength}. That strength was chosen by a separate measurement, on which the text next to the slider is based.',
          {
            strength: withPoint(String(choice.strength)),
          },
        );
  const measured = path.some((point) => point.strength === strength);
  const values = { strength: withPoint(String(strength)) };
  return measured
    ? t('The change is applied at strength {strength}, set by hand.', values)
    : t('The change is applied at strength {strength}, set by hand, which was not measured itself.', values);
}

/** Of several measured strengths, the one that seems best is usually lucky as well. */
export const chosenByThese = (): string =>
  t('A strength that is chosen by these figures looks a little better in them than it is.');

/** A strength as a point: further right is more learned, further up is more forgotten. */
export interface StrengthPathPoint extends LearnedForgot {
  strength: number;
  mark: string;
  isInUse: boolean;
}
export interface StrengthPath {
  label: string;
  styleIndex: number;
  setting: string;
  /** Starts at 0. */
  points: StrengthPathPoint[];
}

const start = ({ klAtZero }: StrengthChoice): StrengthPathPoint => ({
  strength: 0,
  mark: '',
  isInUse: false,
  ...atBase,
  ...(klAtZero && { y: klAtZero.value, low: klAtZero.low, high: klAtZero.high }),
});

/** The paths of runs whose KL from the base was measured at several strengths. */
export function strengthPaths(shown: readonly RunView[]): StrengthPath[] {
  return shown.flatMap((run) => {
    const choice = run.snapshot.summary?.choice;
    const points = (strengthView(run)?.stops ?? []).flatMap(({ strength, mark }): StrengthPathPoint[] => {
      const isInUse = strength === (run.snapshot.summary?.givenStrength ?? choice!.strength);
      const { learned, kl } = choice!.path.find((point) => point.strength === strength)!;
      if (!kl || !learned) return [];
      return [{ strength, mark, isInUse, ...learnedForgot(withSign(learned, -1), kl) }];
    });
    if (points.length < 2) return [];
    const { label, styleIndex } = run;
    return [{ label, styleIndex, setting: choice!.setting, points: [start(choice!), ...points] }];
  });
}
