/** What of a run may be published: settings, curves and figures, without anything of its text or of this machine. */
import { homedir } from 'node:os';
import { basename } from 'node:path';
import { parseHubReference } from '../base-models/hub.ts';
import { findKnownBase } from '../base-models/registry.ts';
import { localDataSet, parseDataSetReference } from '../corpus/datasets/files.ts';
import type { Summary } from '../protocol/evaluation.ts';
import { survivingEvents, type RunEvent } from '../protocol/events.ts';
import type { RunSnapshot } from '../protocol/panel.ts';
import { settledSpec, type RunSpec } from '../protocol/run.ts';

/** Warnings and errors name files; checkpoints are not published. */
const kept: ReadonlySet<RunEvent['type']> = new Set([
  ...(['start', 'step', 'length', 'rate', 'rollback', 'memory', 'evaluation'] as const),
  ...(['earlyStop', 'best', 'preferences', 'done'] as const),
]);

/**
 * The run as others may see it. Left out: folders and patterns, file names, the example and whatever was not measured
 * to the end, and what the check of this machine's llama.cpp found, because it is made again where the adapter is used.
 * Paths of this machine become names.
 */
export function shareable({ spec, state, events, summary, spectrum }: RunSnapshot): RunSnapshot {
  return withoutHome({
    spec: shareableSpec(settledSpec(spec, state)),
    state: { status: 'done', step: state.step, steps: state.steps },
    events: survivingEvents(events).filter(({ type }) => kept.has(type)),
    brokenLines: 0,
    ...(summary && { summary: shareableSummary(summary) }),
    ...(spectrum && { spectrum }),
  });
}

function shareableSpec(spec: RunSpec): RunSpec {
  const { corpus, imported, base } = spec;
  const { data, replay } = corpus;
  const after: RunSpec = {
    ...spec,
    format: 1,
    folder: '',
    corpus: {
      ...corpus,
      include: [],
      exclude: [],
      ...(data !== undefined && { data: withoutPath(data) }),
      ...(replay && { replay: { ...replay, source: withoutPath(replay.source) } }),
    },
    ...(imported && {
      imported: {
        ...imported,
        from: withoutPath(imported.from),
        // PEFT writes the folder here that the base was in.
        ...(imported.base !== undefined && { base: baseName(imported.base) }),
      },
    }),
    base: { id: baseName(base.id), path: '', sha256: base.sha256 },
  };
  for (const key of ['folders', 'preferences', 'continues', 'fetched'] as const) delete after[key];
  return after;
}

function shareableSummary(summary: Summary): Summary {
  const after = { ...summary };
  for (const key of ['example', 'served', 'earlier', 'pending'] as const) delete after[key];
  return after;
}

/** A data set on the hub by its name, a file or folder by the last part of its path. */
export const withoutPath = (place: string): string =>
  !isHere(place) && parseDataSetReference(place) ? place : basename(place.replaceAll('\\', '/'));

/** "team/rows" may be a folder: that is what was read then, and in runs of before it stands as it was given. */
const isHere = (place: string) => localDataSet(place) !== undefined;

/** How others name the base. */
export const baseName = (id: string): string =>
  findKnownBase(id) || (parseHubReference(id) && !isHere(id)) ? id : withoutPath(id);

/** Whatever else has the path of this person's home folder in it: a backend's reason, for example. */
function withoutHome<T>(value: T): T {
  const home = homedir();
  if (home.length < 2) return value;
  const inJson = JSON.stringify(home).slice(1, -1);
  return JSON.parse(JSON.stringify(value).replaceAll(inJson, '~')) as T;
}
