/** The learning rate over the steps of the shown runs. */
import { t } from '../../src/text/l10n.ts';
import { formatRate } from '../view-model/format.ts';
import { stepChart } from './over-steps.ts';

export const learningRateChart = stepChart({
  id: 'learning-rate',
  title: () => t('How large were the steps of training?'),
  value: ({ learningRate }) => learningRate,
  format: formatRate,
  describe(points) {
    const peak = points.reduce((best, point) => (point.y > best.y ? point : best));
    const last = points.at(-1)!;
    return t('The learning rate peaks at {peak} at step {peakStep} and is {rate} at step {step}.', {
      peak: formatRate(peak.y),
      peakStep: peak.x,
      rate: formatRate(last.y),
      step: last.x,
    });
  },
  caption: () => t('Learning rate by step'),
  name: () => t('Learning rate'),
  row: { metric: 'learning rate' },
});
