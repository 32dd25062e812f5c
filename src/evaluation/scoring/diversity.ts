/**
 * Diversity, as the paper measures it: how many of a problem's sampled programs are unique strings; also separately for
 * passing and failing programs. Counts are comparable only for the same number of samples, since more samples give more
 * unique ones.
 */
import type { RatioItem } from '../../statistics/statistics.ts';

export interface JudgedProgram {
  program: string;
  passed: boolean;
}

export const diversityMetrics = ['unique programs', 'unique passing', 'unique failing'] as const;
type DiversityMetric = (typeof diversityMetrics)[number];

/** Unique programs among one problem's samples; the metric is the mean over problems. */
export function uniquePrograms(samples: readonly JudgedProgram[]): Record<DiversityMetric, RatioItem> {
  const unique = (group: readonly JudgedProgram[]): RatioItem => ({
    sum: new Set(group.map(({ program }) => program)).size,
    weight: 1,
  });
  return {
    'unique programs': unique(samples),
    'unique passing': unique(samples.filter(({ passed }) => passed)),
    'unique failing': unique(samples.filter(({ passed }) => !passed)),
  };
}
