/**
 * Finds wheels in a package index, by its "simple" interface: JSON (PEP 691), or HTML (PEP 503), which is all that many
 * indexes of companies have.
 */
import { networkFetch } from '../network.ts';
import { Refused } from './download.ts';
import { readPipSettings } from './pip-settings.ts';

/**
 * Which wheel to choose, independent of any Python on this machine: platforms, best first, and Python version ("3.12").
 */
export interface WheelTags {
  platforms: string[];
  python: string;
}

export interface WheelQuestion {
  project: string;
  version: string;
  /** Default: wheels for any Python 3 and any machine. */
  tags?: WheelTags | undefined;
  /** If a file has this checksum, it is the one. */
  sha256?: string | undefined;
}

/** A wheel in an index. */
export interface WheelLocation {
  url: string;
  fileName: string;
  sha256: string | undefined;
  /** Sign-in to the index, which the file needs too if it is on the same server. */
  headers: Record<string, string>;
}

/**
 * Where the wheel is; the first index that has it counts. Throws Refused with one sentence if none has it or none can be
 * asked, and the abort reason.
 */
export async function locateWheel(question: WheelQuestion, signal?: AbortSignal): Promise<WheelLocation> {
  const { indexes } = await readPipSettings();
  let why = "pip's configuration allows no package index (no-index)";
  for (const index of indexes) {
    try {
      const found = chooseFile(await filesOf(index, question.project, signal), question);
      if (found) return found;
      why = `the package index has no ${question.project} ${question.version} for this machine`;
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof Refused)) throw error;
      why = error.message;
    }
  }
  throw new Refused(why);
}

const TYPES = 'application/vnd.pypi.simple.v1+json, text/html;q=0.1';
const ANSWER_MS = 30_000;

async function filesOf(index: string, project: string, signal?: AbortSignal): Promise<WheelLocation[]> {
  const { url, headers } = withSignIn(new URL(`${normalised(project)}/`, index));
  const limit = AbortSignal.timeout(ANSWER_MS);
  let response: Response;
  let text: string;
  try {
    response = await networkFetch(url, {
      headers: { ...headers, accept: TYPES },
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
    text = await response.text();
  } catch (error) {
    throw new Refused(`the package index can't be reached (${causeOf(error)})`, { cause: error });
  }
  if (response.status === 404) return [];
  if (!response.ok) throw new Refused(`the package index answers with HTTP ${response.status}`);
  const place = new URL(response.url || url);
  const isJson = /json/.test(response.headers.get('content-type') ?? '');
  return (isJson ? jsonFiles(text) : htmlFiles(text)).map(({ url: href, ...file }) => {
    const target = new URL(href, place);
    return { ...file, url: target.href, headers: target.host === place.host ? headers : {} };
  });
}

/** The code of the deepest cause, such as ENOTFOUND, or its words. */
function causeOf(error: unknown): string {
  const { cause, message, code } = error as Error & { code?: string };
  return cause instanceof Error ? causeOf(cause) : (code ?? message);
}

/** An index's URL may hold a sign-in. It must not appear in what is shown. */
function withSignIn(url: URL): { url: string; headers: Record<string, string> } {
  const { username, password } = url;
  if (!username) return { url: url.href, headers: {} };
  url.username = url.password = '';
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { url: url.href, headers: { authorization: `Basic ${Buffer.from(pair).toString('base64')}` } };
}

type Listed = Pick<WheelLocation, 'url' | 'fileName' | 'sha256'>;

/** What is not as PEP 691 says is left out. */
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

function htmlFiles(text: string): Listed[] {
  return [...text.matchAll(/<a\b[^>]*?\bhref\s*=\s*["']([^"']+)["'][^>]*>([^<]*)<\/a>/gi)].map(
    ([, href = '', name = '']) => {
      const [url = '', fragment = ''] = href.replaceAll('&amp;', '&').split('#');
      return { url, fileName: name.trim(), sha256: /^sha256=([0-9a-f]{64})$/.exec(fragment)?.[1] };
    },
  );
}

/** PEP 503. */
export const normalised = (project: string): string => project.toLowerCase().replace(/[-_.]+/g, '-');

/** The file with the wanted checksum, else the best wheel of this version for the tags; pure. */
export function chooseFile(
  files: readonly WheelLocation[],
  { project, version, tags, sha256 }: WheelQuestion,
): WheelLocation | undefined {
  const wheels = files.flatMap((file) => {
    // name-version(-build)?-python-abi-platform.whl, PEP 427
    const [name, its, ...rest] = file.fileName.replace(/\.whl$/, '').split('-');
    const same = file.fileName.endsWith('.whl') && normalised(name!) === normalised(project);
    return same && its === version ? [{ file, tags: rest.slice(-3) }] : [];
  });
  const pinned = wheels.find(({ file }) => sha256 !== undefined && file.sha256 === sha256);
  const ranked = wheels
    .map((one) => ({ ...one, rank: rankOf(one.tags, tags) }))
    .filter(({ rank }) => rank >= 0)
    .sort((a, b) => a.rank - b.rank);
  return (pinned ?? ranked[0])?.file;
}

/** Place among the wanted platforms, the one for any machine last; -1 if it does not fit. */
function rankOf([python = '', abi = '', platform = '']: string[], tags: WheelTags | undefined): number {
  const plain = python.split('.').includes('py3') && abi === 'none';
  const own = tags && `cp${tags.python.replace('.', '')}`;
  if (!plain && !(own && python === own && [own, 'abi3', 'none'].includes(abi))) return -1;
  const platforms = [...(tags?.platforms ?? []), 'any'];
  return platforms.findIndex((one) => platform.split('.').includes(one));
}
