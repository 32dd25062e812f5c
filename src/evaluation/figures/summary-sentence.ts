/** One sentence for the person, computed from the intervals: what was learned, what was forgotten. */
import type { Comparison, Summary } from '../../protocol/evaluation.ts';
import { FORGETTING } from '../../training/checkpoints/forgetting-figure.ts';
import { nextAfterNoOffer, whyNotOffered } from './offer.ts';

/** A mean of shares, not a share of anything. */
const AVERAGE = 'forgetting average';

const digits = (value: number) => (Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 0.1 ? 2 : 3);
const show = (value: number) => value.toFixed(digits(value));
/** Two values with as many digits as tell them apart, three at most. */
function pair(a: number, b: number): [string, string] {
  const two = a.toFixed(2) === b.toFixed(2) ? 3 : 2;
  return [a.toFixed(two), b.toFixed(two)];
}
/** The difference and half of its interval, with a sign unless a word says it; digits enough to tell them from zero. */
function change({ difference }: Comparison, sign = true): string {
  const half = (difference.high - difference.low) / 2;
  const places =
    Math.min(Math.abs(difference.value), half) < 0.095 && Math.abs(difference.value) < 0.2 ? 3 : 2;
  const mark = !sign ? '' : difference.value < 0 ? '-' : '+';
  return `${mark}${Math.abs(difference.value).toFixed(places)} ± ${half.toFixed(places)}`;
}

/** `pending`: tasks that are still to be measured, or the rest of them. */
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
  const find = (task: string, metric: string) =>
    comparisons.find((one) => one.task === task && one.metric === metric);
  const isBegun = ({ name }: { name: string }) => comparisons.some(({ task }) => task === name);
  const [begun, unknown] = [pending.filter(isBegun), pending.filter((one) => !isBegun(one))];
  const refused = whyNotOffered({ comparisons, choice, givenStrength });
  const parts = [
    givenStrength === undefined ? '' : `Strength ${givenStrength} was set by hand.`,
    refused ? `Not offered: ${refused}. ${nextAfterNoOffer({ choice, givenStrength })}` : '',
    learned(find('workspace', 'bits per byte')),
    earlier ? sinceEarlier(earlier) : '',
    forgotten(find('retention', 'KL from base'), find('retention', 'loss'), [
      rate('HumanEval', find('humaneval', 'pass@1')),
      rate('GSM8K', find('gsm8k', 'exact match')),
      rate(AVERAGE, find(FORGETTING, 'average')),
    ]),
    served && !served.ok
      ? `Not to be served: llama.cpp and the trainer differ by ${show(served.meanKl)} nats per token on this result.`
      : '',
    listed('Not measured yet', unknown),
    listed('Measured in part, for lack of time', begun),
  ];
  return parts.filter(Boolean).join(' ') || 'Nothing was measured.';
}

const listed = (what: string, tasks: readonly { title: string }[]): string =>
  tasks.length ? `${what}: ${tasks.map(({ title }) => title).join(', ')}.` : '';

function learned(bits: Comparison | undefined): string {
  if (!bits) return '';
  const [before, after] = pair(bits.before.value, bits.after.value);
  const figures = `held-out bits per byte ${before} -> ${after} (${change(bits)})`;
  if (!bits.significant) return `Learned: nothing that can be told from noise, ${figures}.`;
  if (bits.difference.value > 0) return `Learned: nothing, it got worse: ${figures}.`;
  return `Learned: ${figures}.`;
}

/** What became of code of either age since the run that this one continues. */
function sinceEarlier({ run, comparisons }: NonNullable<Summary['earlier']>): string {
  const parts = comparisons.map(({ metric, ...one }) => {
    const what = metric.replace(' bits per byte', '');
    const [before, after] = pair(one.before.value, one.after.value);
    const figures = `${before} -> ${after} bits per byte`;
    if (!one.significant) return `${what}: no difference seen, ${figures}`;
    const how = one.difference.value < 0 ? 'better known' : 'known less well';
    return `${what} is ${how}, ${figures} (${change({ metric, ...one })})`;
  });
  return parts.length > 0 ? `Since ${run}: ${parts.join('; ')}.` : '';
}

function forgotten(kl: Comparison | undefined, loss: Comparison | undefined, rates: string[]): string {
  const parts: string[] = [];
  if (kl)
    parts.push(
      `KL from base ${show(kl.after.value)} (${show(kl.after.low)} to ${show(kl.after.high)}) nats per token`,
    );
  if (loss?.significant)
    parts.push(
      `loss on the base's own text ${loss.difference.value > 0 ? 'rose' : 'fell'} by ${change(loss, false)}`,
    );
  parts.push(...rates.filter(Boolean));
  return parts.length > 0 ? `Forgot: ${parts.join('; ')}.` : '';
}

function rate(name: string, comparison: Comparison | undefined): string {
  if (!comparison) return '';
  const { before, after, significant, difference } = comparison;
  const counts = [before, after].map(({ value, n }) => value * n);
  const whole = name !== AVERAGE && counts.every((count) => Math.abs(count - Math.round(count)) < 1e-6);
  const shown = whole
    ? counts.map((count) => `${Math.round(count)} of ${after.n}`)
    : [before, after].map(({ value }) => `${(100 * value).toFixed(1)}%`);
  const verdict = !significant
    ? 'no difference seen'
    : difference.value < 0
      ? `worse, ${change(comparison)}`
      : `better, ${change(comparison)}`;
  return `${name} ${shown.join(' -> ')}, ${verdict}`;
}
