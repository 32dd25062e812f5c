/**
 * The result in words for a programmer: what it completes, what else it learned, and how its other abilities changed.
 * Intervals decide the words; the figures behind them are in the tables.
 */
import { findComparison, type Comparison, type Summary } from '../../protocol/evaluation.ts';
import { FORGETTING } from '../../training/checkpoints/forgetting-figure.ts';
import { counted, of } from './counts.ts';
import { nextAfterNoOffer, whyNotOffered } from './offer.ts';

const percent = (share: number) => `${Math.round(100 * share)}%`;
/** Two values with as many digits as needed to distinguish them, at most three. */
function pair(a: number, b: number): [string, string] {
  const two = a.toFixed(2) === b.toFixed(2) ? 3 : 2;
  return [a.toFixed(two), b.toFixed(two)];
}

/** `pending`: tasks that are not measured yet, or only in part. */
export function summarise(
  {
    comparisons,
    served,
    choice,
    givenStrength,
    earlier,
  }: Pick<Summary, 'comparisons' | 'served' | 'choice' | 'givenStrength' | 'earlier'>,
  pending: readonly { name: string; title: string }[] = [],
): string {
  const find = (task: string, metric: string) => findComparison(comparisons, task, metric);
  const isBegun = ({ name }: { name: string }) => comparisons.some(({ task }) => task === name);
  const [begun, unknown] = [pending.filter(isBegun), pending.filter((one) => !isBegun(one))];
  const refused = whyNotOffered({ comparisons, choice, givenStrength });
  const parts = [
    givenStrength === undefined ? '' : `Strength ${givenStrength} was set by hand.`,
    refused ? `Not offered: ${refused}. ${nextAfterNoOffer({ choice, givenStrength })}` : '',
    completes(find('workspace', 'line exact match'), find('workspace', 'characters saved')),
    predicts(find('workspace', 'bits per byte')),
    earlier ? sinceEarlier(earlier) : '',
    generalAbility(
      [
        { name: 'HumanEval', found: find('humaneval', 'pass@1') },
        { name: 'GSM8K', found: find('gsm8k', 'exact match') },
        { name: 'the average of HellaSwag, ARC and WinoGrande', found: find(FORGETTING, 'average') },
      ],
      find('retention', 'KL from base'),
      choice?.limit,
    ),
    served && !served.ok
      ? 'Do not use this result: the model that llama.cpp serves does not match the trained one.'
      : '',
    listed('Not measured yet', unknown),
    listed('Measured in part, because time ran out', begun),
  ];
  return parts.filter(Boolean).join(' ') || 'Nothing was measured.';
}

const listed = (what: string, tasks: readonly { title: string }[]): string =>
  tasks.length ? `${what}: ${tasks.map(({ title }) => title).join(', ')}.` : '';

function completes(lines: Comparison | undefined, saved: Comparison | undefined): string {
  const parts = [
    lines ? `${of(lines.after)} held-out lines exactly (${counted(lines.before)} before)` : '',
    saved
      ? `${percent(saved.after.value)} of characters need no typing (${percent(saved.before.value)} before)`
      : '',
  ].filter(Boolean);
  if (parts.length === 0) return '';
  const known = [lines, saved].some((one) => one?.significant);
  const same = [lines, saved].every((one) => !one || one.difference.value === 0);
  const doubt = known || same ? '' : '; with so few lines this may be chance';
  return `${lines ? 'Completes ' : ''}${parts.join(', and ')}${doubt}.`;
}

function predicts(bits: Comparison | undefined): string {
  if (!bits) return '';
  const how = !bits.significant ? 'no better' : bits.difference.value < 0 ? 'better' : 'worse';
  return `Predicts held-out code ${how} than before.`;
}

/** How older and new code are predicted, compared with the run that this one continues. */
function sinceEarlier({ run, comparisons }: NonNullable<Summary['earlier']>): string {
  const parts = comparisons.map(({ metric, ...one }) => {
    const what = metric.replace(' bits per byte', '');
    const [before, after] = pair(one.before.value, one.after.value);
    const figures = `${before} -> ${after} bits per byte`;
    if (!one.significant) return `${what}: no difference seen, ${figures}`;
    const how = one.difference.value < 0 ? 'predicted better' : 'predicted worse';
    return `${what} is ${how}, ${figures}`;
  });
  return parts.length > 0 ? `Since ${run}: ${parts.join('; ')}.` : '';
}

/** KL from the base, in nats per token, up to which a result counts as close to it. */
const CLOSE = 0.1;

interface Rate {
  name: string;
  found: Comparison | undefined;
}

function generalAbility(rates: readonly Rate[], kl: Comparison | undefined, limit = CLOSE): string {
  const elsewhere = !kl
    ? ''
    : kl.after.value <= limit
      ? 'stays close to the base on other text'
      : `has moved away from the base on other text (KL ${kl.after.value.toFixed(2)}, more than ${limit})`;
  const parts = [...rates.map(rate), elsewhere].filter(Boolean);
  return parts.length > 0 ? `General ability: ${parts.join('; ')}.` : '';
}

function rate({ name, found }: Rate): string {
  if (!found) return '';
  const { before, after, significant, difference } = found;
  const how = !significant ? 'no difference seen in' : difference.value < 0 ? 'worse in' : 'better in';
  return `${how} ${name} (${of(after)}, ${counted(before)} before)`;
}
