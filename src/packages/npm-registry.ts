/**
 * Finds a package in the registry configured in the user's and the machine's .npmrc and in variables such as
 * npm_config_registry. npm itself need not be installed.
 */
import npmConf from '@pnpm/npm-conf';
import authToken from 'registry-auth-token';
import { isSignIn, Refused, signInRequired } from '../platform/network/download.ts';
import {
  causeOf,
  isDirect,
  networkFetch,
  PROXY_SIGN_IN,
  stallSignal,
  type NetworkSettings,
} from '../platform/network/http.ts';

export interface PackageLocation {
  url: string;
  /** Credentials for the registry, if the file is on the same server. */
  headers: Record<string, string>;
  /** Proxy and certificates that npm is configured to use for this URL. */
  connection: NetworkSettings;
}

const STALL_MS = 30_000;
/** The abbreviated format, without descriptions and readmes. */
const TYPE = 'application/vnd.npm.install-v1+json';

/**
 * Finds the tarball of `name` in this version. Throws Refused with one sentence, UserError `network`, and the abort
 * reason.
 */
export async function locatePackage(
  name: string,
  version: string,
  signal?: AbortSignal,
): Promise<PackageLocation> {
  const registry = registryUrl(name);
  const headers = signIn(registry);
  const text = await ask(new URL(name.replace('/', '%2f'), registry), headers, signal);
  const file = tarballUrl(text, version);
  if (!file) throw new Refused(`npm's registry has no ${name} ${version}`);
  const url = new URL(file, registry);
  const sameOrigin = url.origin === new URL(registry).origin;
  return { url: url.href, headers: sameOrigin ? headers : {}, connection: connectionFor(url) };
}

/**
 * The .npmrc of the working directory is ignored: it may belong to an untrusted project, and could send the user's
 * credentials elsewhere.
 */
const settings = (): Record<string, unknown> => npmConf({ global: true }).config.snapshot;

/** With a trailing slash. Throws Refused. */
function registryUrl(name: string): string {
  const all = settings();
  const url = String(all[`${name.split('/')[0]}:registry`] ?? all['registry']);
  if (!URL.canParse(url)) throw new Refused("the registry in npm's configuration is no usable URL");
  return url.replace(/\/*$/, '/');
}

function signIn(registry: string): Record<string, string> {
  const npmrc = settings() as Record<string, string | undefined>;
  const token = authToken(registry, { recursive: true, npmrc });
  return token ? { authorization: `${token.type} ${token.token}` } : {};
}

function connectionFor(url: URL): NetworkSettings {
  const all = settings() as Record<string, string | undefined>;
  const httpProxy = all['proxy'] || all['http-proxy'];
  const proxy = url.protocol === 'https:' ? all['https-proxy'] || httpProxy : httpProxy;
  const direct = isDirect(url, String(all['noproxy'] ?? ''));
  return { proxy: direct ? undefined : proxy || undefined, certificates: all['cafile'] || undefined };
}

async function ask(url: URL, headers: Record<string, string>, signal?: AbortSignal): Promise<string> {
  const stall = stallSignal(STALL_MS, 'no answer for half a minute', signal);
  try {
    const response = await networkFetch(url, {
      headers: { ...headers, accept: `${TYPE}, application/json;q=0.1` },
      signal: stall.signal,
      network: connectionFor(url),
    });
    if (response.ok) return await response.text();
    if (isSignIn(response.status))
      throw signInRequired(`npm's registry requires a sign-in (HTTP ${response.status})`);
    throw new Refused(`npm's registry answers with HTTP ${response.status}`);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof Refused) throw error;
    const why = causeOf(error);
    throw why === PROXY_SIGN_IN
      ? signInRequired(why)
      : new Refused(`npm's registry can't be reached (${why})`);
  } finally {
    stall.end();
  }
}

/** Undefined if the response is not a list of versions, or lacks this one. */
function tarballUrl(text: string, version: string): string | undefined {
  try {
    const { versions } = JSON.parse(text) as { versions?: Record<string, { dist?: { tarball?: unknown } }> };
    const file = versions?.[version]?.dist?.tarball;
    return typeof file === 'string' ? file : undefined;
  } catch {
    return undefined;
  }
}
