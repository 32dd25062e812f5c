/** Everything that the panel shows. Sections and charts read only this. */
import { inEnglish, t } from '../../src/text/l10n.ts';
import { describeFolders } from '../../src/protocol/folders.ts';
import { strengthInFile } from '../../src/findings/strength-rule.ts';
import type { Acceptance, ComparisonAnswer, RunSnapshot, SweepSnapshot } from '../../src/protocol/panel.ts';
import { answerFor } from './comparison-answer.ts';
import { runLabels, shownLabels } from './labels.ts';
import { seriesOf, withResultApart, type RunSeries } from './series.ts';
import type { PanelState } from './state.ts';
import { readStatus, type StatusView } from './status.ts';

export interface RunView {
  id: string;
  snapshot: RunSnapshot;
  series: RunSeries;
  status: StatusView;
  /** Distinguishes it from the other shown runs. */
  label: string;
  /** Its colour and shape in charts: 0 is the selected run. */
  styleIndex: number;
}
export interface PanelView {
  /** Newest first. */
  runs: RunSnapshot[];
  /** A unique label for each run, by its id. */
  labels: Map<string, string>;
  run?: RunView;
  /** The selected run and those compared with it. */
  shown: RunView[];
  /** Sweeps of the selected run's base, newest first. */
  sweeps: SweepSnapshot[];
  /** The host's comparison of exactly the shown runs. */
  comparison?: ComparisonAnswer;
  /** A warning, set if the shown runs were trained on different texts. */
  differentCorpora?: string;
  /** Id of the model that currently completes code; and, of a base, whether with its reference adapter. */
  inUse?: string;
  withReference?: boolean;
  /** Counts of completions shown, accepted and kept in the editor, by run. */
  acceptance: Readonly<Record<string, Acceptance>>;
  /** Whether buttons can act on a run (not in a report). */
  canAct: boolean;
  /** The same with English labels, for files. */
  english: () => PanelView;
}

/** The user's choice: the selected run, and the ids of compared runs. */
interface Selection {
  selected?: string | undefined;
  compared: readonly string[];
}
/** As many as can be distinguished by colour and shape. */
export const MAX_COMPARED = 5;

export function readPanel(state: PanelState, chosen: Selection, now: number, canAct: boolean): PanelView {
  const runs = [...state.runs].sort((a, b) => b.spec.createdAt.localeCompare(a.spec.createdAt));
  const labels = runLabels(runs);
  const selected = runs.find(({ spec }) => spec.id === chosen.selected) ?? runs[0];
  const others = chosen.compared.flatMap(
    (id) => runs.find(({ spec }) => spec.id === id && id !== selected?.spec.id) ?? [],
  );
  const chosenRuns = [...(selected ? [selected] : []), ...others.slice(0, MAX_COMPARED)];
  const short = shownLabels(chosenRuns);
  const viewOf = (snapshot: RunSnapshot, styleIndex: number): RunView => ({
    id: snapshot.spec.id,
    snapshot,
    series: seriesOfRun(snapshot),
    status: readStatus(snapshot, now, state.live?.includes(snapshot.spec.id)),
    label: short.get(snapshot.spec.id)!,
    styleIndex,
  });
  const shown = chosenRuns.map(viewOf);
  const run = shown[0];
  const sha256 = selected?.spec.base.sha256;
  return {
    runs,
    labels,
    run,
    shown,
    sweeps: state.sweeps
      .filter(({ base }) => base.sha256 === sha256)
      .sort((a, b) => b.createdAt.localeCompare(a.createdAt)),
    comparison: answerFor(
      state.comparison,
      shown.map(({ id }) => id),
      canAct,
    ),
    differentCorpora: differentCorpora(shown),
    inUse: state.inUse,
    withReference: state.withReference,
    acceptance: state.acceptance ?? {},
    canAct,
    english: () => inEnglish(() => readPanel(state, chosen, now, canAct)),
  };
}

function seriesOfRun({ spec, summary, events }: RunSnapshot): RunSeries {
  const series = seriesOf(events);
  const { choice, givenStrength } = summary ?? {};
  if (!summary || strengthInFile(spec.evaluation.strength, { choice }) === 1) return series;
  const apart = withResultApart(series, summary.step);
  // The events are of the strength that the run chose, so they don't tell of one set by hand afterwards.
  return givenStrength === undefined
    ? apart
    : { ...apart, metrics: apart.metrics.filter(({ ofResult }) => !ofResult) };
}

/** Digest of the corpus if known, and where it was read from. */
const corpusKey = ({ snapshot: { spec, corpus } }: RunView) => [
  corpus?.digest,
  `${describeFolders(spec)}\n${spec.corpus.data ?? ''}\n${spec.corpus.mode}`,
];

/** Whether two runs learned from, and held out, the same text. */
export function sameCorpus(one: RunView, other: RunView): boolean {
  const [digest, source] = corpusKey(one);
  const [otherDigest, otherSource] = corpusKey(other);
  return digest && otherDigest ? digest === otherDigest : source === otherSource;
}

function differentCorpora([first, ...others]: readonly RunView[]): string | undefined {
  return others.some((other) => !sameCorpus(first!, other))
    ? t(
        'These runs were trained on different texts, so their held-out metrics are from different files: compare them with care.',
      )
    : undefined;
}
