/** Which wheel of a package index is chosen; pip's own choices for the same names are noted where they were tried. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { chooseFile, locateWheel, type WheelLocation } from '../../../src/packages/simple-index.ts';

const located = (fileName: string, sha256?: string): WheelLocation => ({
  fileName,
  sha256,
  url: `https://files.test/${fileName}`,
  headers: {},
});
const choose = (names: string[], question: Partial<Parameters<typeof chooseFile>[1]> = {}) =>
  chooseFile(
    names.map((name) => located(name)),
    { project: 'tensor-flow', version: '2.21.0', ...question },
  )?.fileName;
const linux = { python: '3.12', platforms: ['manylinux_2_27_x86_64', 'manylinux2014_x86_64'] };

describe('the chosen wheel', () => {
  const wheel = (tags: string, version = '2.21.0') => `tensor_flow-${version}-${tags}.whl`;
  it('has the version, and is never a source archive', () => {
    expect(choose([wheel('py3-none-any', '2.21.0rc1'), 'tensor_flow-2.21.0.tar.gz'])).toBeUndefined();
    expect(choose([wheel('py3-none-any', '2.20.0'), wheel('py2.py3-none-any')])).toBe(
      wheel('py2.py3-none-any'),
    );
    expect(choose(['tensor_flow_gpu-2.21.0-py3-none-any.whl'])).toBeUndefined();
  });
  it('is for any machine unless tags are given', () => {
    const native = wheel('cp312-cp312-manylinux_2_27_x86_64');
    expect(choose([native])).toBeUndefined();
    expect(choose([native, wheel('py3-none-any')], { tags: linux })).toBe(native);
  });
  it('is the one for the best platform, also if a file names several', () => {
    const old = wheel('cp312-cp312-manylinux2014_x86_64');
    const both = wheel('cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64');
    const best = wheel('cp312-cp312-manylinux_2_27_x86_64');
    expect(choose([old, best], { tags: linux })).toBe(best);
    expect(choose([both], { tags: linux })).toBe(both);
    expect(choose([wheel('cp312-cp312-macosx_12_0_arm64')], { tags: linux })).toBeUndefined();
    expect(choose([wheel('cp313-cp313-manylinux_2_27_x86_64')], { tags: linux })).toBeUndefined();
    expect(choose([wheel('1-cp312-cp312-manylinux_2_27_x86_64')], { tags: linux })).toBeDefined();
    expect(choose([wheel('py3-none-manylinux_2_27_x86_64')], { tags: linux })).toBeDefined();
  });
  it('is the one with the expected checksum, whatever its tags', () => {
    const files = [located(wheel('py3-none-any')), located(wheel('cp311-cp311-win_amd64'), 'ab')];
    expect(chooseFile(files, { project: 'tensor.flow', version: '2.21.0', sha256: 'ab' })).toBe(files[1]);
    expect(chooseFile(files, { project: 'tensor.flow', version: '2.21.0', sha256: 'cd' })).toBe(files[0]);
  });
});

describe('a package index', () => {
  let server: Server;
  let answers: Record<string, { type: string; body: string; to?: string }>;
  /** Requests that are rejected first, as by a busy server. */
  let refusals: number;
  beforeEach(async () => {
    answers = {};
    refusals = 0;
    server = createServer(({ url = '' }, response) => {
      if (refusals-- > 0) return void response.writeHead(503).end();
      const answer = answers[url];
      if (!answer) return void response.writeHead(404).end();
      if (answer.to) return void response.writeHead(302, { location: answer.to }).end();
      response.writeHead(200, { 'content-type': answer.type }).end(answer.body);
    });
    // On all addresses, so that "localhost" counts as another server.
    await new Promise<void>((done) => server.listen(0, done));
    const place = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    vi.stubEnv('PIP_CONFIG_FILE', '/dev/null');
    vi.stubEnv('PIP_INDEX_URL', `${place}/first`);
    vi.stubEnv('PIP_EXTRA_INDEX_URL', `${place}/second/ ${place}/third`);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await new Promise((done) => server.close(done));
  });
  const demo = { project: 'Demo_Model', version: '1.0' };
  const html = 'text/html; charset=utf-8';

  it('is queried before the extra ones, by the normalised name of a project', async () => {
    const page = {
      type: html,
      body: '<a href="x/demo_model-1.0-py3-none-any.whl">demo_model-1.0-py3-none-any.whl</a>',
    };
    answers['/third/demo-model/'] = page;
    expect((await locateWheel(demo)).url).toMatch(/\/third\/demo-model\/x\/demo_model/);
    answers['/first/demo-model/'] = page;
    expect((await locateWheel(demo)).url).toMatch(/\/first\/demo-model\/x\//);
  });
  it('may answer with HTML', async () => {
    const sum = 'a1'.repeat(32);
    answers['/first/demo-model/'] = {
      type: html,
      body: `<!DOCTYPE html><a data-requires-python=">=3"
        href='../../files/demo_model-1.0-py3-none-any.whl?a=1&amp;b=2#sha256=${sum}' ><code>x</code></a><br>`,
    };
    expect(await locateWheel(demo)).toMatchObject({
      sha256: sum,
      url: expect.stringMatching(/\/files\/demo\S+\.whl\?a=1&b=2$/),
    });
  });
  it('is queried again after an answer that may change', async () => {
    const page = { type: html, body: '<a href=demo_model-1.0-py3-none-any.whl>x</a>' };
    refusals = 1;
    answers['/first/demo-model/'] = page;
    expect((await locateWheel(demo)).fileName).toBe('demo_model-1.0-py3-none-any.whl');
  });
  it('gets its credentials only on its own server, even after a redirect', async () => {
    const name = 'demo_model-1.0-py3-none-any.whl';
    const signedIn = process.env['PIP_INDEX_URL']!.replace('://', '://me:secret@');
    vi.stubEnv('PIP_INDEX_URL', signedIn);
    answers['/first/demo-model/'] = { type: html, body: `<a href="${name}">x</a>` };
    expect((await locateWheel(demo)).headers).toHaveProperty('authorization');
    const elsewhere = new URL(process.env['PIP_INDEX_URL']!.replace('127.0.0.1', 'localhost'));
    answers['/first/demo-model/'] = { type: '', body: '', to: `http://${elsewhere.host}/second/demo-model/` };
    answers['/second/demo-model/'] = { type: html, body: `<a href="${name}">x</a>` };
    const found = await locateWheel(demo);
    expect(found.url).toContain('localhost');
    expect(found.headers).toEqual({});
  });
  it("can't name a file outside our folder", async () => {
    const body = '<a href="x/demo_model-1.0-..%2F..%2Fevil-py3-none-any.whl">x</a>';
    for (const place of ['first', 'second', 'third']) answers[`/${place}/demo-model/`] = { type: html, body };
    await expect(locateWheel(demo)).rejects.toThrow(/has no Demo_Model 1\.0/);
  });
  it.each(['pypi.corp/simple', 'https://me:se%cret@host/simple', '#'])(
    'says that %s is not an index, and asks the next',
    async (index) => {
      vi.stubEnv('PIP_INDEX_URL', index);
      await expect(locateWheel(demo)).rejects.toMatchObject({
        name: 'Refused',
        message: "an index in pip's configuration is no usable URL",
      });
      answers['/third/demo-model/'] = { type: html, body: '<a href="demo_model-1.0-py3-none-any.whl">x</a>' };
      expect((await locateWheel(demo)).url).toContain('/third/');
    },
  );
  it('is used if its checksum matches, even if an earlier index has another file of that name', async () => {
    const body = (sum: string) => `<a href="demo_model-1.0-py3-none-any.whl#sha256=${sum.repeat(32)}">x</a>`;
    answers['/first/demo-model/'] = { type: html, body: body('a1') };
    answers['/third/demo-model/'] = { type: html, body: body('b2') };
    expect((await locateWheel({ ...demo, sha256: 'b2'.repeat(32) })).url).toContain('/third/');
    expect((await locateWheel({ ...demo, sha256: 'c3'.repeat(32) })).url).toContain('/first/');
  });
  it.each([
    ['is not JSON', '<html>Sign in</html>', /something that is no list of files/],
    ['is other JSON', '{"files": {"a": 1}}', /has no Demo_Model 1\.0/],
    ['has entries without names', '{"files": [{"url": 3}, {"filename": "x"}]}', /has no Demo_Model 1\.0/],
  ])('says what is wrong if its answer %s', async (_, body, message) => {
    vi.stubEnv('PIP_EXTRA_INDEX_URL', '');
    answers['/first/demo-model/'] = { type: 'application/vnd.pypi.simple.v1+json', body };
    await expect(locateWheel(demo)).rejects.toMatchObject({ message: expect.stringMatching(message) });
  });
});
