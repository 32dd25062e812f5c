import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { architectures, type ArchitectureName } from '../../src/base-models/architectures.ts';
import { exportAdapterGguf } from '../../src/weights/index.ts';
import { openLlamaHost, type HostRequest, type LlamaHost } from '../../src/serving/host/llama-host.ts';
import { pieceConfidence } from '../../src/serving/tokens/confidence.ts';
import { writeTinyAdapter, writeTinyModel } from '../support/tiny-model.ts';

let dir: string;
let host: LlamaHost;
const at = (name: string) => join(dir, name);
const prompt = 'export function add(a: number, b: number) {\n  return';
const ask = (more: Partial<HostRequest> = {}): HostRequest => ({
  model: 'base',
  prompt,
  maxTokens: 12,
  ...more,
});

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fmn-host-'));
  vi.stubEnv('FORGET_ME_NOT_HOME', join(dir, 'home'));
  await writeTinyModel(at('base.gguf'));
  await writeTinyModel(at('other.gguf'), { embedding: 32, seed: 3 });
  await writeTinyModel(at('whole.gguf'), { seed: 9 });
  await writeTinyAdapter(at('one.gguf'), at('base.gguf'), { seed: 1 });
  await writeTinyAdapter(at('two.gguf'), at('base.gguf'), { seed: 2 });
  await writeTinyAdapter(at('zero.gguf'), at('base.gguf'), { scale: 0 });
  await writeTinyAdapter(at('foreign.gguf'), at('other.gguf'));
  host = await openLlamaHost({
    basePath: at('base.gguf'),
    adapters: ['one', 'two', 'zero'].map((name) => ({ name, path: at(`${name}.gguf`) })),
    models: [{ name: 'whole', path: at('whole.gguf') }],
    contextSize: 512,
    sequences: 2,
  });
});

afterAll(async () => {
  await host.dispose();
  vi.unstubAllEnvs();
  await rm(dir, { recursive: true, force: true });
});

it.each(Object.keys(architectures) as ArchitectureName[])(
  'completes with a %s base, with a suffix and with an adapter',
  async (architecture) => {
    const [basePath, adapter] = [at(`${architecture}.gguf`), at(`${architecture}-adapter.gguf`)];
    await writeTinyModel(basePath, { architecture, marks: 'starcoder' });
    await writeTinyAdapter(adapter, basePath, { scale: 0.5 });
    const own = await openLlamaHost({
      basePath,
      adapters: [{ name: 'own', path: adapter }],
      contextSize: 512,
    });
    expect(own.fillInTheMiddle).toBe(true);
    const suffix = ';\n}\n';
    const plain = await own.complete(ask({ model: 'own' }));
    const between = await own.complete(ask({ model: 'own', suffix }));
    // With its three tokens.
    expect(between.promptTokens).toBe(plain.promptTokens + (await own.encode(suffix)).length + 3);
    const tokens = await own.encode(prompt);
    expect(await own.distributions('own', tokens)).not.toEqual(await own.distributions('base', tokens));
    await own.dispose();
  },
);

it.runIf(process.platform === 'linux')('maps the file of its base if asked to', async () => {
  await writeTinyModel(at('mapped.gguf'), { seed: 4 });
  const isMapped = async () => (await readFile('/proc/self/maps', 'utf8')).includes('/mapped.gguf');
  for (const mapped of [false, true]) {
    const own = await openLlamaHost({ basePath: at('mapped.gguf'), contextSize: 512, mapped });
    expect(await isMapped()).toBe(mapped);
    await own.dispose();
  }
});

describe('models on one base', () => {
  it('are offered by name', () => {
    expect(host.models).toEqual(['base', 'one', 'two', 'zero', 'whole']);
    expect(host.fillInTheMiddle).toBe(true);
  });

  it('do not affect each other when they answer at the same time', async () => {
    const names = ['base', 'one', 'two', 'whole'];
    const alone: string[] = [];
    for (const model of names) alone.push((await host.complete(ask({ model }))).text);
    expect(new Set(alone).size).toBe(names.length);
    const jobs = Array.from({ length: 16 }, (_, index) => index % names.length);
    const together = await Promise.all(jobs.map((index) => host.complete(ask({ model: names[index]! }))));
    expect(together.map(({ text }) => text)).toEqual(jobs.map((index) => alone[index]));
  });

  it('have the same distributions if an adapter is zero', async () => {
    const tokens = await host.encode(prompt);
    const [base, zero, one] = await Promise.all(
      ['base', 'zero', 'one'].map((model) => host.distributions(model, tokens)),
    );
    expect(base).toHaveLength(tokens.length);
    expect(zero).toEqual(base);
    const sum = base![3]!.reduce((total, value) => total + value, 0);
    expect(sum).toBeCloseTo(1, 3);
    expect(one![3]).not.toEqual(base![3]);
  });

  it('sample the most probable token at temperature 0', async () => {
    let compared = 0;
    for (const [index, model] of ['base', 'one', 'two', 'base', 'one', 'two'].entries()) {
      const text = `${prompt} ${'abc'.slice(0, index % 4)}${index}`;
      const tokens = await host.encode(text);
      const row = (await host.distributions(model, tokens)).at(-1)!;
      const best = row.indexOf(Math.max(...row));
      const answer = await host.complete(ask({ model, prompt: text, maxTokens: 1 }));
      // A partial character or a special token has no text.
      if (!answer.text) continue;
      expect([...(await host.encode(text + answer.text))]).toEqual([...tokens, best]);
      compared += 1;
    }
    expect(compared).toBeGreaterThan(1);
  });
});

describe('a request', () => {
  it('gives the same text with the same seed, and another one with another seed', async () => {
    const sample = (seed: number) => host.complete(ask({ temperature: 1.2, seed })).then(({ text }) => text);
    const [first, again, other] = [await sample(7), await sample(7), await sample(8)];
    expect(again).toBe(first);
    expect(other).not.toBe(first);
  });

  it('reuses the cache of a common prefix', async () => {
    const own = 'const unique = "prefix reuse";\n'.repeat(4);
    const first = await host.complete(ask({ prompt: own, maxTokens: 1 }));
    const second = await host.complete(ask({ prompt: `${own}const next`, maxTokens: 1 }));
    expect(second.cachedTokens).toBeGreaterThanOrEqual(first.promptTokens - 1);
    expect(second.cachedTokens).toBeLessThan(second.promptTokens);
  });

  it('streams the pieces of its text', async () => {
    const pieces: string[] = [];
    const { text } = await host.complete(ask({ maxTokens: 30 }), undefined, (piece) => pieces.push(piece));
    expect(pieces.length).toBeGreaterThan(1);
    expect(pieces.join('')).toBe(text);
  });

  it('ends at a stop text, even one that spans tokens', async () => {
    const { text } = await host.complete(ask({ maxTokens: 30 }));
    const characters = [...text];
    for (let from = 1; from + 3 <= characters.length; from += 4) {
      const stop = characters.slice(from, from + 3).join('');
      const stopped = await host.complete(ask({ maxTokens: 30, stop: [stop] }));
      expect(stopped.text).toBe(text.slice(0, text.indexOf(stop)));
      expect(stopped.finishReason).toBe('stop');
    }
  });

  it.each([undefined, ';\n}\n'])(
    'heals a partial token: completes as if it were not typed (suffix %j)',
    async (suffix) => {
      let inside = 0;
      for (let number = 0; number < 24; number += 1) {
        const whole = ask({ prompt: `${prompt} ${number}`, suffix });
        const { text } = await host.complete(whole);
        const typed = /^[ -~]{2,}/.exec(text)?.[0].slice(0, 4) ?? '';
        for (let length = 1; length <= typed.length; length += 1) {
          const heal = typed.slice(0, length);
          const pieces: string[] = [];
          const healed = await host.complete({ ...whole, heal }, undefined, (piece) => pieces.push(piece));
          expect(healed.text.startsWith(text.slice(length))).toBe(true);
          expect(pieces.join('')).toBe(healed.text);
          if (
            (await host.encode(typed)).length <
            (await host.encode(heal)).length + (await host.encode(typed.slice(length))).length
          )
            inside += 1;
        }
      }
      expect(inside).toBeGreaterThan(2);
    },
  );

  it('returns a confidence for a partial token, higher than without it', async () => {
    const sure = async (request: Parameters<typeof ask>[0]) => {
      const {
        text,
        completionTokens,
        logProbabilities = [],
      } = await host.complete(ask({ ...request, confidence: true, temperature: 0, maxTokens: 6 }));
      expect(logProbabilities).toHaveLength(completionTokens);
      return { text, logprob: pieceConfidence(logProbabilities.slice(0, 6)) };
    };
    let begun = 0;
    for (let number = 0; number < 24; number += 1) {
      const whole = await sure({ prompt: `${prompt} ${number}` });
      const heal = /^[ -~]/.exec(whole.text)?.[0];
      if (heal === undefined) continue;
      const healed = await sure({ prompt: `${prompt} ${number}`, heal });
      expect(healed.text.startsWith(whole.text.slice(1))).toBe(true);
      expect(healed.logprob).toBeGreaterThan(whole.logprob - 0.01);
      begun += 1;
    }
    expect(begun).toBeGreaterThan(2);
  });

  it('spells out a partial token that the model would not choose, and does not return it', async () => {
    const heal = 'qZ@ 日本';
    const spelled = await host.complete(ask({ heal, maxTokens: 5 }));
    expect(spelled.text).not.toContain('日');
    // What is spelled out does not shorten the answer.
    expect(spelled.completionTokens).toBeGreaterThanOrEqual(3 + 5);
    expect((await host.complete(ask({ heal, maxTokens: 0 }))).completionTokens).toBe(0);
    // When sampled, too.
    const byChance = (seed: number) => host.complete(ask({ heal: ' ', temperature: 1.5, seed }));
    const texts = await Promise.all([1, 1, 2, 3, 4].map(async (seed) => (await byChance(seed)).text));
    expect(texts[1]).toBe(texts[0]);
    expect(new Set(texts.map((text) => text.slice(0, 3))).size).toBeGreaterThan(1);
    // Where each token is returned, it is part of the prompt.
    const answer = await host.complete(ask({ heal, logprobs: 1 }));
    expect(answer.promptTokens).toBe((await host.encode(prompt + heal)).length);
  });

  it('treats special tokens in its prompt as text, and writes none', async () => {
    const typed = '<|fim_middle|>';
    expect((await host.encode(typed)).length).toBeGreaterThan(1);
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, seed) =>
        host.complete(ask({ prompt: typed, temperature: 2, seed, maxTokens: 40 })),
      ),
    );
    for (const { text } of answers) expect(text).not.toMatch(/<\|?(fim|endoftext|file_sep)/);
  });

  it('uses the suffix', async () => {
    const [without, withSuffix] = [
      await host.complete(ask()),
      await host.complete(ask({ suffix: ';\n}\n' })),
    ];
    expect(withSuffix.promptTokens).toBe(without.promptTokens + (await host.encode(';\n}\n')).length + 3);
  });

  it('is cut at the far end if longer than the context, and says how much', async () => {
    const long = Array.from({ length: 400 }, (_, index) => `const value${index} = ${index};\n`).join('');
    const cut = await host.complete(ask({ prompt: long, maxTokens: 20 }));
    expect(cut.promptTokens + 20).toBeLessThan(512);
    expect(cut.trimmedTokens).toBe((await host.encode(long)).length - cut.promptTokens);
    // Further typing does not move the cut.
    const typed = await host.complete(ask({ prompt: `${long}const`, maxTokens: 20 }));
    expect(typed.cachedTokens).toBeGreaterThan(cut.promptTokens - 10);
  });

  it('for an unknown model names the known ones', async () => {
    await expect(host.complete(ask({ model: 'nobody' }))).rejects.toMatchObject({
      status: 404,
      message: expect.stringContaining('one, two'),
    });
  });

  it('may be empty', async () => {
    expect((await host.complete(ask({ prompt: '' }))).completionTokens).toBeGreaterThan(0);
  });
});

describe('cancelling', () => {
  const long = Array.from({ length: 60 }, (_, index) => `let other${index} = ${index};\n`).join('');

  it('stops in mid-prompt and frees the model', async () => {
    const cancelled = new AbortController();
    const request = host.complete(ask({ model: 'two', prompt: long, maxTokens: 200 }), cancelled.signal);
    setImmediate(() => cancelled.abort(new Error('no longer wanted')));
    await expect(request).rejects.toThrow('no longer wanted');
    expect(host.statistics.active).toBe(0);
    expect((await host.complete(ask({ model: 'two' }))).text).toBe(
      (await host.complete(ask({ model: 'two' }))).text,
    );
  });

  it('stops while generating', async () => {
    const cancelled = new AbortController();
    let pieces = 0;
    const request = host.complete(ask({ maxTokens: 200, prompt: long }), cancelled.signal, () => {
      pieces += 1;
      if (pieces === 3) cancelled.abort();
    });
    await expect(request).rejects.toMatchObject({ name: 'AbortError' });
    expect(pieces).toBe(3);
  });

  it('ends a request that waits for its turn', async () => {
    const cancelled = new AbortController();
    const busy = [0, 1].map(() => host.complete(ask({ maxTokens: 60 })));
    const waiting = host.complete(ask(), cancelled.signal);
    setImmediate(() => cancelled.abort());
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
    await Promise.all(busy);
    expect((await host.complete(ask())).completionTokens).toBeGreaterThan(0);
  });
});

describe('loading fails for', () => {
  const open = (name: string) =>
    openLlamaHost({ basePath: at('base.gguf'), adapters: [{ name: 'x', path: at(name) }] });

  it('an adapter for another base, naming both', async () => {
    await expect(open('foreign.gguf')).rejects.toMatchObject({
      code: 'adapter-mismatch',
      message: expect.stringMatching(/foreign\.gguf.*base\.gguf/),
    });
  });

  it('an adapter for another model of the same shape, by its checksum', async () => {
    const layers = await writeTinyAdapter(at('sibling.gguf'), at('base.gguf'));
    await exportAdapterGguf(at('sibling.gguf'), {
      architecture: 'llama',
      alpha: 8,
      layers,
      baseSha256: 'ab'.repeat(32),
    });
    await expect(open('sibling.gguf')).rejects.toMatchObject({
      code: 'adapter-mismatch',
      message: expect.stringMatching(/sibling\.gguf.*abababababab.*base\.gguf/),
    });
  });

  it('a damaged adapter, a model in its place, or a missing file', async () => {
    await writeTinyAdapter(at('cut.gguf'), at('base.gguf'));
    await truncate(at('cut.gguf'), 4000);
    await writeFile(at('text.gguf'), 'not a model at all, just some text that is long enough');
    for (const name of ['cut.gguf', 'text.gguf', 'whole.gguf', 'missing.gguf'])
      await expect(open(name)).rejects.toMatchObject({ code: 'adapter-damaged' });
  });

  it('a name given twice, or a missing base', async () => {
    const adapter = { name: 'base', path: at('one.gguf') };
    await expect(openLlamaHost({ basePath: at('base.gguf'), adapters: [adapter] })).rejects.toMatchObject({
      code: 'bad-argument',
    });
    await expect(openLlamaHost({ basePath: at('nowhere.gguf') })).rejects.toMatchObject({
      code: 'base-not-found',
    });
  });
});

it('stops measuring threads at a request, and uses what was measured', async () => {
  const options = {
    basePath: at('base.gguf'),
    contextSize: 512,
    threads: 'later',
    keepOnDisk: true,
  } as const;
  const own = await openLlamaHost(options);
  const plain = await own.complete(ask());
  const interrupted = own.measureThreads();
  const [, again] = await Promise.all([
    expect(interrupted).rejects.toMatchObject({ name: 'AbortError' }),
    own.complete(ask()),
  ]);
  expect(again.text).toBe(plain.text);
  // Whether it counts depends on the machine's other work.
  await own.measureThreads();
  expect((await own.complete(ask())).text).toBe(plain.text);
  await own.dispose();
});
