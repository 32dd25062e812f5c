/** What completes code: the result of a run, a base as it is, or a server elsewhere. */
import { join } from 'node:path';
import { findKnownBase } from '../../base-models/registry.ts';
import type { Calibration } from '../../completion/index.ts';
import { foldersOf, type NamedFolder } from '../../protocol/folders.ts';
import { completingBaseId, completingServerId, type RunSnapshot } from '../../protocol/panel.ts';
import { runsDir } from '../../platform/files/paths.ts';
import { artefactName, type RunSpec } from '../../protocol/run.ts';
import { BASE_MODEL } from '../../protocol/server.ts';
import type { Endpoint } from '../../serving/remote/address.ts';

export type CompletionBase = RunSpec['base'];

export interface CompletionModel {
  /** The run's id, or one for the base. Counts, records and caches are kept by it. */
  id: string;
  /** The name that the user sees. */
  name: string;
  /** Undefined: a server elsewhere completes, with a base that is not known. */
  base?: CompletionBase;
  /** The server elsewhere. `model`: "" if its only one is meant. */
  remote?: { endpoint: Endpoint; model: string };
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

/** One of this machine. */
export type LocalModel = CompletionModel & { base: CompletionBase };
export type RemoteModel = CompletionModel & { remote: NonNullable<CompletionModel['remote']> };

export const isRemote = (model: CompletionModel | undefined): model is RemoteModel =>
  model?.remote !== undefined;

export const ofRun = (run: RunSnapshot): LocalModel => {
  const { id, name, base, hyper, corpus } = run.spec;
  return {
    id,
    name,
    base,
    run,
    requested: id,
    // One server for all adapters of a base, so that a switch loads only an adapter.
    server: hyper.method === 'lora' ? base.path : id,
    wholeRepositories: corpus.repositoryContext,
    folders: foldersOf(run.spec),
    calibration: run.summary?.calibration,
  };
};

export const ofBase = (base: CompletionBase): LocalModel => ({
  id: completingBaseId(base.id),
  name: findKnownBase(base.id)?.name ?? base.id,
  base,
  requested: BASE_MODEL,
  server: base.path,
  // Code models were.
  wholeRepositories: true,
  folders: [],
});

export function ofServer(endpoint: Endpoint, model: string): RemoteModel {
  const name = model ? `${model} @ ${endpoint.host}` : endpoint.host;
  return {
    id: completingServerId(name),
    name,
    remote: { endpoint, model },
    requested: model,
    server: `${endpoint.api}\n${model}`,
    wholeRepositories: true,
    folders: [],
  };
}

/** The files that its server offers beside the base. */
export function offersOf({ run }: CompletionModel) {
  if (!run) return {};
  const artefact = { name: run.spec.id, path: join(runsDir(), run.spec.id, artefactName(run.spec)) };
  return run.spec.hyper.method === 'lora' ? { adapters: [artefact] } : { models: [artefact] };
}
