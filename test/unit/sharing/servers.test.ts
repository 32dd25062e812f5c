import { mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { UserError } from '../../../src/text/errors.ts';
import { readSpec } from '../../../src/runs/index.ts';
import { parseEndpoint } from '../../../src/serving/remote/address.ts';
import { partialKl, judgeServer } from '../../../src/sharing/servers/compare.ts';
import { LlamaCppServer } from '../../../src/sharing/servers/llama-cpp.ts';
import { failureFrom, offerAll } from '../../../src/sharing/servers/offer-all.ts';
import {
  refusalError,
  offerOnLlamaCpp,
  offerOnVllm,
  type OfferTools,
  type OfferRequest,
} from '../../../src/sharing/servers/offer.ts';
import { SharedFolder } from '../../../src/sharing/servers/shared-folder.ts';
import { VllmServer } from '../../../src/sharing/servers/vllm.ts';
import { klDivergence } from '../../../src/statistics/statistics.ts';
import {
  llamaCppLike,
  vllmLike,
  type Compute,
  type LlamaCppLike,
  type VllmLike,
  type VllmLikeOptions,
} from '../../support/lora-servers.ts';
import { Random } from '../../support/random.ts';
import { useDesk } from './help.ts';

const VOCABULARY = 700;
/** A distribution after each token that depends on all tokens up to it, and on `seed` in the proportion `change`. */
function rowsOf(tokens: ArrayLike<number>, seed: number, change: number): Float32Array[] {
  return Array.from(tokens, (_, at) => {
    const history = Array.from(tokens)
      .slice(0, at + 1)
      .reduce((hash, token) => (hash * 31 + token) % 65_521, 7);
    const base = new Random(history).normals(VOCABULARY, 2);
    const own = new Random(history + 100_000 * seed).normals(VOCABULARY, 2);
    const values = base.map((value, token) => Math.exp(value + change * own[token]!));
    const sum = values.reduce((total, value) => total + value, 0);
    return values.map((value) => value / sum);
  });
}

const desk = useDesk();
let wanted: OfferRequest;
let shared: SharedFolder;
const exported: string[] = [];
beforeAll(async () => {
  const dir = await desk.makeRun();
  wanted = { name: 'parser', dir, spec: await readSpec(dir) };
});
beforeEach(() => {
  exported.length = 0;
  shared = SharedFolder.parse(desk.at(`shared-${Math.random()}`));
});

const means = (): OfferTools => ({
  host: 'gpu:8000',
  report: () => undefined,
  writePeft: async (_, output, baseName) => {
    exported.push(baseName);
    await mkdir(output, { recursive: true });
    for (const file of ['adapter_config.json', 'adapter_model.safetensors'])
      await writeFile(join(output, file), '{}');
  },
  trained: (_dir, _spec, prompts) =>
    Promise.resolve(
      prompts.map((tokens) => ({
        trained: rowsOf(tokens, 1, 0.3).slice(0, -1),
        base: rowsOf(tokens, 1, 0).slice(0, -1),
      })),
    ),
});
/** What a correct server computes: the base, and every adapter as in training. */
const right: Compute = (adapter, tokens) => rowsOf(tokens, 1, adapter === undefined ? 0 : 0.3);
const remote = (url: string, token?: string) => ({
  endpoint: parseEndpoint(url),
  ...(token && { token: () => Promise.resolve(token) }),
});

describe('a comparison with the most likely tokens', () => {
  const row = rowsOf([1, 2], 1, 0)[1]!;
  const other = rowsOf([1, 2], 1, 0.3)[1]!;
  const top = (of: Float32Array, count: number) =>
    new Map(
      [...of.keys()]
        .sort((a, b) => of[b]! - of[a]!)
        .slice(0, count)
        .map((id) => [id, Math.log(of[id]!)]),
    );

  it('is nearly zero for equal ones, and never exceeds the full divergence', () => {
    expect(partialKl(row, top(row, 20))).toBeLessThan(1e-6);
    for (const count of [1, 5, 20, 299])
      expect(partialKl(row, top(other, count))).toBeLessThanOrEqual(klDivergence(row, other) + 1e-6);
    expect(partialKl(row, top(other, VOCABULARY))).toBeCloseTo(klDivergence(row, other), 4);
    expect(partialKl(row, top(other, 20))).toBeGreaterThan(0.02);
  });

  it('needs an answer for every position', () =>
    expect(() => judgeServer({ trained: [row], base: [row], serverBase: [], server: [] })).toThrow(
      /positions/,
    ));
});

describe('vLLM', () => {
  let server: VllmLike;
  const start = async (options: Partial<VllmLikeOptions> = {}) =>
    (server = await vllmLike({ compute: right, ...options }));
  afterEach(() => server.stop());
  const offer = (token?: string) =>
    offerOnVllm(new VllmServer(remote(server.url, token)), wanted, shared, means());
  const refused = async (code: string, words: RegExp) => {
    const error: unknown = await offer().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UserError);
    expect(error).toMatchObject({ code });
    expect((error as Error).message).toMatch(words);
    expect([...server.adapters.keys()]).toEqual([]);
  };

  it('offers an adapter after comparing it under another name', async () => {
    await start();
    const { offered, check } = await offer();
    expect(offered).toBe(true);
    expect(check).toMatchObject({ verdict: 'same' });
    expect(check.meanKl).toBeLessThan(1e-5);
    expect(check.change).toBeGreaterThan(0.02);
    expect([...server.adapters.keys()]).toEqual(['parser']);
    const changes = server.seen.filter((request) => /load|completions/.test(request));
    expect(changes.indexOf('POST /v1/unload_lora_adapter')).toBe(changes.length - 2);
    // The resolver finds it by its name after a restart; its folder is named after its weights.
    expect(await readlink(join(shared.localPath, 'parser'))).toMatch(/^parser-[0-9a-f]{12}$/);
    expect(exported).toEqual(['Example/Base-0.1B']);
  });

  it("receives none of the user's code", async () => {
    await start();
    const asked = vi.spyOn(globalThis, 'fetch');
    await offer();
    const sent = asked.mock.calls.map(([, init]) => String(init?.body)).join();
    expect(sent).not.toContain('chargeCustomer');
    asked.mockRestore();
  });

  it('gets the same adapter twice without a second write, and other weights in place of the old ones', async () => {
    await start();
    await offer();
    await offer();
    expect(exported).toHaveLength(1);
    const before = wanted;
    const path = join(before.dir, 'adapter.gguf');
    const bytes = await readFile(path);
    try {
      await writeFile(path, Buffer.concat([bytes, Buffer.alloc(8)]));
      await offer();
    } finally {
      await writeFile(path, bytes);
    }
    expect(exported).toHaveLength(2);
    const folders = (await readdir(shared.localPath)).filter((name) => name !== 'parser');
    expect(folders).toEqual([await readlink(join(shared.localPath, 'parser'))]);
    expect([...server.adapters.values()]).toEqual([shared.pathThere(folders[0]!)]);
  });

  it.each([
    [
      'computes something else',
      (a: unknown, t: readonly number[]) => rowsOf(t, 2, a === undefined ? 0 : 0.3),
      'adapter-mismatch',
      /differs|something else|does not apply/,
    ],
    [
      'ignores adapters',
      (_: unknown, t: readonly number[]) => rowsOf(t, 1, 0),
      'adapter-mismatch',
      /does not apply parser/,
    ],
    [
      'has another base',
      (a: unknown, t: readonly number[]) => rowsOf(t, 3, a === undefined ? 1 : 1.3),
      'adapter-mismatch',
      /is another model/,
    ],
    [
      'applies it twice as strongly',
      (a: unknown, t: readonly number[]) => rowsOf(t, 1, a === undefined ? 0 : 0.6),
      'adapter-mismatch',
      /parser/,
    ],
  ] as [string, Compute, string, RegExp][])('that %s does not keep it', async (_, compute, code, words) => {
    await start({ compute });
    const result = await offer();
    expect(result.offered).toBe(false);
    expect(refusalError(result, 'gpu:8000')).toMatchObject({
      code,
      message: expect.stringMatching(words) as string,
    });
    expect([...server.adapters.keys()]).toEqual([]);
    expect(await readdir(shared.localPath)).toEqual([]);
  });

  it.each([
    ['it was given', undefined],
    ['its resolver found after a restart', 'parser'],
  ])('that computes something else loses an adapter that %s', async (_, found) => {
    let seed = 1;
    await start({ compute: (a, t) => rowsOf(t, seed, a === undefined ? 0 : 0.3) });
    await offer();
    if (found) server.adapters.set('parser', shared.pathThere(found));
    seed = 2;
    expect((await offer()).offered).toBe(false);
    expect([...server.adapters.keys()]).toEqual([]);
    expect(await readdir(shared.localPath)).toEqual([]);
  });

  it('that does not compute a new adapter as trained keeps the previous one', async () => {
    let seed = 1;
    await start({ compute: (a, t) => rowsOf(t, seed, a === undefined ? 0 : 0.3) });
    await offer();
    const [before] = server.adapters.values();
    const path = join(wanted.dir, 'adapter.gguf');
    const bytes = await readFile(path);
    seed = 2;
    try {
      await writeFile(path, Buffer.concat([bytes, Buffer.alloc(8)]));
      expect((await offer()).offered).toBe(false);
    } finally {
      await writeFile(path, bytes);
    }
    expect([...server.adapters]).toEqual([['parser', before]]);
    expect((await readdir(shared.localPath)).sort()).toEqual(['parser', basename(before!)]);
  });

  it('that rounds the base gets the same tolerance for the adapter', async () => {
    // A tenth of the change in other directions: like a base in another precision.
    await start({ compute: (a, t) => rowsOf(t, 1, a === undefined ? 0.06 : 0.33) });
    const { offered, check } = await offer();
    expect(check.baseKl).toBeGreaterThan(0.001);
    expect(offered).toBe(true);
  });

  it('that was not started to load adapters is reported', async () => {
    await start({ fixed: true });
    await refused('endpoint-unknown', /not started to load adapters/);
  });
  it('that returns too few log-probabilities is reported', async () => {
    await start({ maxLogprobs: 5 });
    await refused('endpoint-unknown', /greater than max allowed: 5/);
  });
  it('that rejects the adapter is reported with its reason', async () => {
    // As vLLM 0.32 words it.
    const refuses =
      "Call to add_lora method failed: Worker failed with error 'LoRA rank 32 is greater than max_lora_rank 16.', please check the stack trace above for the root cause";
    await start({ refuses });
    await refused(
      'adapter-unsupported',
      /can't load parser.being-checked: LoRA rank 32 is greater than max_lora_rank 16\.$/,
    );
  });
  it('that rejects other weights under a name keeps the old ones', async () => {
    // Not during the check, but when it is to get its name.
    let refusing = false;
    await start({ refuses: (name) => (refusing && name === 'parser' ? 'out of memory' : undefined) });
    await offer();
    const [before] = server.adapters.values();
    const path = join(wanted.dir, 'adapter.gguf');
    const bytes = await readFile(path);
    const failing = async () => {
      try {
        await writeFile(path, Buffer.concat([bytes, Buffer.alloc(8)]));
        return (await offer().catch((error: unknown) => error)) as UserError;
      } finally {
        await writeFile(path, bytes);
      }
    };
    refusing = true;
    const both = await failing();
    expect(both).toMatchObject({ code: 'adapter-unsupported' });
    expect(both.next).toContain('The adapter that was parser before is not offered any more either');
    expect([...server.adapters.keys()]).toEqual([]);
    await server.stop();
    await start({
      refuses: (name, from) => (name === 'parser' && from !== before ? 'out of memory' : undefined),
    });
    await offer();
    const single = await failing();
    expect(single).toMatchObject({ code: 'adapter-unsupported' });
    expect(single.next).not.toContain('any more');
    expect([...server.adapters]).toEqual([['parser', before]]);
    expect(await readlink(join(shared.localPath, 'parser'))).toBe(basename(before!));
  });

  it('gets the others if one is rejected', async () => {
    await start({ refuses: (name) => (name.startsWith('web') ? 'its rank is too large' : undefined) });
    const all = ['web', 'parser', 'web-two'].map((name) => ({ ...wanted, name }));
    const outcome = await offerAll(all, 'gpu:8000', (adapter) =>
      offerOnVllm(new VllmServer(remote(server.url)), adapter, shared, means()),
    );
    expect(outcome.offered.map(({ name }) => name)).toEqual(['parser']);
    expect(outcome.failed.map(({ name }) => name)).toEqual(['web', 'web-two']);
    expect([...server.adapters.keys()]).toEqual(['parser']);
    expect(failureFrom(outcome, 'gpu:8000')).toMatchObject({
      code: 'adapter-unsupported',
      message: '2 of 3 adapters are not offered at gpu:8000: web, web-two.',
    });
  });

  it('is not asked repeatedly if it accepts none', async () => {
    await start({ fixed: true });
    const all = ['a', 'b', 'c'].map((name) => ({ ...wanted, name }));
    const outcome = await offerAll(all, 'gpu:8000', (adapter) =>
      offerOnVllm(new VllmServer(remote(server.url)), adapter, shared, means()),
    );
    expect(outcome.failed.map(({ error }) => (error as UserError).code)).toEqual(
      Array(3).fill('endpoint-unknown'),
    );
    expect(server.seen.filter((request) => request.includes('load_lora'))).toHaveLength(1);
  });

  it('that does not see the folder is reported', async () => {
    await start();
    shared = SharedFolder.parse(`${desk.at('elsewhere')}=/not/here`);
    await refused('adapter-unsupported', /No adapter found for \/not\/here\/parser-/);
  });
  it('requires its token', async () => {
    await start({ token: 'sesame' });
    await refused('endpoint-token', /rejects the token/);
    expect((await offer('sesame')).offered).toBe(true);
  });
});

describe("llama.cpp's server", () => {
  let server: LlamaCppLike;
  afterEach(() => server.stop());
  const offer = () => offerOnLlamaCpp(new LlamaCppServer(remote(server.url)), wanted, means());

  it('applies the adapter of that name once it was compared', async () => {
    server = await llamaCppLike(
      (id, t) => rowsOf(t, 1, id === 1 ? 0.3 : id === 0 ? 0.9 : 0),
      ['/x/other.gguf', '/x/parser.gguf'],
    );
    server.scales[0] = 1;
    const { offered, check } = await offer();
    expect({ offered, verdict: check.verdict }).toEqual({ offered: true, verdict: 'same' });
    expect(server.scales).toEqual([0, 1]);
  });

  it('turns off one that differs, and nothing else', async () => {
    server = await llamaCppLike(
      (id, t) => rowsOf(t, 1, id === 1 ? 0.9 : 0),
      ['/x/other.gguf', '/x/parser.gguf'],
    );
    server.scales[0] = 1;
    expect((await offer()).offered).toBe(false);
    expect(server.scales).toEqual([1, 0]);
    server.scales.splice(0, 2, 0, 1);
    expect((await offer()).offered).toBe(false);
    expect(server.scales).toEqual([0, 0]);
  });

  it.each([
    [[], /was started without an adapter, and can't be given one while it runs/],
    [['/x/a.gguf', '/x/b.gguf'], /has no adapter "parser"; it has a, b/],
  ] as [string[], RegExp][])('started with %j says what it lacks', async (paths, words) => {
    server = await llamaCppLike(right, paths);
    await expect(offer()).rejects.toMatchObject({
      code: 'endpoint-model',
      message: expect.stringMatching(words) as string,
    });
  });
});

describe('the shared folder', () => {
  it('has a local path and one on the server', () => {
    expect(SharedFolder.parse('/a/b').serverPath).toBe('/a/b');
    expect(SharedFolder.parse('/a/b=/data/lora/').pathThere('x')).toBe('/data/lora/x');
    expect(() => SharedFolder.parse('=x')).toThrow(/is not FOLDER/);
  });
  it('removes only what was written for an adapter', async () => {
    const folder = SharedFolder.parse('/a=/data');
    expect(await folder.ownFolder('p', '/data/p-0123456789ab')).toBe('p-0123456789ab');
    for (const path of [
      '/data/p',
      '/data/q-0123456789ab',
      '/other/p-0123456789ab',
      '/data/x/../p-0123456789ab',
    ])
      expect(await folder.ownFolder('p', path)).toBeUndefined();
  });
});
