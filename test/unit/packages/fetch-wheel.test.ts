import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fetchWheel, type FetchProgress } from '../../../src/packages/pypi.ts';
import { FileServer, Sandbox, sha256 } from '../runtime/fakes.ts';

const fileName = 'demo_model-1.0-py3-none-any.whl';
// Not a zip: fetching does not look inside.
const data = randomBytes(3_000_000);
const wanted = { project: 'demo-model', version: '1.0' };

let box: Sandbox;
let server: FileServer;
beforeEach(async () => {
  box = new Sandbox();
  server = await FileServer.start(data);
  server.serveIndex('demo-model', { fileName, sha256: sha256(data) });
  box.noPrograms();
});
afterEach(async () => {
  await server.close();
  box.close();
});

/** The server sends the first `bytes` and breaks the connection. */
const breakAfter = (bytes: number, requests: number) => {
  server.misbehave = (request, response, nth) => {
    if (nth > requests) return false;
    const start = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const status = request.headers.range ? 206 : 200;
    response.writeHead(status, {
      'content-length': data.length - start,
      'content-range': `bytes ${start}-${data.length - 1}/${data.length}`,
    });
    response.write(data.subarray(start, start + bytes), () => response.destroy());
    return true;
  };
};

describe('fetchWheel', () => {
  it('downloads the file named by the index with progress, without Python', async () => {
    const reported: FetchProgress[] = [];
    const path = await fetchWheel({ ...wanted, onProgress: (progress) => reported.push(progress) });
    expect(path).toBe(join(box.wheels, fileName));
    expect(readFileSync(path).equals(data)).toBe(true);
    const downloading = reported.filter(({ phase }) => phase === 'downloading');
    expect(downloading[0]).toMatchObject({ done: 0, total: data.length });
    expect(downloading.at(-1)).toMatchObject({ done: data.length, total: data.length });
    expect(downloading.map(({ done }) => done)).toEqual(
      downloading.map(({ done }) => done).sort((a, b) => a - b),
    );
  });

  it('takes a pinned wheel from the cache without a network', async () => {
    const pin = { ...wanted, sha256: sha256(data) };
    await fetchWheel(pin);
    await server.close();
    expect(existsSync(await fetchWheel(pin))).toBe(true);
  });

  it('resumes after a lost connection', async () => {
    breakAfter(1_000_000, 2);
    const path = await fetchWheel(wanted);
    expect(readFileSync(path).equals(data)).toBe(true);
    const starts = server.seen.map(({ range }) => Number(/bytes=(\d+)-/.exec(range ?? 'bytes=0-')?.[1]));
    expect(starts).toHaveLength(3);
    expect(starts[1]).toBeGreaterThan(0);
    expect(starts[2]).toBeGreaterThan(starts[1]!);
  });

  it('resumes what an earlier process left', async () => {
    writeFileSync(join(box.wheels, `${fileName}.part`), data.subarray(0, 2_000_000));
    const path = await fetchWheel(wanted);
    expect(readFileSync(path).equals(data)).toBe(true);
    expect(server.seen.map(({ range }) => range)).toEqual(['bytes=2000000-']);
  });

  it("starts over if the server can't resume", async () => {
    writeFileSync(join(box.wheels, `${fileName}.part`), data.subarray(0, 2_000_000));
    server.misbehave = (_request, response) => {
      response.writeHead(200, { 'content-length': data.length });
      response.end(data);
      return true;
    };
    expect(readFileSync(await fetchWheel(wanted)).equals(data)).toBe(true);
  });

  it('starts over if the leftover was another file', async () => {
    writeFileSync(join(box.wheels, `${fileName}.part`), randomBytes(2_000_000));
    expect(readFileSync(await fetchWheel(wanted)).equals(data)).toBe(true);
    expect(server.seen.map(({ range }) => range)).toEqual(['bytes=2000000-', undefined]);
  });

  it('uses a part that was already complete', async () => {
    writeFileSync(join(box.wheels, `${fileName}.part`), data);
    server.misbehave = (_request, response) => {
      response.writeHead(416, { 'content-range': `bytes */${data.length}` });
      response.end('<h1>Range Not Satisfiable</h1>');
      return true;
    };
    expect(readFileSync(await fetchWheel(wanted)).equals(data)).toBe(true);
  });

  it('replaces a damaged wheel in the cache', async () => {
    writeFileSync(join(box.wheels, fileName), data.subarray(0, 100));
    expect(readFileSync(await fetchWheel(wanted)).equals(data)).toBe(true);
  });

  it('rejects a file with another checksum and keeps nothing of it', async () => {
    server.data = Buffer.from(data);
    server.data[17]! ^= 1;
    await expect(fetchWheel(wanted)).rejects.toMatchObject({ code: 'base-checksum' });
    expect(readdirSync(box.wheels)).toEqual([]);
  });

  it('rejects a file of the index that is not pinned, before any download', async () => {
    await expect(fetchWheel({ ...wanted, sha256: sha256('another') })).rejects.toMatchObject({
      code: 'base-checksum',
    });
    expect(server.seen).toEqual([]);
  });

  it('downloads once for two concurrent calls', async () => {
    const waits: string[] = [];
    const onProgress = ({ phase, what }: FetchProgress) => phase === 'waiting' && waits.push(what);
    const both = await Promise.all([
      fetchWheel({ ...wanted, onProgress }),
      fetchWheel({ ...wanted, onProgress }),
    ]);
    expect(both[0]).toBe(both[1]);
    expect(server.seen).toHaveLength(1);
    expect(waits).toHaveLength(1);
    expect(readFileSync(both[0]).equals(data)).toBe(true);
  });

  it.skipIf(!existsSync('/dev/full'))('says that the disk is full', async () => {
    // The kernel's device on which every write fails with ENOSPC.
    symlinkSync('/dev/full', join(box.wheels, `${fileName}.part`));
    await expect(fetchWheel(wanted)).rejects.toMatchObject({ code: 'disk-full' });
  });

  it('says so at once if the disk has too little room', async () => {
    server.misbehave = (_request, response) => {
      response.writeHead(200, { 'content-length': 10 ** 15 });
      response.write('x');
      return true;
    };
    await expect(fetchWheel(wanted)).rejects.toMatchObject({
      code: 'disk-full',
      message: expect.stringContaining('1000000000 MB'),
    });
  });

  it('keeps the partial file when it is cancelled, and resumes it', async () => {
    const stop = new AbortController();
    server.misbehave = (_request, response, nth) => {
      if (nth > 1) return false;
      response.writeHead(200, { 'content-length': data.length });
      response.write(data.subarray(0, 1_000_000));
      return true;
    };
    const onProgress = ({ phase, done }: FetchProgress) =>
      phase === 'downloading' && done >= 1_000_000 && stop.abort();
    await expect(fetchWheel({ ...wanted, signal: stop.signal, onProgress })).rejects.toMatchObject({
      code: 'cancelled',
    });
    expect(statSync(join(box.wheels, `${fileName}.part`)).size).toBe(1_000_000);
    expect(readFileSync(await fetchWheel(wanted)).equals(data)).toBe(true);
    expect(server.seen.at(-1)?.range).toBe('bytes=1000000-');
  });

  const forbid = (page: boolean, status = 403) => {
    if (page) process.env['PIP_INDEX_URL'] = server.url('private');
    server.misbehave = (_request, response) => {
      response.writeHead(status).end();
      return true;
    };
  };

  it.each([
    ['the file', false, /pip downloads it.*a direct download was refused \(HTTP 403\)/],
    ['the list of files', true, /pip downloads it.*the package index answers with HTTP 403/],
  ])('lets pip download if %s is denied, and says so', async (_, page, expected) => {
    const file = join(box.dir, fileName);
    writeFileSync(file, data);
    box.python({ file });
    forbid(page);
    const reported: string[] = [];
    const tags = { python: '3.12', platforms: ['manylinux_2_27_x86_64', 'any'] };
    const onProgress = ({ what }: FetchProgress) => reported.push(what);
    const path = await fetchWheel({ ...wanted, tags, sha256: sha256(data), onProgress });
    expect(readFileSync(path).equals(data)).toBe(true);
    expect(reported.filter((what) => expected.test(what))).not.toEqual([]);
    expect(box.calls()[0]).toContain(
      '--implementation cp --python-version 3.12 --abi cp312 --platform manylinux_2_27_x86_64 --platform any',
    );
    expect(readdirSync(box.wheels)).toEqual([fileName]);
  });

  it('also checks the pin if pip downloads', async () => {
    const file = join(box.dir, fileName);
    writeFileSync(file, data);
    box.python({ file });
    forbid(true);
    await expect(fetchWheel({ ...wanted, sha256: sha256('another') })).rejects.toMatchObject({
      code: 'base-checksum',
    });
    expect(readdirSync(box.wheels)).toEqual([]);
  });

  it("repeats pip's message", async () => {
    await server.close();
    // As printed by pip 23.2.
    const error =
      "WARNING: Retrying (Retry(total=1, connect=None, read=None, redirect=None, status=None)) after connection broken by 'NewConnectionError('<pip._vendor.urllib3.connection.HTTPConnection object>: Failed to establish a new connection: [Errno 111] Connection refused')': /simple/demo-model/\nERROR: No matching distribution found for demo-model==1.0";
    box.python({ error });
    await expect(fetchWheel(wanted)).rejects.toMatchObject({
      code: 'network',
      message: expect.stringContaining('could not reach'),
    });
  });

  it.each<[string, () => unknown, RegExp]>([
    ['there is no network', () => server.close(), /the package index can't be reached \(ECONNREFUSED\)/],
    ['it denies access', () => forbid(true), /the package index answers with HTTP 403/],
    ['it denies the file', () => forbid(false), /a direct download was refused \(HTTP 403\)/],
    [
      'it lacks the version',
      () => server.serveIndex('demo-model'),
      /has no demo-model 1\.0 for this machine/,
    ],
    ['no index is allowed', () => (process.env['PIP_NO_INDEX'] = '1'), /allows no package index/],
  ])('says what is wrong without Python: %s', async (_, spoil, message) => {
    await spoil();
    await expect(fetchWheel(wanted)).rejects.toMatchObject({
      code: 'network',
      message: expect.stringMatching(message),
      next: expect.stringMatching(/PIP_INDEX_URL, HTTPS_PROXY and PIP_CERT/),
    });
  });

  it.each<[string, () => unknown, RegExp]>([
    ['the index', () => forbid(true, 401), /the package index requires a sign-in \(HTTP 401\)/],
    [
      'the file',
      () => forbid(false, 401),
      /a direct download was refused \(it requires a sign-in, HTTP 401\)/,
    ],
    [
      "a company's gate",
      () => {
        process.env['PIP_INDEX_URL'] = server.url('gate');
        server.misbehave = (_request, response) => {
          response.writeHead(200, { 'content-type': 'text/html' });
          response.end('<form><input name="user"><input type="password"></form>');
          return true;
        };
      },
      /answers with a page to sign in/,
    ],
  ])('says where to sign in: %s', async (_, spoil, message) => {
    spoil();
    await expect(fetchWheel(wanted)).rejects.toMatchObject({
      code: 'network',
      message: expect.stringMatching(message),
      next: expect.stringMatching(/NAME:PASSWORD.*PIP_INDEX_URL/),
    });
  });

  it('says if a proxy requires a sign-in', async () => {
    const proxy = createServer().on('connect', (_, socket) => socket.end('HTTP/1.1 407 No\r\n\r\n'));
    await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done));
    process.env['PIP_INDEX_URL'] = 'https://index.test/simple';
    process.env['PIP_PROXY'] = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    await expect(fetchWheel(wanted)).rejects.toMatchObject({
      code: 'network',
      message: expect.stringMatching(/the proxy requires a sign-in, HTTP 407/),
      next: expect.stringMatching(/HTTPS_PROXY/),
    });
    await new Promise((done) => proxy.close(done));
  });
});
