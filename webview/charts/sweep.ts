/** A search for the learning rate on this base: how each rate changed the held-out loss. */
import type { SweepSnapshot } from '../../src/protocol/panel.ts';
import type { Theme } from '../theme.ts';
import { formatInterval, formatNumber, formatRate, formatTime } from '../view-model/format.ts';
import { chartOptions } from './options.ts';
import type { ChartPicker, ChartView, DataRow, Dataset, PointStyle } from './view.ts';

type Swept = SweepSnapshot['methods'][number];
type Rate = Swept['rates'][number];

const SWEEP = 'Sweep';
const nameOf = ({ method }: Swept) => (method === 'lora' ? 'LoRA' : 'full fine-tuning');
const lookOf = ({ method }: Swept, { palette }: Theme) =>
  method === 'lora'
    ? { color: palette[0]!, shape: 'circle' as const, dash: [] }
    : { color: palette[1]!, shape: 'triangle' as const, dash: [6, 4] };

const verdictOf = ({ learningRate, verdict, diverged }: Rate, { chosen }: Swept) =>
  diverged
    ? `diverged at step ${diverged.step}`
    : learningRate === chosen
      ? 'chosen'
      : verdict === 'worse'
        ? 'stable, but learned less than the best'
        : 'stable';

/**
 * Where crosses of diverged rates are drawn: at the highest point of the others, and above the base. Their own loss
 * would flatten the chart.
 */
const heights = ({ methods }: SweepSnapshot): number =>
  Math.max(
    0.02,
    ...methods.flatMap(({ rates }) =>
      rates.flatMap(({ change, diverged }) => (diverged ? [] : (change?.high ?? []))),
    ),
  );

function measuredSet(swept: Swept, theme: Theme): Dataset {
  const { color, shape, dash } = lookOf(swept, theme);
  // The loss of a diverged rate would flatten the chart.
  const rates = swept.rates.filter(({ change, diverged }) => change && !diverged);
  const isChosen = ({ learningRate }: Rate) => learningRate === swept.chosen;
  return {
    label: nameOf(swept),
    data: rates.map((rate) => ({
      ...{ x: rate.learningRate, y: rate.change!.value, low: rate.change!.low, high: rate.change!.high },
      label: `${nameOf(swept)} at ${formatRate(rate.learningRate)}: ${verdictOf(rate, swept)}`,
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
  const { color } = lookOf(swept, theme);
  return {
    label: `${nameOf(swept)}, diverged`,
    data: swept.rates
      .filter(({ diverged }) => diverged)
      .map((rate) => ({
        x: rate.learningRate,
        y: top,
        label: `${nameOf(swept)} at ${formatRate(rate.learningRate)}: ${verdictOf(rate, swept)}, ${rate.diverged!.why}`,
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
  `${formatTime(createdAt)}, ${optimizer === 'lionw' ? 'LionW' : 'AdamW'}, ${steps} steps per trial`;

export const sweepChart: ChartView<SweepSnapshot> = {
  id: 'sweep',
  title: 'Learning rate sweep',
  type: 'scatter',
  pickers: ({ sweeps }): ChartPicker[] => [
    { label: SWEEP, choices: sweeps.map((sweep) => ({ id: sweep.id, label: sweepName(sweep) })) },
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
          title: 'learning rate',
          logarithmic: true,
          ticks: ticksOf(methods.flatMap(({ rates }) => rates.map(({ learningRate }) => learningRate))),
          format: formatRate,
        },
        y: { title: 'loss change, nats/token' },
        legend: 'points',
        heading: ({ label }) => label ?? '',
        describe: ({ y, low, high }) =>
          low === undefined || high === undefined
            ? 'no held-out loss'
            : formatInterval({ value: y, low, high }, false),
      },
      theme,
    ),
  words: (sweep) =>
    `${sweepName(sweep)}. ${sweep.methods
      .map((swept) => {
        const chosen = swept.rates.find(({ learningRate }) => learningRate === swept.chosen);
        const found = chosen?.change
          ? `${formatRate(chosen.learningRate)} learned as much as the best rate and forgot least, with a held-out loss ${formatInterval(chosen.change, false)} from the base's`
          : 'no rate is stable';
        const end =
          swept.divergesFrom === undefined
            ? 'none diverged'
            : `from ${formatRate(swept.divergesFrom)} on it diverges`;
        return `${nameOf(swept)}: ${found}; ${end}${swept.finished ? '' : '; not finished'}.`;
      })
      .join(' ')}`,
  table: ({ methods }) => ({
    caption: 'Learning rates tried',
    head: ['Method and rate', 'Held-out loss', 'From the base\u2019s', 'KL from base', 'Verdict'],
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
        const one = { run: nameOf(swept), at: rate.learningRate, unit: 'nats/token' };
        const setting = `${steps} steps; ${verdictOf(rate, swept)}`;
        return [
          ...(rate.heldOut ? [{ ...one, figure: 'held-out loss', n, setting, ...rate.heldOut }] : []),
          ...(rate.change
            ? [{ ...one, figure: 'held-out loss less the base\u2019s', n, setting, ...rate.change }]
            : []),
          ...(rate.kl === undefined ? [] : [{ ...one, figure: 'KL from base', setting, value: rate.kl }]),
          ...(rate.diverged
            ? [{ ...one, unit: 'step', figure: 'diverged at', setting, value: rate.diverged.step }]
            : []),
        ];
      }),
    ),
  note: ({ heldOutWindows, methods }) =>
    `Change of held-out loss from the base after a short run. Lower: learned more. Star: the chosen rate, which forgot least among those that learned as much as the best. Cross: diverged (its height has no meaning). ${heldOutWindows} held-out windows; bars: 95% intervals of the paired difference.${methods.every(({ finished }) => finished) ? '' : ' Not finished.'}`,
};

/** Powers of ten; or the rates tried, if there are fewer than two powers between them. */
function ticksOf(rates: readonly number[]): number[] {
  const [low, high] = [Math.min(...rates), Math.max(...rates)];
  const decades = [];
  for (let power = Math.ceil(Math.log10(low) - 1e-9); power <= Math.log10(high) + 1e-9; power += 1)
    decades.push(Number(`1e${power}`));
  return decades.length > 1 ? decades : [...new Set(rates)];
}
