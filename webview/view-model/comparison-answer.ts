/** The comparison of the shown runs, which the host computes. */
import { t } from '../../src/text/l10n.ts';
import type { ComparisonAnswer } from '../../src/protocol/panel.ts';
import type { RunComparison } from '../../src/protocol/run-comparison.ts';

/**
 * The host's answer for the shown runs `ids`. A report contains a single answer, of which the matching part is used.
 * Undefined while there is none.
 */
export function answerFor(
  answer: ComparisonAnswer | undefined,
  ids: readonly string[],
  canAsk: boolean,
): ComparisonAnswer | undefined {
  if (ids.length < 2) return undefined;
  if (answer && ids.length === answer.of.length && ids.every((id, at) => id === answer.of[at])) return answer;
  if (canAsk) return undefined;
  const comparison = answer?.comparison && part(answer.comparison, ids);
  if (comparison) return { of: [...ids], comparison };
  return {
    of: [...ids],
    problem:
      answer?.problem ??
      t('This report holds only differences from its first run: select that run to see them.'),
  };
}

/** The part for some of the runs, which must include the first one. */
function part(comparison: RunComparison, ids: readonly string[]): RunComparison | undefined {
  const places = ids.map((id) => comparison.runs.findIndex((run) => run.id === id));
  if (places[0] !== 0 || places.includes(-1)) return undefined;
  return {
    ...comparison,
    runs: places.map((at) => comparison.runs[at]!),
    differs: comparison.differs
      .map(({ setting, values }) => ({ setting, values: places.map((at) => values[at] ?? '') }))
      .filter(({ values }) => new Set(values).size > 1),
    against: ids.slice(1).flatMap((id) => comparison.against.find(({ run }) => run === id) ?? []),
  };
}
