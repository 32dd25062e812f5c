/** A learning rate sweep on this base: how each rate changed the held-out loss. */
import { joined, t, translate } from '../../src/text/l10n.ts';
import type { SweepSnapshot } from '../../src/protocol/panel.ts';
import type { Theme } from '../theme.ts';
import { formatInterval, formatNumber, formatRate, formatTime } from '../view-model/format.ts';
import { chartOptions } from './options.ts';
import type { ChartPicker, ChartView, DataRow, Dataset, PointStyle } from './view.ts';
import { textOf } from '../../src/text/message.ts';

type Swept = SweepSnapshot['methods'][number];
type Rate = Swept['rates'][number];

const SWEEP = 'sweep';
const nameOf = ({ method }: Swept) => (method === 'lora' ? 'LoRA' : t('full fine-tuning'));
const styleOf = ({ method }: Swept, { palette }: Theme) =>
  method === 'lora'
    ? { color: palette[0]!, shape: 'circle' as const, dash: [] }
    : { color: palette[1]!, shape: 'triangle' as const, dash: [6, 4] };

const verdictOf = ({ learningRate, verdict, diverged }: Rate, { chosen }: Swept) =>
  diverged
    ? t('diverged at step {step}', { step: diverged.step })
    : learningRate === chosen
      ? t('chosen')
      : verdict === 'worse'
        ? t('stable, but learned less than the best')
        : t('stable');

/**
 * The height at which diverged rates are drawn: that of the highest other point, and above the base. Their own loss
 * would flatten the chart.
 */
const heights = ({ methods }: SweepSnapshot): number =>
  Math.max(
    0.02,
    ...methods.flatMap(({ rates }) =>
      rates.flatMap(({ change, diverged }) => (diverged ? [] : (change?.high ?? []))),
    ),
  );

/** "LoRA at 3e-4: stable". */
const rateName = (rate: Rate, swept: Swept): string =>
  t('{method} at {rate}: {verdict}', {
    method: nameOf(swept),
    rate: formatRate(rate.learningRate),
    verdict: verdictOf(rate, swept),
  });

function measuredSet(swept: Swept, theme: Theme): Dataset {
  const { color, shape, dash } = styleOf(swept, theme);
  // The loss of a diverged rate would flatten the chart.
  const rates = swept.rates.filter(({ change, diverged }) => change && !diverged);
  const isChosen = ({ learningRate }: Rate) => learningRate === swept.chosen;
  return {
    label: nameOf(swept),
    data: rates.map((rate) => ({
      x: rate.learningRate,
      y: rate.change!.value,
      low: rate.change!.low,
      high: rate.change!.high,
      label: rateName(rate, swept),
    })),
    showLine: true,
    borderColor: color,
    backgroundColor: color,
    borderWidth: 2,
    borderDash: dash,
    pointRadius: rates.map((rate) => (isChosen(rate) ? 9 : 4)),
    pointHoverRadius: 9,
    pointStyle: rates.map((rate): PointStyle => (isChosen(rate) ? 'star' : shape)),
    pointBorderColor: rates.map((rate) => (isChosen(rate) ? theme.text : color)),
    pointBorderWidth: rates.map((rate) => (isChosen(rate) ? 2.5 : 1)),
  };
}

function divergedSet(swept: Swept, top: number, theme: Theme): Dataset {
  const { color } = styleOf(swept, theme);
  return {
    label: t('{method}, diverged', { method: nameOf(swept) }),
    data: swept.rates
      .filter(({ diverged }) => diverged)
      .map((rate) => ({
        x: rate.learningRate,
        y: top,
        label: `${rateName(rate, swept)}, ${translate(textOf(rate.diverged!, 'why'))}`,
      })),
    borderColor: color,
    backgroundColor: color,
    borderWidth: 2.5,
    pointRadius: 7,
    pointHoverRadius: 9,
    pointStyle: 'crossRot',
  };
}

const sweepName = ({ createdAt, steps, optimizer }: SweepSnapshot) =>
  t('{time}, {optimizer}, {steps} steps per trial', {
    time: formatTime(createdAt),
    optimizer: optimizer === 'lionw' ? 'LionW' : 'AdamW',
    steps,
  });

export const sweepChart: ChartView<SweepSnapshot> = {
  id: 'sweep',
  title: () => t('Which learning rate is best?'),
  type: 'scatter',
  pickers: ({ sweeps }): ChartPicker[] => [
    {
      id: SWEEP,
      label: t('Sweep'),
      choices: sweeps.map((sweep) => ({ id: sweep.id, label: sweepName(sweep) })),
    },
  ],
  read: ({ sweeps }, picked) => sweeps.find(({ id }) => id === picked[SWEEP]) ?? sweeps[0],
  datasets: (sweep, theme) =>
    sweep.methods
      .flatMap((swept) => [measuredSet(swept, theme), divergedSet(swept, heights(sweep), theme)])
      .filter(({ data }) => data.length > 0),
  options: ({ methods }, theme) =>
    chartOptions(
      {
        x: {
          title: t('learning rate'),
          logarithmic: true,
          ticks: ticksOf(methods.flatMap(({ rates }) => rates.map(({ learningRate }) => learningRate))),
          format: formatRate,
        },
        y: { title: t('loss change, nats/token') },
        legend: 'points',
        heading: ({ label }) => label ?? '',
        describe: ({ y, low, high }) =>
          low === undefined || high === undefined
            ? t('no held-out loss')
            : formatInterval({ value: y, low, high }, false),
      },
      theme,
    ),
  words: (sweep) =>
    `${sweepName(sweep)}. ${sweep.methods
      .map((swept) => {
        const chosen = swept.rates.find(({ learningRate }) => learningRate === swept.chosen);
        const found = chosen?.change
          ? t(
              "{rate} learned as much as the best rate and forgot least, with a held-out loss {change} from the base's",
              {
                rate: formatRate(chosen.learningRate),
                change: formatInterval(chosen.change, false),
              },
            )
          : t('no rate is stable');
        const end =
          swept.divergesFrom === undefined
            ? t('none diverged')
            : t('from {rate} on it diverges', { rate: formatRate(swept.divergesFrom) });
        const parts = [found, end, ...(swept.finished ? [] : [t('not finished')])];
        return t('{clause}.', { clause: `${nameOf(swept)}: ${parts.join(t('; '))}` });
      })
      .join(' ')}`,
  table: ({ methods }) => ({
    caption: t('Learning rates tried'),
    head: [
      t('Method and rate'),
      t('Held-out loss'),
      t('From the base\u2019s'),
      t('KL from base'),
      t('Verdict'),
    ],
    rows: methods.flatMap((swept) =>
      swept.rates.map((rate) => [
        `${nameOf(swept)}, ${formatRate(rate.learningRate)}`,
        rate.heldOut ? formatInterval(rate.heldOut, false) : '',
        rate.change ? formatInterval(rate.change, false) : '',
        rate.kl === undefined ? '' : formatNumber(rate.kl),
        verdictOf(rate, swept),
      ]),
    ),
  }),
  atName: 'learning rate',
  rows: ({ methods, heldOutWindows: n, steps }) =>
    methods.flatMap((swept) =>
      swept.rates.flatMap((rate): DataRow[] => {
        const point = { run: nameOf(swept), at: rate.learningRate, unit: 'nats/token' };
        const setting = `${steps} steps; ${verdictOf(rate, swept)}`;
        return [
          ...(rate.heldOut ? [{ ...point, metric: 'held-out loss', n, setting, ...rate.heldOut }] : []),
          ...(rate.change
            ? [{ ...point, metric: 'held-out loss less the base\u2019s', n, setting, ...rate.change }]
            : []),
          ...(rate.kl === undefined ? [] : [{ ...point, metric: 'KL from base', setting, value: rate.kl }]),
          ...(rate.diverged
            ? [{ ...point, unit: 'step', metric: 'diverged at', setting, value: rate.diverged.step }]
            : []),
        ];
      }),
    ),
  note: ({ heldOutWindows, methods }) =>
    joined([
      t(
        'Change of held-out loss from the base after a short run. Lower: learned more. Star: the chosen rate, which forgot least among those that learned as much as the best. Cross: diverged (its height has no meaning). {windows} held-out windows; bars: 95% intervals of the paired difference.',
        { windows: heldOutWindows },
      ),
      methods.every(({ finished }) => finished) ? '' : t('Not finished.'),
    ]),
};

/** Powers of ten; or the rates tried, if there are fewer than two powers between them. */
function ticksOf(rates: readonly number[]): number[] {
  const [low, high] = [Math.min(...rates), Math.max(...rates)];
  const decades = [];
  for (let power = Math.ceil(Math.log10(low) - 1e-9); power <= Math.log10(high) + 1e-9; power += 1)
    decades.push(Number(`1e${power}`));
  return decades.length > 1 ? decades : [...new Set(rates)];
}
