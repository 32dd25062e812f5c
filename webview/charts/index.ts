/** The charts in the order in which they are shown. A new chart is a file here and a line in this list. */
import { forgettingChart, humanEvalChart, yourCodeChart } from './before-after.ts';
import { commitsChart } from './commits.ts';
import { diversityChart } from './diversity.ts';
import { learningRateChart } from './learning-rate.ts';
import { lossChart } from './loss.ts';
import { memoryChart } from './memory.ts';
import { passAtKChart } from './pass-at-k.ts';
import { strengthChart } from './strength.ts';
import { sweepChart } from './sweep.ts';
import { tradeOffChart } from './trade-off.ts';
import type { ChartView } from './view.ts';

// The type of each chart's model is private to it.
export const charts: ChartView<unknown>[] = [
  yourCodeChart,
  commitsChart,
  humanEvalChart,
  forgettingChart,
  lossChart,
  tradeOffChart,
  strengthChart,
  passAtKChart,
  diversityChart,
  learningRateChart,
  sweepChart,
  memoryChart,
].map((chart) => chart as ChartView<unknown>);
