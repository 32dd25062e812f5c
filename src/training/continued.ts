/**
 * What a run keeps of its predecessor: the adapter and corpus of the run that it continues, or the reference adapter.
 */
import { copyFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { examine } from '../base-models/checksums.ts';
import {
  EarlierCorpus,
  openCorpus,
  type Corpus,
  type KeptEntry,
  type LeftOutEntry,
} from '../corpus/index.ts';
import { expandRank, exportAdapterGguf, readAdapterGguf } from '../weights/index.ts';
import { adapterAlpha, firstA, type Parameter } from '../model/index.ts';
import { createRenaming } from '../corpus/reading/folders.ts';
import { msg, UserError } from '../text/errors.ts';
import type { Folders } from '../protocol/folders.ts';
import { artefactName, EARLIER_ADAPTER, earlierAdapterName, type RunSpec } from '../protocol/run.ts';
import { findRun, readSpec } from '../runs/index.ts';
import { renamePatiently } from '../platform/files/write-file.ts';

type Continuing = Pick<RunSpec, 'continues' | 'reference' | 'hyper'>;

/**
 * The content of the corpora of a run and of the runs that it continues, as far as they still exist, with the paths
 * mapped to the folders `now`. Errors: run-not-found, run-damaged.
 */
export async function earlierCorpus(dir: string, now: Folders): Promise<EarlierCorpus> {
  return toEarlierCorpus(await readSpec(dir), await openCorpus(join(dir, 'corpus')), now);
}

type LearnedRun = Pick<RunSpec, 'continues' | 'folder' | 'folders'>;

/** The same, for a run that was already read. */
export async function toEarlierCorpus(
  run: LearnedRun,
  corpus: Pick<Corpus, 'documents' | 'leftOut'>,
  now: Folders,
): Promise<EarlierCorpus> {
  const earlier = new EarlierCorpus(...entriesIn(now, run, corpus));
  // One after the other, so that only one of their manifests is in memory.
  for (let { continues } = run; continues;)
    try {
      const dir = await findRun(continues.run);
      const spec = await readSpec(dir);
      earlier.addOlder(...entriesIn(now, spec, await openCorpus(join(dir, 'corpus'))));
      ({ continues } = spec);
    } catch {
      break;
    }
  return earlier;
}

/** What a run's corpus contains and left out, with the paths mapped to the folders `now`. */
function entriesIn(
  now: Folders,
  { folder, folders }: LearnedRun,
  { documents, leftOut }: Pick<Corpus, 'documents' | 'leftOut'>,
): [KeptEntry[], LeftOutEntry[]] {
  const renamed = createRenaming({ folder, folders }, now);
  return [
    documents.map((entry) => ({ ...entry, path: renamed(entry.path) })),
    leftOut.map((entry) => ({
      ...entry,
      path: renamed(entry.path),
      // For a duplicate, the path of its twin.
      ...(entry.detail !== undefined && { detail: renamed(entry.detail) }),
    })),
  ];
}

/**
 * Puts the adapter with which training begins into the run, once: of a continued run, because that may get another
 * strength later or be deleted; the reference adapter at `reference`, at the run's rank, because another version of
 * this program may ship another one. Errors: adapter-damaged (also if the continued run's has changed since),
 * run-not-found; run-damaged without `reference` if it is missing.
 */
export async function placeEarlierAdapter(dir: string, spec: RunSpec, reference?: string): Promise<void> {
  const { continues } = spec;
  const path = join(dir, EARLIER_ADAPTER);
  if (earlierAdapterName(spec) === undefined) return;
  if (!existsSync(path))
    await (continues ? copyResult(path, spec, continues.run) : exportReference(path, spec, reference));
  if (!continues || (await examine(path)).sha256 === continues.sha256) return;
  throw new UserError(
    'adapter-damaged',
    msg`The adapter of run ${continues.run} has changed since this run was started.`,
    msg`Start a new run that continues it.`,
  );
}

async function copyResult(path: string, spec: RunSpec, run: string): Promise<void> {
  await copyFile(join(await findRun(run), artefactName(spec)), `${path}.tmp`);
  await renamePatiently(`${path}.tmp`, path);
}

async function exportReference(
  path: string,
  { hyper: { rank, seed } }: RunSpec,
  reference: string | undefined,
): Promise<void> {
  if (reference === undefined)
    throw new UserError(
      'run-damaged',
      msg`${path}, with which training begins, is missing.`,
      msg`Start a new training run.`,
    );
  const expanded = expandRank(await readAdapterGguf(reference), rank, ({ name, in: width }) =>
    firstA(name, [rank, width], seed),
  );
  await exportAdapterGguf(path, expanded);
}

/**
 * The value of each parameter before the first step, if training begins with an adapter: that adapter as served, with
 * its alpha multiplied into B. Errors: adapter-damaged, adapter-mismatch if its shape differs from the run's.
 */
export async function earlierValues(
  dir: string,
  spec: Continuing,
): Promise<((parameter: Parameter) => Promise<Float32Array>) | undefined> {
  if (earlierAdapterName(spec) === undefined) return undefined;
  const path = join(dir, EARLIER_ADAPTER);
  const { alpha, layers } = await readAdapterGguf(path);
  const strength = alpha / adapterAlpha(spec.hyper);
  const values = new Map(
    layers.flatMap(({ name, a, b }) => [
      [`${name}.lora_a`, a],
      [`${name}.lora_b`, strength === 1 ? b : b.map((value) => value * strength)],
    ]),
  );
  return ({ name, shape }) => {
    const found = values.get(name);
    if (found?.length === shape.reduce((a, b) => a * b, 1)) return Promise.resolve(found);
    const difference = found ? `${name} of another size` : `no ${name}`;
    return Promise.reject(
      new UserError(
        'adapter-mismatch',
        `${path} has ${difference}.`,
        msg`Start a new run that continues the earlier one.`,
      ),
    );
  };
}
