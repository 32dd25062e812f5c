/**
 * Finds wheels in a package index, by its "simple" interface: JSON (PEP 691), or HTML (PEP 503), which is all that many
 * indexes of companies have.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../text/errors.ts';
import { causeOf, networkFetch, PROXY_SIGN_IN, stallSignal } from '../platform/network/http.ts';
import { isSignIn, Refused, wantsSignIn } from '../platform/network/download.ts';
import { pipSettings } from '../platform/network/pip-settings.ts';

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
  const { project, version, sha256 } = question;
  const { indexes } = await pipSettings();
  const refusals: Refused[] = [];
  let other: WheelLocation | undefined;
  for (const index of indexes) {
    try {
      const found = chooseFile(await filesOf(index, project, signal), question);
      // A wheel with another checksum counts only if no index has the right one.
      if (found && (!sha256 || !found.sha256 || found.sha256 === sha256)) return found;
      other ??= found;
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

/** Asks again after answers that may be another the next time. */
async function filesOf(index: string, project: string, signal?: AbortSignal): Promise<WheelLocation[]> {
  const asked = addressOf(index, project);
  for (let attempt = 1; ; attempt += 1) {
    const { status, text, place, isJson, why } = await ask(asked, signal);
    if (status === 404) return [];
    if (why === PROXY_SIGN_IN) throw wantsSignIn(why);
    if (isSignIn(status)) throw wantsSignIn(`the package index wants a sign-in (HTTP ${status})`);
    if (status >= 200 && status < 300)
      return (isJson ? jsonFiles(text) : htmlFiles(text)).flatMap((file) => withAddress(file, place, asked));
    const transient = status === 0 || status === 408 || status === 429 || status >= 500;
    if (!transient || attempt === ATTEMPTS)
      throw new Refused(
        why ? `the package index can't be reached (${why})` : `the package index answers with HTTP ${status}`,
      );
    await sleep(PAUSE_MS * 2 ** attempt, undefined, { signal });
  }
}

interface Answer {
  /** 0 if there was none. */
  status: number;
  text: string;
  /** What links are relative to. */
  place: string;
  isJson: boolean;
  /** Why there was none. */
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
      place: response.url || url,
      isJson: /json/.test(response.headers.get('content-type') ?? ''),
    };
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof UserError) throw error;
    return { status: 0, text: '', place: url, isJson: false, why: causeOf(error) };
  } finally {
    stall.end();
  }
}

interface Address {
  url: string;
  origin: string;
  headers: Record<string, string>;
}

/** The page of a project. An index's URL may hold a sign-in, which must not appear in what is shown. */
function addressOf(index: string, project: string): Address {
  try {
    const url = new URL(`${normalised(project)}/`, index);
    const pair = [url.username, url.password].map(decodeURIComponent).join(':');
    url.username = url.password = '';
    const signIn = { authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
    return { url: url.href, origin: url.origin, headers: pair === ':' ? {} : signIn };
  } catch {
    throw new Refused("an index in pip's configuration is no usable URL");
  }
}

type Listed = Pick<WheelLocation, 'url' | 'fileName' | 'sha256'>;

/** Only files on the index's own server get the sign-in. Empty for a link that is no URL, and for a name with a path. */
function withAddress({ url, ...file }: Listed, place: string, asked: Address): WheelLocation[] {
  if (!URL.canParse(url, place) || /[\\/:\0]/.test(file.fileName)) return [];
  const target = new URL(url, place);
  return [{ ...file, url: target.href, headers: target.origin === asked.origin ? asked.headers : {} }];
}

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

/** The links of a page; the name of a file is the last part of its address, as for pip. */
function htmlFiles(text: string): Listed[] {
  // A company's gate answers so, whatever it is asked for.
  if (/<input\b[^>]*\btype\s*=\s*["']?password/i.test(text))
    throw wantsSignIn('the package index answers with a page to sign in');
  // Values in quotes may hold ">", as data-requires-python does.
  const links = text.matchAll(/<a\b((?:"[^"]*"|'[^']*'|[^'">])*)>/gi);
  return [...links].flatMap(([, attributes = '']) => {
    const [, ...values] = /\bhref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/i.exec(attributes) ?? [];
    const [url = '', fragment = ''] = (values.find(Boolean) ?? '').replaceAll('&amp;', '&').split('#');
    const name = url.replace(/\?.*$/, '').split('/').at(-1) ?? '';
    const sha256 = /^sha256=([0-9a-f]{64})$/.exec(fragment)?.[1];
    return url ? [{ url, fileName: decoded(name), sha256 }] : [];
  });
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
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
