/** Turns a published adapter into a run. */
import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isTask, statedSummary } from '../evaluation/metrics/summary.ts';
import { openForeignAdapter } from '../export/import-adapter.ts';
import { adapterAlpha } from '../model/index.ts';
import { UserError } from '../text/errors.ts';
import type { Hyper, RunSpec } from '../protocol/run.ts';
import { sharedLabel, type SharedManifest } from '../protocol/sharing.ts';
import { createRun, listRuns, type NewRun } from '../runs/index.ts';
import { inTemporaryFolder } from '../runs/temporary-folders.ts';
import { evaluationSummaryPath, writeJson } from '../runs/files.ts';
import { exportAdapterGguf, type Adapter } from '../weights/index.ts';
import { notPublished, requireName, type Store } from './stores/store.ts';
import { checkFile, damaged, filesRead, readManifest, unpackRun } from './unpack.ts';

const MAX_MANIFEST_BYTES = 1 << 20;

export interface PublishedReference {
  store: Store;
  name: string;
  /** Default: the newest. */
  version?: number | undefined;
  /** SHA-256 of the manifest, as printed by `publish`. */
  sha256?: string | undefined;
}

export interface FoundAdapter {
  manifest: SharedManifest;
  sha256: string;
  /** Bytes of the files that are read. */
  bytes: number;
  /** The newest version. */
  newest: number;
  /** Its run on this machine, if it was fetched before. */
  known?: string;
}

/** Reads the manifest. Errors: not-published, adapter-damaged, adapter-mismatch, run-newer, and those of the store. */
export async function findPublished({
  store,
  name,
  version,
  sha256,
}: PublishedReference): Promise<FoundAdapter> {
  requireName(name);
  const versions = await store.versions(name);
  // Some of the newest versions may be incomplete.
  const candidates =
    version === undefined ? versions.toReversed() : versions.filter((candidate) => candidate === version);
  for (const candidate of candidates) {
    const bytes = await store.manifest(name, candidate, MAX_MANIFEST_BYTES);
    if (!bytes) continue;
    const digest = createHash('sha256').update(bytes).digest('hex');
    if (sha256 !== undefined && sha256.toLowerCase() !== digest)
      throw new UserError(
        'adapter-mismatch',
        `${sharedLabel({ name, version: candidate })} in ${store.label} has another checksum than you gave: ${digest}.`,
        'Ask whoever published it which one is right.',
      );
    const manifest = readManifest(bytes, { name, version: candidate });
    const known = (await listRuns()).find(({ spec }) => spec.fetched?.sha256 === digest)?.spec.id;
    return {
      manifest,
      sha256: digest,
      bytes: filesRead(manifest).reduce((sum, file) => sum + file.bytes, 0),
      newest: versions.at(-1)!,
      ...(known && { known }),
    };
  }
  const had = versions.length ? `; it has ${versions.join(', ')}` : '';
  throw notPublished(
    store.label,
    version === undefined ? `adapter "${name}"` : `version ${version} of "${name}"${had}`,
  );
}

export interface FetchOptions {
  /** The base on this machine. */
  base: RunSpec['base'];
  versions: Record<string, string>;
  signal?: AbortSignal | undefined;
  onBytes?: ((done: number, total: number) => void) | undefined;
}

/** Throws adapter-mismatch, which names both, if `base` is not the one that the adapter was trained on. */
export function requireBaseOf({ name, version, base }: SharedManifest, here: RunSpec['base']): void {
  if (here.sha256 === base.sha256) return;
  throw new UserError(
    'adapter-mismatch',
    `The adapter ${sharedLabel({ name, version })} was trained on ${base.id} (sha256 ${base.sha256.slice(0, 12)}), and ${here.path} is another base (${here.sha256.slice(0, 12)}).`,
    'Give the base that it was trained on with --base.',
  );
}

/**
 * Downloads the files that are read, checks them, and creates the run atomically: a failure leaves nothing behind.
 * Errors: adapter-damaged, adapter-mismatch, adapter-unsupported, run-newer, and those of the store.
 */
export async function fetchAdapter(
  store: Store,
  { manifest, sha256, bytes }: FoundAdapter,
  { base, versions, signal, onBytes }: FetchOptions,
): Promise<{ dir: string; id: string; spec: RunSpec }> {
  requireBaseOf(manifest, base);
  const { name, version } = manifest;
  return inTemporaryFolder(tmpdir(), 'sharing', async (folder) => {
    let before = 0;
    for (const file of filesRead(manifest)) {
      await store.download({ name, version, path: file.path }, join(folder, file.path), {
        signal,
        onBytes: (done) => {
          // Otherwise a store could fill the disk.
          if (done > file.bytes)
            throw damaged(manifest, `${file.path} has more than its ${file.bytes} bytes`);
          onBytes?.(before + done, bytes);
        },
      });
      await checkFile(folder, file, manifest);
      before += file.bytes;
    }
    return createRunFrom(folder, { manifest, sha256, base, versions, from: store.label });
  });
}

interface CheckedDownload {
  manifest: SharedManifest;
  sha256: string;
  base: RunSpec['base'];
  versions: Record<string, string>;
  from: string;
}

/**
 * Keeps what is shown as stated by the publisher: settings, curves, metrics. Everything that this machine acts on is
 * its own: the base, the evaluation plan, and later the check of the served model. Only a refusal counts here, too.
 */
async function createRunFrom(folder: string, { manifest, sha256, base, versions, from }: CheckedDownload) {
  const { name, version, publishedAt, run, licence, step } = manifest;
  const { spec, events, summary } = await unpackRun(folder, manifest);
  const { adapter } = await openForeignAdapter(join(folder, 'adapter.gguf'), base);
  const { hyper, corpus, learningRateReason, reference, continues } = spec;
  const { checkpointTasks, forgettingLimit, keep } = spec.evaluation;
  const newRun: NewRun = {
    name: `${name}@${version}`,
    folder: '',
    base: { id: base.id, path: base.path, sha256: base.sha256 },
    hyper,
    corpus,
    backend: 'auto',
    versions,
    ...(learningRateReason !== undefined && { learningRateReason }),
    evaluation: {
      // There is no held-out text to complete in.
      completions: false,
      strength: strengthOf(manifest, adapter, hyper),
      keep,
      checkpointTasks: checkpointTasks.filter(isTask),
      ...(forgettingLimit !== undefined && { forgettingLimit }),
    },
    imported: { from: `${from}, ${name}@${version}`, format: 'gguf', base: manifest.base.id },
    fetched: {
      ...{ from, name, version, publishedAt, sha256, run },
      ...(licence && { licence }),
      ...(reference && { reference }),
      ...(continues && { continues: { sha256: continues.sha256 } }),
    },
  };
  return createRun(newRun, async (dir) => {
    await exportAdapterGguf(join(dir, 'adapter.gguf'), { ...adapter, baseSha256: base.sha256 });
    await mkdir(join(dir, 'evaluation'));
    if (summary)
      await writeJson(evaluationSummaryPath(dir), statedSummary(step, summary.comparisons, summary.refused));
    await writeJson(join(dir, 'shared.json'), manifest);
    const lines = events
      .filter((event) => event.type !== 'evaluation' || isTask(event.result.task))
      .map((event) => `${JSON.stringify(event.type === 'done' ? withLocalArtefact(event) : event)}\n`);
    return { artefact: 'adapter.gguf', step, events: lines.join('') };
  });
}

/** Below this share, nothing is left of a change. */
const MIN_STRENGTH = 0.001;

/**
 * Its strength, relative to the change as trained. Errors: adapter-damaged if the settings are those of another
 * adapter.
 */
function strengthOf(manifest: SharedManifest, adapter: Adapter, hyper: Hyper): number {
  const rank = Math.max(...adapter.layers.map((layer) => layer.rank));
  const strength = Number((adapter.alpha / adapterAlpha(hyper)).toPrecision(6));
  if (hyper.method === 'lora' && rank === hyper.rank && strength >= MIN_STRENGTH && strength <= 1)
    return strength;
  throw damaged(manifest, 'its settings are not those of its adapter');
}

/** Only a plain name within the run's folder is opened. */
const withLocalArtefact = <T extends object>(event: T) => ({ ...event, artefact: 'adapter.gguf' });
