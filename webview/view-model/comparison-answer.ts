/** What the host says of the runs that are shown beside each other. */
import type { ComparisonAnswer } from '../../src/protocol/panel.ts';
import type { RunComparison } from '../../src/protocol/run-comparison.ts';

/**
 * What the host's answer says of the runs of these ids, which are shown. A report has one answer: of that, the part that is wanted.
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
      'This report holds differences from the run that it was first written for: select that one to see them.',
  };
}

/** Of some of the runs, the same first one among them. */
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
