/** The messages of a run: warnings that the user can act on, and notes that are only information. */
import { t, whole } from '../../src/text/l10n.ts';
import { forButtons } from '../../src/text/next-step.ts';
import type { RunView } from './panel.ts';

interface RunMessages {
  /** Each warning names a step that the user can take. */
  warnings: string[];
  notes: string[];
}

export function runMessages(run: RunView | undefined): RunMessages {
  const broken = run?.snapshot.brokenLines ?? 0;
  const all = [
    ...(run?.snapshot.spec.fetched
      ? [
          t(
            'Its settings and curves, and in charts the metrics that were not measured here, are what its publisher states.',
          ),
        ]
      : []),
    ...(run?.series.warnings ?? []),
    ...(broken === 1 ? [t('1 line of events.jsonl could not be read and is not shown.')] : []),
    ...(broken > 1
      ? [t('{count} lines of events.jsonl could not be read and are not shown.', { count: whole(broken) })]
      : []),
  ];
  const hasSteps = (text: string) => forButtons(text).steps.length > 0;
  return { warnings: all.filter(hasSteps), notes: all.filter((text) => !hasSteps(text)) };
}
