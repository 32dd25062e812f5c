/**
 * HTTP for all downloads, with proxies and certificates from the environment, the system or pip's configuration, which
 * Node's own `fetch` ignores.
 */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as tls from 'node:tls';
import { getProxyForUrl } from 'proxy-from-env';
import type { Dispatcher } from 'undici';
import { msg, UserError } from '../../text/errors.ts';
import { pipSettings } from './pip-settings.ts';

/** Network settings of a program other than pip. */
export interface NetworkSettings {
  proxy?: string | undefined;
  /** Path of a file or folder of trusted certificates. */
  certificates?: string | undefined;
}

/**
 * `fetch` with this machine's proxy and certificates. `pipProxy`: use the proxy from pip's configuration, if any.
 * Settings in `network` override both. Throws like fetch, and UserError `network` for an invalid proxy.
 */
export async function networkFetch(
  url: string | URL,
  init: RequestInit & { pipProxy?: boolean; network?: NetworkSettings | undefined } = {},
): Promise<Response> {
  const { pipProxy = false, network = {}, ...request } = init;
  const { proxy: ofPip, certificates: pips } = await pipSettings();
  const configured = network.proxy ?? (pipProxy ? ofPip : undefined);
  const proxy = configured ? withScheme(configured) : environmentProxy(String(url));
  const certificates = network.certificates ?? pips;
  const dispatcher = await dispatcherOf(proxy, certificates);
  if (!dispatcher) return fetch(url, request);
  const { fetch: fetchWith } = await import('./undici.ts');
  // undici's types are those of Node's fetch, but TypeScript sees them as different.
  return (fetchWith as unknown as typeof fetch)(url, { ...request, dispatcher } as RequestInit);
}

/** The undici dispatcher for `url`, for requests not made by fetch; undefined if Node's default will do. */
export async function dispatcherTo(url: string): Promise<Dispatcher | undefined> {
  const { certificates } = await pipSettings();
  return dispatcherOf(environmentProxy(url), certificates);
}

/**
 * A signal that aborts with `signal`, or for reason `why` if `refresh` is not called for `ms`. Call `end` afterwards.
 */
export function stallSignal(
  ms: number,
  why: string,
  signal?: AbortSignal,
): { signal: AbortSignal; refresh: () => void; end: () => void } {
  const stall = new AbortController();
  const timer = setTimeout(() => stall.abort(new Error(why)), ms);
  return {
    signal: signal ? AbortSignal.any([signal, stall.signal]) : stall.signal,
    refresh: () => void timer.refresh(),
    end: () => clearTimeout(timer),
  };
}

/** The result of causeOf if a proxy requires a sign-in. */
export const PROXY_SIGN_IN = 'the proxy requires a sign-in, HTTP 407';
/** undici reports it only in the message. */
const isProxySignIn = ({ message }: Error) => message.startsWith('Proxy response (407)');

/** Why a request failed: the code of the deepest cause, such as ENOTFOUND, or its message. */
export function causeOf(error: unknown): string {
  const { message, cause } = error as Error;
  if (!(cause instanceof Error)) return message;
  if (cause.cause instanceof Error) return causeOf(cause);
  if (isProxySignIn(cause)) return PROXY_SIGN_IN;
  const { code } = cause as Error & { code?: unknown };
  return typeof code === 'string' ? code : cause.message;
}

/** Like pip and curl, treats "proxy.example:8080" as an HTTP proxy. */
const withScheme = (proxy: string) => (/^\w+:\/\//.test(proxy) ? proxy : `http://${proxy}`);

/**
 * Whether a list as in NO_PROXY names the host of this address. As for curl, pip and npm, a name also stands for all its
 * subdomains; an entry may end with a port.
 */
export function isDirect({ protocol, hostname, port }: URL, list: string): boolean {
  const askedPort = port || (protocol === 'https:' ? '443' : '80');
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .some((entry) => {
      const [, name = entry, onPort = askedPort] = /^([^:]+):(\d+)$/.exec(entry) ?? [];
      const host = name.replace(/^\*?\./, '');
      return onPort === askedPort && host !== '' && (host === '*' || `.${hostname}`.endsWith(`.${host}`));
    });
}

/** "" if no proxy applies to this address. */
function environmentProxy(url: string): string {
  const direct = process.env['no_proxy'] || process.env['NO_PROXY'];
  // For the library, a name stands for itself only.
  if (direct && isDirect(new URL(url), direct)) return '';
  const found = getProxyForUrl(url);
  // The library gives an address without a scheme that of `url`, although it means an http proxy.
  const bare = found.replace(/^\w+:\/\//, '');
  const isBare = Object.entries(process.env).some(([name, value]) => /_proxy$/i.test(name) && value === bare);
  return isBare ? withScheme(bare) : found;
}

/** Dispatchers by proxy and certificates; each keeps its connections open. */
const dispatchers = new Map<string, Promise<Dispatcher | undefined>>();

function dispatcherOf(proxy: string, certificates: string | undefined): Promise<Dispatcher | undefined> {
  const key = `${proxy}\n${certificates}`;
  const known = dispatchers.get(key) ?? openDispatcher(proxy, certificates);
  dispatchers.set(key, known);
  return known;
}

/** Unreadable certificates are skipped: a request then fails, naming what is not trusted. */
async function openDispatcher(
  proxy: string,
  certificates: string | undefined,
): Promise<Dispatcher | undefined> {
  const trusted = [...(certificates ? await readCertificates(certificates) : []), ...systemCertificates()];
  if (!proxy && trusted.length === 0) return undefined;
  const { Agent, ProxyAgent } = await import('./undici.ts');
  // Node uses NODE_EXTRA_CA_CERTS only if no certificates are passed explicitly.
  const extra = trusted.length > 0 ? await readCertificates(process.env['NODE_EXTRA_CA_CERTS'] ?? '') : [];
  const trust = trusted.length > 0 ? { ca: [...tls.rootCertificates, ...extra, ...trusted] } : {};
  if (!proxy) return new Agent({ connect: trust });
  try {
    // Don't tunnel requests to http addresses: many proxies refuse that.
    return new ProxyAgent({
      uri: proxy,
      ...(trusted.length > 0 && { requestTls: trust, proxyTls: trust }),
      proxyTunnel: false,
    });
  } catch {
    // Don't show the address: it may contain a password.
    throw new UserError(
      'network',
      msg`The proxy of this machine can't be used: only addresses such as "http://proxy.example:8080" are understood.`,
      msg`Correct HTTPS_PROXY, or \`proxy\` in pip's configuration, and try again.`,
    );
  }
}

let ofSystem: readonly string[] | undefined;
/** What the system trusts and Node does not, such as a company's certificate. Only Node 22.15 and newer can tell. */
const systemCertificates = (): readonly string[] => (ofSystem ??= readSystemCertificates());

function readSystemCertificates(): string[] {
  const { getCACertificates } = tls as { getCACertificates?: (type: 'system') => string[] };
  try {
    const known = new Set(tls.rootCertificates.map((text) => text.trim()));
    return (getCACertificates?.('system') ?? []).filter((text) => !known.has(text.trim()));
  } catch {
    return [];
  }
}

/** A file of certificates, or a folder of such files; empty if it can't be read. */
async function readCertificates(path: string): Promise<string[]> {
  const names = await readdir(path).catch(() => undefined);
  const files = names ? names.map((name) => join(path, name)) : [path];
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
  return texts.filter(Boolean);
}
