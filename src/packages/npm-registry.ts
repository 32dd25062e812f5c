/**
 * Finds a package in the registry that npm is configured for, by the user's and the machine's .npmrc and by variables
 * such as npm_config_registry. npm itself need not be there.
 */
import npmConf from '@pnpm/npm-conf';
import authToken from 'registry-auth-token';
import { isSignIn, Refused, wantsSignIn } from '../platform/network/download.ts';
import { causeOf, networkFetch, PROXY_SIGN_IN, stallSignal, type Way } from '../platform/network/http.ts';

export interface Located {
  url: string;
  /** Sign-in to the registry, if the file is on the same server. */
  headers: Record<string, string>;
  /** As npm is configured for this address. */
  way: Way;
}

const STALL_MS = 30_000;
/** Without descriptions and read-me files. */
const TYPE = 'application/vnd.npm.install-v1+json';

/**
 * Where the packed file of `name` in this version is. Throws Refused with one sentence, UserError `network`, and the
 * abort reason.
 */
export async function locatePackage(name: string, version: string, signal?: AbortSignal): Promise<Located> {
  const registry = registryOf(name);
  const headers = signIn(registry);
  const text = await ask(new URL(name.replace('/', '%2f'), registry), headers, signal);
  const file = fileIn(text, version);
  if (!file) throw new Refused(`npm's registry has no ${name} ${version}`);
  const url = new URL(file, registry);
  const same = url.origin === new URL(registry).origin;
  return { url: url.href, headers: same ? headers : {}, way: wayTo(url) };
}

/**
 * The .npmrc of the folder that this process works in is left out: it may be of a project that nobody has looked at,
 * and could send the user's sign-in elsewhere.
 */
const settings = (): Record<string, unknown> => npmConf({ global: true }).config.snapshot;

/** With an ending slash. Throws Refused. */
function registryOf(name: string): string {
  const all = settings();
  const url = String(all[`${name.split('/')[0]}:registry`] ?? all['registry']);
  if (!URL.canParse(url)) throw new Refused("the registry in npm's configuration is no usable URL");
  return url.replace(/\/*$/, '/');
}

function signIn(registry: string): Record<string, string> {
  const npmrc = settings() as Record<string, string | undefined>;
  const found = authToken(registry, { recursive: true, npmrc });
  return found ? { authorization: `${found.type} ${found.token}` } : {};
}

function wayTo({ protocol, hostname }: URL): Way {
  const all = settings() as Record<string, string | undefined>;
  const plain = all['proxy'] || all['http-proxy'];
  const proxy = protocol === 'https:' ? all['https-proxy'] || plain : plain;
  // "example.org" stands for all hosts below it, too.
  const hosts = String(all['noproxy'] ?? '').split(/[\s,]+/);
  const direct = hosts.some((host) => host && `.${hostname}`.endsWith(`.${host.replace(/^\*?\./, '')}`));
  return { proxy: direct ? undefined : proxy || undefined, certificates: all['cafile'] || undefined };
}

async function ask(url: URL, headers: Record<string, string>, signal?: AbortSignal): Promise<string> {
  const stall = stallSignal(STALL_MS, 'no answer for half a minute', signal);
  try {
    const response = await networkFetch(url, {
      headers: { ...headers, accept: `${TYPE}, application/json;q=0.1` },
      signal: stall.signal,
      way: wayTo(url),
    });
    if (response.ok) return await response.text();
    if (isSignIn(response.status))
      throw wantsSignIn(`npm's registry wants a sign-in (HTTP ${response.status})`);
    throw new Refused(`npm's registry answers with HTTP ${response.status}`);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof Refused) throw error;
    const why = causeOf(error);
    throw why === PROXY_SIGN_IN ? wantsSignIn(why) : new Refused(`npm's registry can't be reached (${why})`);
  } finally {
    stall.end();
  }
}

/** Undefined if the answer is no list of versions, or has not this one. */
function fileIn(text: string, version: string): string | undefined {
  try {
    const { versions } = JSON.parse(text) as { versions?: Record<string, { dist?: { tarball?: unknown } }> };
    const file = versions?.[version]?.dist?.tarball;
    return typeof file === 'string' ? file : undefined;
  } catch {
    return undefined;
  }
}
