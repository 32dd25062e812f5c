/** Resolves user input (a known base's name, a path, or a hub reference) to a model file on disk. */
import { existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { expandHome } from '../platform/files/paths.ts';
import { msg, UserError } from '../text/errors.ts';
import type { ResolveOptions } from './resolve-options.ts';
import { examineWithProgress } from './checksums.ts';
import { fetchFromHub, parseHubReference } from './hub.ts';
import { fetchKnownBase } from './known-base.ts';
import { findKnownBase, knownBases, type KnownBase } from './registry.ts';

export interface ResolvedBase {
  id: string;
  /** Absolute. */
  path: string;
  sha256: string;
  licence?: string;
}

/**
 * Finds the base, and downloads it if needed. When this returns, the file is a complete, readable GGUF.
 * Throws UserError `base-not-found`, `base-not-gguf`, `base-truncated`, `base-unsupported-quantisation`,
 * `base-checksum`, `hub-not-found`, `network`, `disk-full` or `cancelled`.
 */
export async function resolveBase(reference: string, options: ResolveOptions = {}): Promise<ResolvedBase> {
  const known = findKnownBase(reference);
  if (known) return await resolveKnown(known, options);
  const path = resolve(expandHome(reference));
  if (existsSync(path)) {
    const facts = await examineWithProgress(path, options);
    return toResolved(basename(path).replace(/\.gguf$/i, ''), facts);
  }
  const hub = parseHubReference(reference);
  if (hub) {
    const { id, path: fetched } = await fetchFromHub(hub, options);
    return toResolved(id, await examineWithProgress(fetched, options));
  }
  throw new UserError(
    'base-not-found',
    msg`There is no base "${reference}": it is neither a known name nor a file.`,
    msg`Known bases: ${knownBases.map(({ id }) => id).join(', ')}. Or give the path of a .gguf file, or owner/name on the hub.`,
  );
}

async function resolveKnown(base: KnownBase, options: ResolveOptions): Promise<ResolvedBase> {
  const path = await fetchKnownBase(base, options);
  return { ...toResolved(base.id, await examineWithProgress(path, options)), licence: base.licence };
}

const toResolved = (
  id: string,
  { path, sha256, licence }: { path: string; sha256: string; licence?: string | undefined },
): ResolvedBase => ({
  id,
  path,
  sha256,
  ...(licence ? { licence } : {}),
});
