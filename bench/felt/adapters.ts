/** Adapters used with the base: trained on a repository's old release, on another one, and the reference adapter. */
import { basename, join, resolve } from 'node:path';
import type { Calibration } from '../../src/completion/index.ts';
import { foldersOf } from '../../src/protocol/folders.ts';
import { dataDir } from '../../src/platform/files/paths.ts';
import { artefactName } from '../../src/protocol/run.ts';
import { readRun } from '../../src/runs/index.ts';
import { commandLine } from '../gain/command-line.ts';
import { defaultRun, fullBase, type Training, type Working } from '../gain/default-run.ts';
import { fetchRepository } from '../gain/fetch.ts';
import { foreignAdapter } from '../gain/foreign.ts';
import { partnerOf, type Repository } from '../gain/repositories.ts';
import type { BenchServer } from './server.ts';

export interface Adapter {
  /** Its name in requests to the server. */
  name: string;
  path: string;
  /** Whether it was trained on whole repositories, like code models. */
  wholeRepositories: boolean;
  calibration?: Calibration | undefined;
}

/** The adapters for a repository. If one is missing, the base answers, with its reference adapter if it has one. */
export interface Adapters {
  own?: Adapter | undefined;
  foreign?: Adapter | undefined;
  reference?: Adapter | undefined;
}

interface Asked extends Training {
  sides: ReadonlySet<string>;
  /** Directories of finished LoRA runs, used instead of the benchmark's own runs on the same folder. */
  runs: readonly string[];
  /** The file of the base's reference adapter. */
  reference: string | undefined;
}

/**
 * Trains missing adapters like bench:gain and in the same folder. Errors: those of defaultRun and fetchRepository,
 * run-not-found, run-damaged.
 */
export async function adaptersOf(old: Repository, asked: Asked, working: Working): Promise<Adapters> {
  const { sides } = asked;
  const reference = asked.reference
    ? { name: 'reference', path: resolve(asked.reference), wholeRepositories: true }
    : undefined;
  return {
    ...(sides.has('trained') && { own: (await ownAdapter(old, asked, working)) ?? reference }),
    ...(sides.has('foreign') && { foreign: await partnersAdapter(old, asked, working) }),
    ...(reference && { reference }),
  };
}

async function ownAdapter(old: Repository, asked: Asked, working: Working): Promise<Adapter | undefined> {
  for (const dir of asked.runs) {
    const { spec } = await readRun(dir);
    if (foldersOf(spec).some(({ path }) => basename(path) === old.name)) return adapterOf(dir);
  }
  const { dir, outcome } = await trainedOn(old, asked, working);
  if (!outcome.whyNot) return adapterOf(dir);
  working.tell(`${old.name}: the result is not offered, so the base answers, as before: ${outcome.whyNot}`);
  return undefined;
}

async function partnersAdapter(
  old: Repository,
  asked: Asked,
  working: Working,
): Promise<Adapter | undefined> {
  const partner = partnerOf(old);
  if (!partner) throw new Error(`There is no other repository of ${old.language}.`);
  const run = await trainedOn(partner, asked, working);
  const { spec } = await readRun(run.dir);
  return adapterOf(run.dir, await foreignAdapter(run, spec));
}

async function trainedOn(repository: Repository, { base, minutes, train }: Asked, working: Working) {
  const { name, language, sha256 } = repository;
  await commandLine(dataDir(), ['runtime', 'install', '--yes'], working.signal);
  const folder = await fetchRepository(repository, working);
  return defaultRun(
    { name, language, folder, id: sha256 },
    { base: fullBase(base), minutes, train },
    working,
  );
}

/** The adapter of a run; `path`: its file, if not in the run. */
export async function adapterOf(dir: string, path?: string): Promise<Adapter> {
  const { spec, summary } = await readRun(dir);
  return {
    name: spec.id,
    path: path ?? join(dir, artefactName(spec)),
    wholeRepositories: spec.corpus.repositoryContext,
    calibration: summary?.calibration,
  };
}

export const offer = (server: BenchServer, { name, path }: Adapter): Promise<unknown> =>
  server.post('/v1/load_lora_adapter', { lora_name: name, lora_path: path });
