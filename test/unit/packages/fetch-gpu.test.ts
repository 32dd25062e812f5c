/** Packages from npm's registry: a fake server, with a package made here. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import type * as promises from 'node:fs/promises';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { create } from 'tar';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  fetchedPackage,
  gpuPackagesVersion as version,
  type GpuPackage,
} from '../../../src/packages/gpu-packages.ts';
import { fetchGpuPackages } from '../../../src/packages/fetch-gpu.ts';

const busy = vi.hoisted(() => ({ path: '' }));
vi.mock('node:fs/promises', async (original) => {
  const fs = await original<typeof promises>();
  const rm: typeof fs.rm = (path, options) =>
    path === busy.path ? Promise.reject(new Error('EPERM')) : fs.rm(path, options);
  return { ...fs, rm };
});

const name = '@node-llama-cpp/linux-x64-vulkan';
const MODULE = 'export const getBinsDir = () => "fetched";\n';

let dir: string;
let packed: Buffer;
let server: Server;
let url: string;
/** The requests: path, range and credentials. */
let asked: { path: string; range: string | undefined; signIn: string | undefined }[];
let gpuPackage: GpuPackage;
/** Whether a request came as to a proxy. */
let proxied: boolean;

const integrityOf = (data: Buffer) => `sha512-${createHash('sha512').update(data).digest('base64')}`;
const partPath = () => join(dir, 'home/cache/llama', `linux-x64-vulkan-${version}.tgz.part`);

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fmn-npm-'));
  await mkdir(join(dir, 'package/dist'), { recursive: true });
  await writeFile(join(dir, 'package/dist/index.js'), MODULE);
  await writeFile(join(dir, 'package/package.json'), JSON.stringify({ name, version, type: 'module' }));
  await create({ file: join(dir, 'packed.tgz'), gzip: true, cwd: dir }, ['package']);
  packed = await readFile(join(dir, 'packed.tgz'));
  gpuPackage = { name, version, integrity: integrityOf(packed), bytes: packed.length, unpacked: 200 };
  asked = [];
  proxied = false;
  server = createServer(({ url: target = '', headers }, response) => {
    // A proxy is sent full URLs.
    const path = target.replace(/^http:\/\/[^/]*/, '');
    proxied ||= path !== target;
    asked.push({ path, range: headers.range, signIn: headers.authorization });
    if (path === '/npm/@node-llama-cpp%2flinux-x64-vulkan') {
      const tarball = `${url}/files/packed.tgz`;
      response.end(JSON.stringify({ versions: { [version]: { dist: { tarball } } } }));
    } else if (path === '/files/packed.tgz') {
      const from = Number(/^bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0);
      response.writeHead(from ? 206 : 200, {
        'content-length': packed.length - from,
        ...(from && { 'content-range': `bytes ${from}-${packed.length - 1}/${packed.length}` }),
      });
      response.end(packed.subarray(from));
    } else response.writeHead(path.startsWith('/closed') ? 401 : 404).end();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  vi.stubEnv('FORGET_ME_NOT_HOME', join(dir, 'home'));
  vi.stubEnv('npm_config_userconfig', join(dir, 'npmrc'));
  for (const variable of ['npm_config_registry', 'HTTPS_PROXY', 'HTTP_PROXY', 'https_proxy', 'http_proxy'])
    vi.stubEnv(variable, undefined);
  await configure(`registry=${url}/npm`);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
  await rm(dir, { recursive: true, force: true });
});

const configure = (...lines: string[]) => writeFile(join(dir, 'npmrc'), lines.join('\n'));
const fileThere = () => readFile(join(fetchedPackage(gpuPackage), 'dist/index.js'), 'utf8');

describe('a package from the registry configured for npm', () => {
  it('is downloaded, checked and unpacked once', async () => {
    const phases = new Set<string>();
    await fetchGpuPackages([gpuPackage], { onProgress: ({ phase }) => phases.add(phase) });
    expect(await fileThere()).toBe(MODULE);
    expect([...phases]).toEqual(['resolving', 'downloading', 'checking', 'unpacking']);
    expect(existsSync(partPath())).toBe(false);
    await fetchGpuPackages([gpuPackage]);
    expect(asked.map(({ path }) => path)).toEqual([
      '/npm/@node-llama-cpp%2flinux-x64-vulkan',
      '/files/packed.tgz',
    ]);
  });

  it("replaces other versions, even if one is in use and can't be removed", async () => {
    const others = ['0.1.0', '0.2.0'].map((other) => join(dir, 'home/llama', other));
    for (const other of others) await mkdir(other, { recursive: true });
    busy.path = others[0]!;
    await fetchGpuPackages([gpuPackage]);
    busy.path = '';
    expect(await fileThere()).toBe(MODULE);
    expect(others.map((other) => existsSync(other))).toEqual([true, false]);
  });

  it('resumes an earlier download', async () => {
    await mkdir(join(partPath(), '..'), { recursive: true });
    await writeFile(partPath(), packed.subarray(0, 100));
    await fetchGpuPackages([gpuPackage]);
    expect(asked.at(-1)!.range).toBe('bytes=100-');
    expect(await fileThere()).toBe(MODULE);
  });

  it('starts over if the leftover of an earlier download belongs to another file', async () => {
    await mkdir(join(partPath(), '..'), { recursive: true });
    await writeFile(partPath(), Buffer.alloc(100, 7));
    await fetchGpuPackages([gpuPackage]);
    expect(await fileThere()).toBe(MODULE);
  });

  it('is rejected if its checksum differs, with nothing left behind', async () => {
    const other = { ...gpuPackage, integrity: integrityOf(Buffer.from('another')) };
    await expect(fetchGpuPackages([other])).rejects.toMatchObject({ code: 'base-checksum' });
    expect([existsSync(partPath()), existsSync(fetchedPackage(gpuPackage))]).toEqual([false, false]);
  });

  it('uses the configured credentials', async () => {
    const host = url.replace('http:', '');
    await configure(`@node-llama-cpp:registry=${url}/npm`, `${host}/npm/:_authToken=secret`);
    await fetchGpuPackages([gpuPackage]);
    expect(asked.map(({ signIn }) => signIn)).toEqual(['Bearer secret', 'Bearer secret']);
  });

  it('goes through the configured proxy, unless the host is excluded', async () => {
    await configure('registry=http://registry.invalid/npm', `proxy=${url}`);
    await fetchGpuPackages([gpuPackage]);
    expect(await fileThere()).toBe(MODULE);
    expect(proxied).toBe(true);
    await rm(fetchedPackage(gpuPackage), { recursive: true });
    proxied = false;
    await configure(`registry=${url}/npm`, 'proxy=http://127.0.0.1:9', 'noproxy=127.0.0.1');
    await fetchGpuPackages([gpuPackage]);
    expect(proxied).toBe(false);
  });

  it('gives advice if the registry requires a sign-in, or lacks the package', async () => {
    await configure(`registry=${url}/closed`);
    await expect(fetchGpuPackages([gpuPackage])).rejects.toMatchObject({
      code: 'network',
      next: expect.stringContaining('npm login'),
    });
    await configure(`registry=${url}/empty`);
    await expect(fetchGpuPackages([gpuPackage])).rejects.toMatchObject({
      code: 'network',
      message: `${name} can't be downloaded: npm's registry answers with HTTP 404.`,
    });
  });

  it('can be imported by name from anywhere', async () => {
    await fetchGpuPackages([gpuPackage]);
    const script = join(dir, 'main.mjs');
    const hooks = pathToFileURL(resolve('src/llama-cpp/import-hook.ts')).href;
    const modules = { [name]: pathToFileURL(join(fetchedPackage(gpuPackage), 'dist/index.js')).href };
    const { build } = await import('esbuild');
    await writeFile(
      join(dir, 'in.ts'),
      `import { installLlamaImportHook } from ${JSON.stringify(new URL(hooks).pathname)};
       installLlamaImportHook(${JSON.stringify(modules)});
       const { getBinsDir } = await import(${JSON.stringify(name)});
       const missing = await import('@node-llama-cpp/none').catch(({ code }) => code);
       console.log(getBinsDir(), missing);`,
    );
    await build({
      entryPoints: [join(dir, 'in.ts')],
      outfile: script,
      bundle: true,
      platform: 'node',
      format: 'esm',
      external: ['@node-llama-cpp/*'],
    });
    const { stdout } = await promisify(execFile)(process.execPath, [script]);
    expect(stdout.trim()).toBe('fetched ERR_MODULE_NOT_FOUND');
  });
});
