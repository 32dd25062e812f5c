/** What a download does when its file can't be written. */
import type * as promises from 'node:fs/promises';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { download } from '../../../src/platform/network/download.ts';

const disk = vi.hoisted(() => ({ error: undefined as Error | undefined }));
vi.mock('node:fs/promises', async (original) => {
  const fs = await original<typeof promises>();
  const open: typeof fs.open = async (...args) => {
    const file = await fs.open(...args);
    file.write = () => Promise.reject(disk.error!);
    return file;
  };
  return { ...fs, open };
});

let dir: string;
let server: Server;
let requests: number;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fmn-download-'));
  requests = 0;
  server = createServer((_, response) => {
    requests += 1;
    response.end('some bytes');
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
  await rm(dir, { recursive: true });
});

it.each([
  ['a used-up quota', { code: 'Unknown system error -122', errno: -122 }, 'disk-full'],
  ['a full disk', { code: 'ENOSPC', errno: -28 }, 'disk-full'],
  ['a broken disk', { code: 'EIO', errno: -5 }, 'EIO'],
])('%s is not taken for a broken connection', async (_, facts, code) => {
  disk.error = Object.assign(new Error('write'), { ...facts, syscall: 'write' });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  await expect(download(url, join(dir, 'part'), { pause: 1 })).rejects.toMatchObject({ code });
  expect(requests).toBe(1);
});
