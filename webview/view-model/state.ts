/** The state of the panel, and how a message changes it. */
import type {
  Acceptance,
  ComparisonAnswer,
  RunChange,
  RunSnapshot,
  SweepSnapshot,
  ToPanel,
} from '../../src/protocol/panel.ts';

export interface PanelState {
  runs: RunSnapshot[];
  sweeps: SweepSnapshot[];
  /** The host's choice. */
  selected?: string;
  inUse?: string;
  withReference?: boolean;
  live?: string[];
  acceptance?: Record<string, Acceptance>;
  comparison?: ComparisonAnswer;
}

/**
 * Unchanged runs stay the same objects. Undefined if a message was missed, so that everything must be requested again.
 * `asked`: the ids of the comparison requested last; others are ignored, as answers may arrive out of order.
 */
export function applyMessage(
  state: PanelState | undefined,
  message: ToPanel,
  asked?: readonly string[],
): PanelState | undefined {
  if (message.type === 'runs') {
    const { runs, sweeps, selected, inUse, withReference, live, acceptance } = message;
    const comparison = message.comparison ?? state?.comparison;
    return { runs, sweeps, selected, inUse, withReference, live, acceptance, comparison };
  }
  if (!state) return undefined;
  if (message.type === 'comparison') {
    const { of, comparison, problem } = message;
    if (asked && of.join() !== asked.join()) return state;
    return { ...state, comparison: { of, comparison, problem } };
  }
  const changes = new Map(message.runs.map((change) => [change.spec.id, change]));
  const runs: RunSnapshot[] = [];
  for (const run of state.runs) {
    const change = changes.get(run.spec.id);
    changes.delete(run.spec.id);
    if (message.gone.includes(run.spec.id)) continue;
    const next = change ? merged(run, change) : run;
    if (!next) return undefined;
    runs.push(next);
  }
  for (const change of changes.values()) {
    const next = merged(undefined, change);
    if (!next) return undefined;
    runs.push(next);
  }
  const { selected, inUse, withReference, live } = message;
  const { sweeps = state.sweeps, acceptance = state.acceptance } = message;
  return { ...state, runs, sweeps, selected, inUse, withReference, live, acceptance };
}

function merged(run: RunSnapshot | undefined, { from, events, ...rest }: RunChange): RunSnapshot | undefined {
  const known = run?.events ?? [];
  if (from > known.length) return undefined;
  return { ...rest, events: [...known.slice(0, from), ...events] };
}
