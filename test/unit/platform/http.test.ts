/** Requests through a proxy, and to a server whose certificate only pip's configuration has. */
import { execFileSync } from 'node:child_process';
import dns from 'node:dns';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import type * as tls from 'node:tls';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { isDirect, networkFetch } from '../../../src/platform/network/http.ts';

const system = vi.hoisted(() => ({ certificates: [] as string[] }));
vi.mock('node:tls', async (original) => ({
  ...(await original<typeof tls>()),
  getCACertificates: () => system.certificates,
}));

let dir: string;
const servers: Server[] = [];
const listen = async (server: Server): Promise<number> => {
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return (server.address() as AddressInfo).port;
};
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'fmn-network-'));
  for (const name of Object.keys(process.env))
    if (/^PIP_|_proxy$|CA_BUNDLE$|^SSL_CERT/i.test(name)) vi.stubEnv(name, undefined);
  vi.stubEnv('PIP_CONFIG_FILE', '/dev/null');
});
afterEach(async () => {
  system.certificates = [];
  vi.unstubAllEnvs();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }
  rmSync(dir, { recursive: true });
});

/** A proxy that answers every request itself, with the requested URL. */
const startProxy = () =>
  listen(
    createServer(({ url }, response) => response.end(`asked for ${url}`)).on('connect', (request, socket) => {
      socket.end('HTTP/1.1 407 No\r\n\r\n');
      connects.push(request.url ?? '');
    }),
  );
let connects: string[] = [];
beforeEach(() => (connects = []));

it.each([
  ['HTTPS_PROXY', 'http://'],
  ['HTTPS_PROXY', ''],
  ['PIP_PROXY', ''],
])('goes through the proxy of %s ("%saddress")', async (name, scheme) => {
  vi.stubEnv(name, `${scheme}127.0.0.1:${await startProxy()}`);
  await expect(networkFetch('https://index.test/simple/', { pipProxy: true })).rejects.toThrow();
  expect(connects).toEqual(['index.test:443']);
});

it("uses pip's proxy for package indexes only", async () => {
  vi.stubEnv('PIP_PROXY', `127.0.0.1:${await startProxy()}`);
  const port = await listen(createServer((_, response) => response.end('straight')));
  expect(await (await networkFetch(`http://127.0.0.1:${port}/`)).text()).toBe('straight');
});

it('requests an http address from a proxy without a tunnel, which many reject', async () => {
  vi.stubEnv('HTTP_PROXY', `http://127.0.0.1:${await startProxy()}`);
  expect(await (await networkFetch('http://index.test/simple/')).text()).toBe(
    'asked for http://index.test/simple/',
  );
  expect(connects).toEqual([]);
});

it("says that a proxy can't be used, without its password", async () => {
  vi.stubEnv('HTTPS_PROXY', 'socks5://me:secret@127.0.0.1:1');
  await expect(networkFetch('https://index.test/')).rejects.toMatchObject({
    code: 'network',
    message: expect.not.stringContaining('secret'),
  });
});

it('bypasses the proxy for hosts in NO_PROXY', async () => {
  const port = await listen(createServer((_, response) => response.end('myself')));
  vi.stubEnv('HTTP_PROXY', `http://127.0.0.1:${await startProxy()}`);
  vi.stubEnv('NO_PROXY', '127.0.0.1');
  expect(await (await networkFetch(`http://127.0.0.1:${port}/`)).text()).toBe('myself');
  expect(connects).toEqual([]);
});

it('bypasses it for subdomains of a host in NO_PROXY too', async () => {
  vi.stubEnv('HTTP_PROXY', `http://127.0.0.1:${await startProxy()}`);
  vi.stubEnv('NO_PROXY', 'index.test');
  // No name is looked up for a request to the proxy.
  const lookup = vi
    .spyOn(dns, 'lookup')
    .mockImplementation(((...args: unknown[]) =>
      (args.at(-1) as (error: Error) => void)(new Error('no such host'))) as never);
  onTestFinished(() => lookup.mockRestore());
  await expect(networkFetch('http://a.index.test/')).rejects.toThrow();
  expect(await (await networkFetch('http://b.other.test/')).text()).toBe('asked for http://b.other.test/');
});

it.each([
  ['corp.example', 'https://corp.example/', true],
  ['corp.example', 'https://nexus.corp.example/simple', true],
  ['corp.example', 'https://mycorp.example/', false],
  ['localhost, .Corp.example', 'https://nexus.corp.example/', true],
  ['*.corp.example', 'https://nexus.corp.example/', true],
  ['corp.example:8080', 'http://a.corp.example:8080/', true],
  ['corp.example:8080', 'http://a.corp.example/', false],
  ['corp.example:443', 'https://a.corp.example/', true],
  ['*', 'https://index.test/', true],
  ['', 'https://index.test/', false],
  [' , ', 'https://index.test/', false],
])('the list "%s" names the host of %s: %s', (list, url, named) =>
  expect(isDirect(new URL(url), list)).toBe(named),
);

const hasOpenssl = (() => {
  try {
    return execFileSync('openssl', ['version']).length > 0;
  } catch {
    return false;
  }
})();

/** A server with a certificate of its own, which is written to `cert`. */
async function startSecure(): Promise<{ url: string; cert: string }> {
  const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
  const made = 'req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost'.split(' ');
  const name = ['-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync('openssl', [...made, ...name, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  const port = await listen(
    createSecureServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_, response) =>
      response.end('safe'),
    ),
  );
  return { url: `https://127.0.0.1:${port}/`, cert };
}

it.runIf(hasOpenssl)(
  "trusts the certificates of pip's configuration, and otherwise gives the error code",
  async () => {
    const { url, cert } = await startSecure();
    await expect(networkFetch(url)).rejects.toMatchObject({ cause: { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' } });
    for (const place of [cert, dir]) {
      vi.stubEnv('PIP_CERT', place);
      expect(await (await networkFetch(url)).text()).toBe('safe');
    }
  },
);

it.runIf(hasOpenssl)('trusts the certificates of the system', async () => {
  const { url, cert } = await startSecure();
  system.certificates = [readFileSync(cert, 'utf8')];
  // They are looked up once in each process.
  vi.resetModules();
  const fresh = await import('../../../src/platform/network/http.ts');
  expect(await (await fresh.networkFetch(url)).text()).toBe('safe');
});
