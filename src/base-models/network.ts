/**
 * HTTP for all downloads. Proxies and certificates that the environment or pip's configuration name are used; Node's
 * own `fetch` knows neither.
 */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { getProxyForUrl } from 'proxy-from-env';
import type { Dispatcher } from 'undici';
import { readPipSettings } from './pypi/pip-settings.ts';

/** `fetch` as this machine reaches the network. */
export const networkFetch: typeof fetch = async (input, init) => {
  const url = input instanceof Request ? input.url : String(input);
  const { proxy: pipProxy, certificates } = await readPipSettings();
  const proxy = pipProxy ? withScheme(pipProxy) : getProxyForUrl(url);
  const dispatcher = proxy || certificates ? await dispatcherOf(proxy, certificates) : undefined;
  if (!dispatcher) return fetch(input, init);
  const { fetch: fetchWith } = await import('undici');
  // undici's types are those of Node's fetch, but TypeScript takes them for others.
  return (fetchWith as unknown as typeof fetch)(input, { ...init, dispatcher } as RequestInit);
};

/** pip also takes "proxy.example:8080". */
const withScheme = (proxy: string) => (/^\w+:\/\//.test(proxy) ? proxy : `http://${proxy}`);

/** By proxy and certificates: each keeps its connections open. */
const dispatchers = new Map<string, Promise<Dispatcher | undefined>>();

function dispatcherOf(proxy: string, certificates: string | undefined): Promise<Dispatcher | undefined> {
  const key = `${proxy}\n${certificates}`;
  const known = dispatchers.get(key) ?? openDispatcher(proxy, certificates);
  dispatchers.set(key, known);
  return known;
}

/** Certificates that can't be read are left out: a request then fails with the name of what is not trusted. */
async function openDispatcher(
  proxy: string,
  certificates: string | undefined,
): Promise<Dispatcher | undefined> {
  const trusted = certificates ? await readCertificates(certificates) : [];
  if (!proxy && trusted.length === 0) return undefined;
  const { Agent, ProxyAgent } = await import('undici');
  // Node adds those of NODE_EXTRA_CA_CERTS to its own only where no others are given.
  const extra = trusted.length > 0 ? await readCertificates(process.env['NODE_EXTRA_CA_CERTS'] ?? '') : [];
  const tls = trusted.length > 0 ? { ca: [...rootCertificates, ...extra, ...trusted] } : {};
  return proxy ? new ProxyAgent({ uri: proxy, requestTls: tls, proxyTls: tls }) : new Agent({ connect: tls });
}

/** A file of certificates, or a folder of such files; empty if it can't be read. */
async function readCertificates(path: string): Promise<string[]> {
  const names = await readdir(path).catch(() => undefined);
  const files = names ? names.map((name) => join(path, name)) : [path];
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
  return texts.filter(Boolean);
}
