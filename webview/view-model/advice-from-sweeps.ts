/** Advice on the learning rate, from sweeps on the same base. */
import { joined, t } from '../../src/text/l10n.ts';
import type { SweepSnapshot } from '../../src/protocol/panel.ts';
import { formatDifference, formatNumber, formatRate } from './format.ts';
import type { PanelView, RunView } from './panel.ts';

export interface Advice {
  text: string;
  /** The metrics that it is based on. */
  because: string;
}
/** A rate this many times below the one that a sweep found learns too little. */
const FAR_FACTOR = 3;

/** Whether a run's rate is below that of a sweep on purpose: trials begin with the base alone, and most are shorter. */
const isLowered = (
  { reference, continues, createdAt, learningRateReason }: RunView['snapshot']['spec'],
  sweptAt: string,
): boolean =>
  reference !== undefined ||
  continues !== undefined ||
  (createdAt > sweptAt && /^from the sweep of /.test(learningRateReason ?? ''));

const sweptOf = ({ snapshot: { spec } }: RunView, sweeps: readonly SweepSnapshot[]) =>
  sweeps
    .filter(({ optimizer }) => optimizer === spec.hyper.optimizer)
    .flatMap(({ methods, createdAt }) => methods.map((swept) => ({ ...swept, createdAt })))
    .find(({ method, chosen }) => method === spec.hyper.method && chosen !== undefined);

export function belowTheSweep(run: RunView, { sweeps }: PanelView): Advice | undefined {
  const swept = sweptOf(run, sweeps);
  const { spec } = run.snapshot;
  const rate = spec.hyper.learningRate;
  const chosen = swept?.rates.find(({ learningRate }) => learningRate === swept.chosen);
  if (!swept || !chosen?.change) return undefined;
  const because = joined([
    t(
      'Of {count} rates tried with {method}, {rate} learned as much as the best one and forgot least: held-out loss {change} nats/token{kl}.',
      {
        count: swept.rates.length,
        method: swept.method === 'lora' ? 'LoRA' : t('full fine-tuning'),
        rate: formatRate(chosen.learningRate),
        change: formatDifference(chosen.change, false),
        kl: chosen.kl === undefined ? '' : `, KL ${formatNumber(chosen.kl)}`,
      },
    ),
    swept.divergesFrom === undefined
      ? ''
      : t('From {rate} on it diverged.', { rate: formatRate(swept.divergesFrom) }),
  ]);
  const rates = { rate: formatRate(chosen.learningRate), now: formatRate(rate) };
  if (rate * FAR_FACTOR <= chosen.learningRate * 1.01 && !isLowered(spec, swept.createdAt))
    return {
      text: t('Try a higher learning rate: {rate} instead of {now}.', rates),
      because,
    };
  if (swept.divergesFrom !== undefined && rate >= swept.divergesFrom)
    return {
      text: t('Try a lower learning rate: {rate} instead of {now}.', rates),
      because,
    };
  return undefined;
}

/** The highest rate tried was the best and did not diverge: a better one may lie above. */
export function edgeOfTheSweep(run: RunView, { sweeps }: PanelView): Advice | undefined {
  const swept = sweptOf(run, sweeps);
  const highest = swept?.rates.at(-1);
  if (
    !swept ||
    swept.rates.length < 2 ||
    swept.divergesFrom !== undefined ||
    highest?.learningRate !== swept.chosen
  )
    return undefined;
  return {
    text: t('Try higher learning rates in a sweep: the best one may lie above {rate}.', {
      rate: formatRate(highest!.learningRate),
    }),
    because: highest?.change
      ? t('It was the highest of {count} rates tried, and still stable: held-out loss {change} nats/token.', {
          count: swept.rates.length,
          change: formatDifference(highest.change, false),
        })
      : t('It was the highest of {count} rates tried, and still stable.', { count: swept.rates.length }),
  };
}
