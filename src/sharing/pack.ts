/** Packs a run's adapter and related files that may leave this machine, with a manifest. */
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { examine } from '../base-models/checksums.ts';
import { sha256Of } from '../platform/files/checksum.ts';
import { sizeOf } from '../platform/network/download.ts';
import { findKnownBase } from '../base-models/registry.ts';
import { UserError } from '../text/errors.ts';
import { isPlain } from '../text/foreign-text.ts';
import type { RunSnapshot } from '../protocol/panel.ts';
import { artefactName } from '../protocol/run.ts';
import { MANIFEST, onOneLine, SHARED_FORMAT, type SharedManifest } from '../protocol/sharing.ts';
import { readRun, stepOfResult } from '../runs/index.ts';
import { evaluationSummaryPath, eventsPath, specPath, statePath, writeJson } from '../runs/files.ts';
import { exportAdapterGguf, readAdapterGguf } from '../weights/index.ts';
import { card, type ManifestDraft } from './card.ts';
import { headerTexts, refuseSecrets, type OutgoingText } from './secrets.ts';
import { shareable } from './shareable.ts';
import { requireName, type Outgoing } from './stores/store.ts';

export interface PackOptions {
  /** Default: made from the run's name. */
  name?: string | undefined;
  version: number;
  /** A sentence about its use. */
  licence?: string | undefined;
  /** Writes the report of the run in a folder. */
  writeReport(runDir: string, to: string): Promise<void>;
  versions: Record<string, string>;
}

export interface Packed {
  manifest: SharedManifest;
  /** SHA-256 of the manifest, which contains those of all files. */
  sha256: string;
  /** In upload order: the manifest last. */
  files: Outgoing[];
  bytes: number;
}

/** The name under which a run is published, unless another one is given. Pure. */
export function sharedName(runName: string): string {
  const name = runName.replace(/[^\w.-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '');
  return name.slice(0, 100).replace(/[-.]+$/, '') || 'adapter';
}

/**
 * Writes the files into `folder`, which must be empty. Errors: those of readRun; run-not-finished; bad-argument for a
 * full fine-tune, a name or a licence that can't be used; secret-found.
 */
export async function packRun(dir: string, folder: string, options: PackOptions): Promise<Packed> {
  const run = await readRun(dir);
  requireAdapter(dir, run);
  const name = options.name ?? sharedName(run.spec.name);
  requireName(name);
  const publicRun = shareable(run, name);
  const described = await describe(run, publicRun, { ...options, name });
  const files = join(folder, 'files');
  await mkdir(files, { recursive: true });
  const texts: OutgoingText[] = [];
  const write = async (name: string, text: string) => {
    texts.push({ name, text });
    await writeFile(join(files, name), text);
  };
  await write('README.md', card(described, publicRun.summary));
  await write('run.json', json(publicRun.spec));
  await write('events.jsonl', publicRun.events.map((event) => `${JSON.stringify(event)}\n`).join(''));
  if (publicRun.summary) await write('summary.json', json(publicRun.summary));
  // Rewritten, because its strength may have changed, and only known metadata may leave.
  await exportAdapterGguf(
    join(files, 'adapter.gguf'),
    await readAdapterGguf(join(dir, artefactName(run.spec))),
  );
  texts.push({ name: 'adapter.gguf', text: await headerTexts(join(files, 'adapter.gguf')) });
  // Its data are the files above; the rest is the panel's code.
  await options.writeReport(await writeRunFolder(publicRun, join(folder, 'run')), join(files, 'report.html'));
  const names = [
    'README.md',
    ...texts.map(({ name }) => name).filter((name) => name !== 'README.md'),
    'report.html',
  ];
  const outgoing = await Promise.all(names.map((path) => outgoingFile(files, path)));
  const manifest: SharedManifest = {
    ...described,
    files: outgoing.map(({ path, bytes, sha256 }) => ({ path, bytes, sha256 })),
  };
  await write(MANIFEST, json(manifest));
  await refuseSecrets(texts);
  const all = [...outgoing, await outgoingFile(files, MANIFEST)];
  return {
    manifest,
    sha256: all.at(-1)!.sha256,
    files: all,
    bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;

function requireAdapter(dir: string, { spec }: RunSnapshot): void {
  if (spec.hyper.method !== 'lora')
    throw new UserError(
      'bad-argument',
      `Run ${spec.id} trained all weights, so there is no adapter to publish.`,
      'Write the model with export --to gguf-merged.',
    );
  if (!existsSync(join(dir, artefactName(spec))))
    throw new UserError(
      'run-not-finished',
      `Run ${spec.id} has no result yet.`,
      `Let it finish, or continue it with {resume ${spec.id}}.`,
    );
}

async function describe(
  run: RunSnapshot,
  { spec: { base }, summary }: RunSnapshot,
  options: PackOptions & { name: string },
): Promise<ManifestDraft> {
  const { spec, corpus } = run;
  if (!isPlain(options.licence ?? '') || (options.licence?.length ?? 0) > 500)
    throw new UserError('bad-argument', 'The licence is no sentence on one line.', 'Give it in short.');
  const licence = existsSync(spec.base.path)
    ? (await examine(spec.base.path)).licence
    : findKnownBase(spec.base.id)?.licence;
  return {
    format: SHARED_FORMAT,
    name: options.name,
    version: options.version,
    publishedAt: new Date().toISOString(),
    run: spec.id,
    step: stepOfResult(run),
    ...(summary?.sentence && { sentence: onOneLine(summary.sentence) }),
    // Some bases have the full text of their licence in their file.
    base: { id: base.id, sha256: base.sha256, ...(licence && { licence: onOneLine(licence) }) },
    ...(corpus && {
      corpus: {
        ...(corpus.digest && { digest: corpus.digest }),
        documents: corpus.kept,
        trainTokens: corpus.trainTokens,
      },
    }),
    ...(options.licence && { licence: options.licence }),
    versions: options.versions,
  };
}

async function outgoingFile(folder: string, path: string): Promise<Outgoing> {
  const source = join(folder, path);
  return { path, source, bytes: await sizeOf(source), sha256: await sha256Of(source) };
}

/** Laid out like a run's folder, for the report. */
async function writeRunFolder({ spec, state, events, summary }: RunSnapshot, dir: string): Promise<string> {
  await mkdir(join(dir, 'evaluation'), { recursive: true });
  await writeJson(specPath(dir), spec);
  await writeJson(statePath(dir), state);
  await writeFile(eventsPath(dir), events.map((event) => `${JSON.stringify(event)}\n`).join(''));
  if (summary) await writeJson(evaluationSummaryPath(dir), summary);
  return dir;
}
