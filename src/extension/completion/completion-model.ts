/** What completes code: the result of a run, an untuned base, or a remote server. */
import { join } from 'node:path';
import { findKnownBase } from '../../base-models/registry.ts';
import type { Calibration } from '../../completion/index.ts';
import type { CompletingModel } from '../../findings/before.ts';
import type { Turn } from '../../findings/by-turns.ts';
import { foldersOf, type NamedFolder } from '../../protocol/folders.ts';
import { completingBaseId, completingServerId, type RunSnapshot } from '../../protocol/panel.ts';
import { runsDir } from '../../platform/files/paths.ts';
import { artefactName, REFERENCE_MODEL, type RunSpec } from '../../protocol/run.ts';
import { BASE_MODEL } from '../../protocol/server.ts';
import type { Endpoint } from '../../serving/remote/address.ts';

export type CompletionBase = RunSpec['base'];

export interface CompletionModel {
  /** The run's id, or one for the base. Key of counts, records and caches. */
  id: string;
  /** The name that the user sees. */
  name: string;
  /** Undefined: a remote server completes, with an unknown base. */
  base?: CompletionBase;
  /** The remote server. `model`: "" for its only model. */
  remote?: { endpoint: Endpoint; model: string };
  /** Undefined: the base itself. */
  run?: RunSnapshot;
  /** The path of the base's reference adapter, if it completes together with the base. */
  reference?: string | undefined;
  /** Its name in requests to the server. */
  requested: string;
  /** Models with the same value share a server. */
  server: string;
  /** Whether it was trained on whole repositories: each file with its path. */
  wholeRepositories: boolean;
  /** Maps its confidence to a probability, if that was measured. */
  calibration?: Calibration | undefined;
  /** The folders it has learned, each as a repository. */
  folders: readonly NamedFolder[];
  /** Set while models are compared by turns. */
  turn?: Turn | undefined;
}

/** A model on this machine. */
export type LocalModel = CompletionModel & { base: CompletionBase };
export type RemoteModel = CompletionModel & { remote: NonNullable<CompletionModel['remote']> };

export const isRemote = (model: CompletionModel | undefined): model is RemoteModel =>
  model?.remote !== undefined;

/** What is compared with a run's result (findings/before.ts). */
export const completing = ({ id, reference }: CompletionModel): CompletingModel => ({
  id,
  withReference: reference !== undefined,
});

export const modelFromRun = (run: RunSnapshot): LocalModel => {
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

/** `reference`: the path of its reference adapter, if it has one. */
export const modelFromBase = (base: CompletionBase, reference?: string): LocalModel => ({
  id: completingBaseId(base.id),
  name: findKnownBase(base.id)?.name ?? base.id,
  base,
  reference,
  requested: reference === undefined ? BASE_MODEL : REFERENCE_MODEL,
  server: base.path,
  // Code models were trained that way.
  wholeRepositories: true,
  folders: [],
});

export function modelFromServer(endpoint: Endpoint, model: string): RemoteModel {
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

/** The files that its server loads besides the base. */
export function servedFiles({ run, reference }: CompletionModel) {
  if (reference !== undefined) return { adapters: [{ name: REFERENCE_MODEL, path: reference }] };
  if (!run) return {};
  const artefact = { name: run.spec.id, path: join(runsDir(), run.spec.id, artefactName(run.spec)) };
  return run.spec.hyper.method === 'lora' ? { adapters: [artefact] } : { models: [artefact] };
}

/** The factor that scales a run's trained change; undefined if it was neither given nor measured. */
export const strengthOf = (run: RunSnapshot | undefined): number | undefined =>
  run?.summary?.givenStrength ?? run?.summary?.choice?.strength;

/** Changes with everything that its answers depend on, though its id may stay. */
export function versionOf({
  id,
  requested,
  server,
  wholeRepositories,
  calibration,
  run,
}: CompletionModel): string {
  return JSON.stringify([id, requested, server, wholeRepositories, calibration, strengthOf(run)]);
}
