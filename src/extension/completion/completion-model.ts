/** What completes code: the result of a run, or a base as it is. */
import { join } from 'node:path';
import { findKnownBase } from '../../base-models/registry.ts';
import type { Calibration } from '../../completion/index.ts';
import { foldersOf, type NamedFolder } from '../../protocol/folders.ts';
import { completingBaseId, type RunSnapshot } from '../../protocol/panel.ts';
import { runsDir } from '../../protocol/paths.ts';
import { artefactName, type RunSpec } from '../../protocol/run.ts';
import { BASE_MODEL } from '../../protocol/server.ts';

export type CompletionBase = RunSpec['base'];

export interface CompletionModel {
  /** The run's id, or one for the base. Counts, records and caches are kept by it. */
  id: string;
  /** The name that the user sees. */
  name: string;
  base: CompletionBase;
  /** Undefined: the base itself. */
  run?: RunSnapshot;
  /** Its name in requests to the server. */
  requested: string;
  /** Models with the same value share a server. */
  server: string;
  /** It saw whole repositories when it was trained: each file with its path. */
  wholeRepositories: boolean;
  /** How its certainty becomes a chance, if that was measured. */
  calibration?: Calibration | undefined;
  /** What it has learned, each folder as a repository. */
  folders: readonly NamedFolder[];
}

export const ofRun = (run: RunSnapshot): CompletionModel => {
  const { id, name, base, hyper, corpus } = run.spec;
  return {
    ...{ id, name, base, run },
    requested: id,
    // One server for all adapters of a base, so that a switch loads only an adapter.
    server: hyper.method === 'lora' ? base.path : id,
    wholeRepositories: corpus.repositoryContext,
    folders: foldersOf(run.spec),
    calibration: run.summary?.calibration,
  };
};

export const ofBase = (base: CompletionBase): CompletionModel => ({
  id: completingBaseId(base.id),
  name: findKnownBase(base.id)?.name ?? base.id,
  base,
  requested: BASE_MODEL,
  server: base.path,
  // Code models were.
  wholeRepositories: true,
  folders: [],
});

/** The files that its server offers beside the base. */
export function offersOf({ run }: CompletionModel) {
  if (!run) return {};
  const artefact = { name: run.spec.id, path: join(runsDir(), run.spec.id, artefactName(run.spec)) };
  return run.spec.hyper.method === 'lora' ? { adapters: [artefact] } : { models: [artefact] };
}
