/** The messages of a run: warnings that the user can act on, and notes that are only information. */
import { forButtons } from '../../src/protocol/next-step.ts';
import { plural } from './format.ts';
import type { RunView } from './panel.ts';

export interface Told {
  /** Each warning names a step that the user can take. */
  warnings: string[];
  notes: string[];
}

export function toldOf(run: RunView | undefined): Told {
  const broken = run?.snapshot.brokenLines ?? 0;
  const all = [
    ...(run?.series.warnings ?? []),
    ...(broken
      ? [
          `${plural(broken, 'line')} of events.jsonl could not be read and ${broken === 1 ? 'is' : 'are'} not shown.`,
        ]
      : []),
  ];
  const canBeMended = (text: string) => forButtons(text).steps.length > 0;
  return { warnings: all.filter(canBeMended), notes: all.filter((text) => !canBeMended(text)) };
}
