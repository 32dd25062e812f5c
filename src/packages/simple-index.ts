/**
 * Finds wheels in a package index through its "simple" API: JSON (PEP 691), or HTML (PEP 503), the only one that many
 * corporate indexes have.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../text/errors.ts';
import { causeOf, networkFetch, PROXY_SIGN_IN, stallSignal } from '../platform/network/http.ts';
import { isSignIn, Refused, signInRequired } from '../platform/network/download.ts';
import { pipSettings } from '../platform/network/pip-settings.ts';

/**
 * Which wheel to choose, independent of any Python on this machine: platforms, best first, and Python version ("3.12").
 */
export interface WheelTags {
  platforms: string[];
  python: string;
}

export interface WheelQuery {
  project: string;
  version: string;
  /** Default: wheels for any Python 3 and any machine. */
  tags?: WheelTags | undefined;
  /** A file with this checksum is preferred to all others. */
  sha256?: string | undefined;
}

/** A wheel in an index. */
export interface WheelLocation {
  url: string;
  fileName: string;
  sha256: string | undefined;
  /** Credentials for the index, which the file also needs if it is on the same server. */
  headers: Record<string, string>;
}

/**
 * Finds the wheel in the first index that has it. Throws Refused with one sentence if none has it or can be reached,
 * and the abort reason.
 */
export async function locateWheel(query: WheelQuery, signal?: AbortSignal): Promise<WheelLocation> {
  const { project, version, sha256 } = query;
  const { indexes } = await pipSettings();
  const refusals: Refused[] = [];
  let other: WheelLocation | undefined;
  for (const index of indexes) {
    try {
      const wheel = chooseFile(await listFiles(index, project, signal), query);
      // A wheel with another checksum counts only if no index has the right one.
      if (wheel && (!sha256 || !wheel.sha256 || wheel.sha256 === sha256)) return wheel;
      other ??= wheel;
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof Refused)) throw error;
      refusals.push(error);
    }
  }
  if (other) return other;
  if (indexes.length === 0) throw new Refused("pip's configuration allows no package index (no-index)");
  throw refusals[0] ?? new Refused(`the package index has no ${project} ${version} for this machine`);
}

const TYPES = 'application/vnd.pypi.simple.v1+json, text/html;q=0.1';
const STALL_MS = 30_000;
const ATTEMPTS = 3;
const PAUSE_MS = 500;

/** Lists a project's files; retries after transient errors. */
async function listFiles(index: string, project: string, signal?: AbortSignal): Promise<WheelLocation[]> {
  const page = projectPage(index, project);
  for (let attempt = 1; ; attempt += 1) {
    const { status, text, baseUrl, isJson, why } = await ask(page, signal);
    if (status === 404) return [];
    if (why === PROXY_SIGN_IN) throw signInRequired(why);
    if (isSignIn(status)) throw signInRequired(`the package index requires a sign-in (HTTP ${status})`);
    if (status >= 200 && status < 300)
      return (isJson ? jsonFiles(text) : htmlFiles(text)).flatMap((file) => withAddress(file, baseUrl, page));
    const transient = status === 0 || status === 408 || status === 429 || status >= 500;
    if (!transient || attempt === ATTEMPTS)
      throw new Refused(
        why ? `the package index can't be reached (${why})` : `the package index answers with HTTP ${status}`,
      );
    await sleep(PAUSE_MS * 2 ** attempt, undefined, { signal });
  }
}

interface Answer {
  /** 0 if there was no response. */
  status: number;
  text: string;
  /** Base URL of relative links. */
  baseUrl: string;
  isJson: boolean;
  /** Why there was no response. */
  why?: string;
}

async function ask({ url, headers }: Address, signal: AbortSignal | undefined): Promise<Answer> {
  const stall = stallSignal(STALL_MS, 'no answer for half a minute', signal);
  try {
    const response = await networkFetch(url, {
      headers: { ...headers, accept: TYPES },
      signal: stall.signal,
      pipProxy: true,
    });
    const parts: Uint8Array[] = [];
    for await (const part of (response.body ?? []) as unknown as AsyncIterable<Uint8Array>) {
      stall.refresh();
      parts.push(part);
    }
    return {
      status: response.status,
      text: Buffer.concat(parts).toString('utf8'),
      baseUrl: response.url || url,
      isJson: /json/.test(response.headers.get('content-type') ?? ''),
    };
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof UserError) throw error;
    return { status: 0, text: '', baseUrl: url, isJson: false, why: causeOf(error) };
  } finally {
    stall.end();
  }
}

interface Address {
  url: string;
  origin: string;
  headers: Record<string, string>;
}

/** The page of a project. An index's URL may contain credentials, which must not appear in messages. */
function projectPage(index: string, project: string): Address {
  try {
    const url = new URL(`${normaliseName(project)}/`, index);
    const pair = [url.username, url.password].map(decodeURIComponent).join(':');
    url.username = url.password = '';
    const signIn = { authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
    return { url: url.href, origin: url.origin, headers: pair === ':' ? {} : signIn };
  } catch {
    throw new Refused("an index in pip's configuration is no usable URL");
  }
}

type Listed = Pick<WheelLocation, 'url' | 'fileName' | 'sha256'>;

/**
 * Only files on the index's own server get the credentials. Empty for an invalid URL, and for a file name with a path.
 */
function withAddress({ url, ...file }: Listed, baseUrl: string, page: Address): WheelLocation[] {
  if (!URL.canParse(url, baseUrl) || /[\\/:\0]/.test(file.fileName)) return [];
  const target = new URL(url, baseUrl);
  return [{ ...file, url: target.href, headers: target.origin === page.origin ? page.headers : {} }];
}

/** Skips entries that do not conform to PEP 691. */
function jsonFiles(text: string): Listed[] {
  let parsed: { files?: unknown };
  try {
    parsed = JSON.parse(text) as typeof parsed;
  } catch {
    throw new Refused('the package index answers with something that is no list of files');
  }
  const files = Array.isArray(parsed.files) ? (parsed.files as Record<string, unknown>[]) : [];
  return files.flatMap(({ url, filename, hashes }) =>
    typeof url === 'string' && typeof filename === 'string'
      ? [{ url, fileName: filename, sha256: (hashes as Record<string, string> | undefined)?.['sha256'] }]
      : [],
  );
}

/** The links of a page; as in pip, a file's name is the last part of its URL. */
function htmlFiles(text: string): Listed[] {
  // A corporate gateway's login page, whatever was requested.
  if (/<input\b[^>]*\btype\s*=\s*["']?password/i.test(text))
    throw signInRequired('the package index answers with a page to sign in');
  // Quoted values may contain ">", as data-requires-python does.
  const links = text.matchAll(/<a\b((?:"[^"]*"|'[^']*'|[^'">])*)>/gi);
  return [...links].flatMap(([, attributes = '']) => {
    const [, ...values] = /\bhref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/i.exec(attributes) ?? [];
    const [url = '', fragment = ''] = (values.find(Boolean) ?? '').replaceAll('&amp;', '&').split('#');
    const name = url.replace(/\?.*$/, '').split('/').at(-1) ?? '';
    const sha256 = /^sha256=([0-9a-f]{64})$/.exec(fragment)?.[1];
    return url ? [{ url, fileName: decode(name), sha256 }] : [];
  });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** PEP 503. */
export const normaliseName = (project: string): string => project.toLowerCase().replace(/[-_.]+/g, '-');

/** The file with the given checksum, or else the best wheel of this version for the tags. Pure. */
export function chooseFile(
  files: readonly WheelLocation[],
  { project, version, tags, sha256 }: WheelQuery,
): WheelLocation | undefined {
  const wheels = files.flatMap((file) => {
    // name-version(-build)?-python-abi-platform.whl, PEP 427
    const [name, wheelVersion, ...rest] = file.fileName.replace(/\.whl$/, '').split('-');
    const isProject = file.fileName.endsWith('.whl') && normaliseName(name!) === normaliseName(project);
    return isProject && wheelVersion === version ? [{ file, tags: rest.slice(-3) }] : [];
  });
  const pinned = wheels.find(({ file }) => sha256 !== undefined && file.sha256 === sha256);
  const ranked = wheels
    .map((candidate) => ({ ...candidate, rank: rankTags(candidate.tags, tags) }))
    .filter(({ rank }) => rank >= 0)
    .sort((a, b) => a.rank - b.rank);
  return (pinned ?? ranked[0])?.file;
}

/** Index among the requested platforms, with "any" last; -1 if the wheel does not fit. */
function rankTags([python = '', abi = '', platform = '']: string[], tags: WheelTags | undefined): number {
  const isPure = python.split('.').includes('py3') && abi === 'none';
  const cpython = tags && `cp${tags.python.replace('.', '')}`;
  if (!isPure && !(cpython && python === cpython && [cpython, 'abi3', 'none'].includes(abi))) return -1;
  const platforms = [...(tags?.platforms ?? []), 'any'];
  return platforms.findIndex((name) => platform.split('.').includes(name));
}
