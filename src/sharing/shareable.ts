/**
 * What may be published of a run, and what is accepted from a published one: settings, curves and metrics, but nothing
 * of its text or of a machine. Whatever is not listed here is left out.
 */
import { homedir, tmpdir } from 'node:os';
import { basename, dirname } from 'node:path';
import { parseHubReference } from '../base-models/hub.ts';
import { findKnownBase } from '../base-models/registry.ts';
import { localDataSet, parseDataSetReference } from '../corpus/datasets/files.ts';
import { addFindings } from '../evaluation/metrics/summary.ts';
import { whyNotOffered } from '../findings/offer.ts';
import type { Metric, Summary } from '../protocol/evaluation.ts';
import { survivingEvents, type RunEvent } from '../protocol/events.ts';
import type { RunSnapshot } from '../protocol/panel.ts';
import { dataDir } from '../platform/files/paths.ts';
import { settledSpec, type RunSpec } from '../protocol/run.ts';

/** Warnings and errors name files; checkpoints are not published. */
const publishedEvents: ReadonlySet<RunEvent['type']> = new Set([
  ...(['start', 'step', 'length', 'rate', 'rollback', 'memory', 'evaluation'] as const),
  ...(['earlyStop', 'best', 'done'] as const),
]);

/** In place of a run's id. */
const EARLIER_RUN = 'an earlier run';
/** In place of the name of a file or folder. */
const LOCAL_FILE = 'a local file';

/**
 * The run under the name `name`, as others may see it. Left out: folders and patterns, file names, the example,
 * incomplete measurements, and the result of checking this machine's llama.cpp, because the check is repeated where the
 * adapter is used.
 */
export function shareable(run: RunSnapshot, name: string): RunSnapshot {
  const { spec, state, events, summary } = run;
  const publicRun: RunSnapshot = {
    spec: shareableSpec(settledSpec(spec, state), name),
    state: { status: 'done', step: state.step, steps: state.steps },
    events: shareableEvents(events),
    brokenLines: 0,
    ...(summary && { summary: shareableSummary(summary) }),
  };
  return withoutPaths(publicRun, localPathsOf(spec));
}

function shareableSpec(spec: RunSpec, name: string): RunSpec {
  const { id, createdAt, hyper, minutes, backend, engine, evaluation, versions } = spec;
  const { learningRateReason, imported, base, fetched } = spec;
  const { reference = fetched?.reference } = spec;
  const { sha256 } = spec.continues ?? fetched?.continues ?? {};
  return {
    format: 1,
    id,
    name,
    createdAt,
    folder: '',
    corpus: shareablePlan(spec.corpus),
    // PEFT writes the folder of the base here.
    ...(imported && {
      imported: {
        from: LOCAL_FILE,
        format: imported.format,
        ...(imported.base !== undefined && { base: baseName(imported.base) }),
      },
    }),
    base: { id: baseName(base.id), path: '', sha256: base.sha256 },
    ...(reference && { reference }),
    ...(sha256 !== undefined && { continues: { run: EARLIER_RUN, sha256 } }),
    hyper,
    backend,
    evaluation,
    versions,
    ...(learningRateReason !== undefined && { learningRateReason }),
    ...(minutes !== undefined && { minutes }),
    ...(engine && { engine }),
  };
}

function shareablePlan(corpus: RunSpec['corpus']): RunSpec['corpus'] {
  const { data, replay } = corpus;
  const { mode, pairs, fimRate, fimLoss, repositoryContext, halfLifeDays, maxTokens } = corpus;
  return {
    mode,
    pairs,
    fimRate,
    fimLoss,
    repositoryContext,
    halfLifeDays,
    include: [],
    exclude: [],
    ...(maxTokens !== undefined && { maxTokens }),
    ...(data !== undefined && { data: dataName(data) }),
    ...(replay && { replay: { source: dataName(replay.source), rate: replay.rate } }),
  };
}

const shareableEvents = (events: readonly RunEvent[]): RunEvent[] =>
  survivingEvents(events)
    .filter(({ type }) => publishedEvents.has(type))
    .map((event) =>
      event.type === 'evaluation' ? { ...event, result: shareableMetric(event.result) } : event,
    );

/** The sentence is generated again, because that of the run may name another run. */
function shareableSummary(summary: Summary): Summary {
  const { step, comparisons, choice, givenStrength } = summary;
  const refused = whyNotOffered(summary) !== undefined;
  const publicRun: Summary = {
    step,
    sentence: '',
    comparisons: comparisons.map((comparison) => ({
      ...comparison,
      before: shareableMetric(comparison.before),
      after: shareableMetric(comparison.after),
    })),
    ...(choice && { choice }),
    ...(givenStrength !== undefined && { givenStrength }),
    ...(refused && { refused }),
  };
  return addFindings(publicRun, {});
}

/** The setting of `retention` ends in the text that it was measured on. */
const shareableMetric = (metric: Metric): Metric => ({
  ...metric,
  setting: metric.setting.replace(/(?<=pieces of up to \d+ tokens of ).+$/, (data) => dataName(data)),
});

/** A data set on the hub by its name; a file or folder has none. */
const dataName = (place: string): string => (place === 'base' || isOnHub(place) ? place : LOCAL_FILE);

/** A data set on the hub by its name, a file or folder by the last part of its path. */
export const withoutPath = (place: string): string => (isOnHub(place) ? place : lastPart(place));

/** "team/rows" may be a folder, which then takes precedence; runs of earlier versions stored it as given. */
const isOnHub = (place: string) => !isHere(place) && parseDataSetReference(place) !== undefined;
const isHere = (place: string) => localDataSet(place) !== undefined;
const lastPart = (path: string) => basename(path.replaceAll('\\', '/'));

/** How others name the base. */
export const baseName = (id: string): string =>
  findKnownBase(id) || (parseHubReference(id) && !isHere(id)) ? id : lastPart(id);

const localPathsOf = ({ folder, folders = [], base }: RunSpec): string[] => [
  folder,
  ...folders.map(({ path }) => path),
  base.path && dirname(base.path),
  dataDir(),
  homedir(),
  tmpdir(),
];

/**
 * Anything else that contains such a path, for example a backend's reason. Drops the parts that texts were made from.
 */
function withoutPaths<T>(value: T, places: readonly string[]): T {
  let text = JSON.stringify(value, (key, one: unknown) => (key === 'texts' ? undefined : one));
  for (const place of places.toSorted((a, b) => b.length - a.length))
    if (place.length > 1) text = text.replaceAll(JSON.stringify(place).slice(1, -1), '~');
  return JSON.parse(text) as T;
}
