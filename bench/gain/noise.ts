/** The noise floor: how much metrics of one repository differ between seeds. Pure. */
import { metricNames, type Compared, type MetricName, type RepositoryMetrics } from './metrics.ts';

export interface Spread {
  mean: number;
  /** Sample standard deviation; 0 for a single seed. */
  standardDeviation: number;
  min: number;
  max: number;
}
/** The spread of each level, and of each difference without its interval. */
export type Noise = Partial<
  Record<MetricName, Partial<Record<keyof Compared, Spread>>> & Record<'kl', Spread>
>;

export function noiseOf(seeds: readonly RepositoryMetrics[]): Noise {
  const noise: Noise = {};
  for (const name of metricNames) {
    const metrics = seeds.flatMap((metricsOfSeed) => metricsOfSeed[name] ?? []);
    if (metrics.length === 0) continue;
    const parts = Object.keys(metrics[0]!) as (keyof Compared)[];
    noise[name] = Object.fromEntries(
      parts.map((part) => [part, spreadOf(metrics.map((metric) => valueOf(metric[part])))]),
    );
  }
  const kl = seeds.flatMap((metricsOfSeed) => metricsOfSeed.kl ?? []);
  if (kl.length > 0) noise.kl = spreadOf(kl);
  return noise;
}

const valueOf = (part: Compared[keyof Compared]): number => (typeof part === 'object' ? part.value : part!);

function spreadOf(values: readonly number[]): Spread {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return {
    mean,
    standardDeviation: Math.sqrt(squares / Math.max(1, values.length - 1)),
    min: Math.min(...values),
    max: Math.max(...values),
  };
}
