/** The machine's own pip for a package index that accepts nothing else, and credentials without pip. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fetchWheel } from '../../src/packages/pypi.ts';
import { FileServer, Sandbox, sha256 } from '../unit/runtime/fakes.ts';

const fileName = 'demo_model-1.0-py3-none-any.whl';
const info = 'demo_model-1.0.dist-info';
/** A wheel that pip accepts. */
const members = {
  'demo_model/model.gguf': randomBytes(400_000),
  [`${info}/METADATA`]: Buffer.from('Metadata-Version: 2.1\nName: demo-model\nVersion: 1.0\n'),
  [`${info}/WHEEL`]: Buffer.from(
    'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
  ),
  [`${info}/RECORD`]: Buffer.from(''),
};
const wanted = { project: 'demo-model', version: '1.0' };

let box: Sandbox;
let server: FileServer;
let wheel: { data: Buffer; sha256: string };
/** Who may access the index and its files. */
let isAllowed: (request: IncomingMessage) => boolean;

beforeEach(async () => {
  box = new Sandbox();
  wheel = box.zip(fileName, members);
  server = await FileServer.start(wheel.data);
  isAllowed = () => true;
  server.misbehave = (request, response) => {
    if (!isAllowed(request)) response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    else if (request.url === '/simple/demo-model/') {
      response.writeHead(200, { 'content-type': 'text/html' });
      response.end(`<a href="/files/${fileName}#sha256=${wheel.sha256}">${fileName}</a>`);
    } else if (!request.url?.startsWith('/files/')) response.writeHead(404).end();
    else return false;
    return true;
  };
  Object.assign(process.env, { PIP_INDEX_URL: server.url('simple'), PIP_NO_CACHE_DIR: '1' });
});
afterEach(async () => {
  await server.close();
  box.close();
});

const onlyPip = () => (isAllowed = ({ headers }) => headers['user-agent']?.startsWith('pip/') === true);

describe('a package index', () => {
  it('gets the credentials of its URL, for its files too, and nobody else sees them', async () => {
    const expected = `Basic ${Buffer.from('me:se cret').toString('base64')}`;
    isAllowed = ({ headers }) => headers.authorization === expected;
    process.env['PIP_INDEX_URL'] = server.url('simple').replace('://', '://me:se%20cret@');
    const messages: string[] = [];
    const path = await fetchWheel({ ...wanted, onProgress: ({ what }) => messages.push(what) });
    expect(sha256(readFileSync(path))).toBe(wheel.sha256);
    expect(messages.join('\n')).not.toMatch(/cret|pip/);
  });

  it('is distrusted if a file does not match the index', async () => {
    server.data = Buffer.from(wheel.data);
    server.data[2100]! ^= 1;
    await expect(fetchWheel(wanted)).rejects.toMatchObject({ code: 'base-checksum' });
  });
});

describe("the machine's pip", () => {
  it('downloads if only pip has access', async () => {
    onlyPip();
    const messages: string[] = [];
    const path = await fetchWheel({ ...wanted, onProgress: ({ what }) => messages.push(what) });
    expect(sha256(readFileSync(path))).toBe(wheel.sha256);
    expect(messages.join('\n')).toMatch(/pip downloads it, because the package index requires a sign-in/);
  });

  it('says that its index lacks a version', async () => {
    onlyPip();
    await expect(fetchWheel({ ...wanted, version: '2.0' })).rejects.toMatchObject({
      code: 'network',
      message: expect.stringContaining('has no demo-model==2.0'),
    });
  });

  it('says that its index cannot be reached', async () => {
    process.env['PIP_INDEX_URL'] = 'http://127.0.0.1:1/simple';
    await expect(fetchWheel(wanted)).rejects.toMatchObject({
      code: 'network',
      message: expect.stringContaining('could not reach'),
    });
  });
});
