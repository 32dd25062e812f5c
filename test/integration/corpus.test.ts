/** The corpus with llama.cpp's tokenizer, and the command `corpus`. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTokenizer, type Tokenizer } from '../../src/llama-cpp/tokenizer.ts';
import { buildCorpus, openCorpus, type CorpusSummary, type KeptEntry } from '../../src/corpus/index.ts';
import { corpusPlanSchema, hyperSchema } from '../../src/protocol/run.ts';
import { buildReplay, runCorpus } from '../../src/training/run-corpus.ts';
import { Workplace } from '../support/cli.ts';
import { writeTinyModel } from '../support/tiny-model.ts';

let place: Workplace;
let tokenizer: Tokenizer;
let folder = '';
let base = '';

beforeAll(async () => {
  place = await Workplace.create();
  folder = await place.code();
  base = place.path('base.gguf');
  await writeTinyModel(base);
  tokenizer = await openTokenizer(base);
});
afterAll(async () => {
  await tokenizer.dispose();
  await place.dispose();
});

describe('a corpus of real code', () => {
  it('has the tokens of each file and one end token', async () => {
    await writeFile(place.path('code', 'special.js'), "export const end = '<|endoftext|>';\n");
    await buildCorpus({ folder, out: place.path('corpus'), tokenizer, seed: 0 });
    const { train, heldOut, documents } = await openCorpus(place.path('corpus'));
    expect(documents.length).toBeGreaterThan(5);
    for (const document of documents) {
      const { path, split, offset, tokens } = document;
      const own = (split === 'train' ? train : heldOut).read(offset, tokens);
      const text = partOf(await readFile(place.path('code', path), 'utf8'), document);
      expect(own.subarray(0, -1), path).toEqual(tokenizer.encode(text));
      expect(own.indexOf(tokenizer.eos), path).toBe(tokens - 1);
    }
  });
});

/** With so few files, the end of each is held out. */
function partOf(text: string, { split, fromLine = 1, lines }: KeptEntry): string {
  const all = text.split('\n');
  return split === 'train' ? `${all.slice(0, lines).join('\n')}\n` : all.slice(fromLine - 1).join('\n');
}

it('what a run holds out of a data set is not replayed from it', async () => {
  const source = place.path('rows.jsonl');
  const rows = Array.from({ length: 60 }, (_, n) => ({
    text: `row_${n} holds text_${n} that no other_${n} row has_${n}\n`,
  }));
  await writeFile(source, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const spec = {
    folder: '',
    base: { id: 'tiny', path: base, sha256: '' },
    corpus: corpusPlanSchema.parse({ data: source, replay: { source, rate: 0.5 } }),
    hyper: hyperSchema.parse({ learningRate: 1e-3, steps: 1000, sequenceLength: 64 }),
  };
  const out = place.path('replayed');
  const { signal } = new AbortController();
  const { documents } = await runCorpus(out, spec, { signal, phase: async () => undefined });
  await buildReplay(out, spec, { signal });
  const heldOut = documents.filter(({ split }) => split === 'held-out').map(({ sha256 }) => sha256);
  expect(heldOut.length).toBeGreaterThan(0);
  const replayed = (await openCorpus(join(out, 'replay'))).documents.map(({ sha256 }) => sha256);
  expect(replayed).toHaveLength(60 - heldOut.length);
  expect(replayed.filter((sha256) => heldOut.includes(sha256))).toEqual([]);
});

describe('a corpus for a fill-in-the-middle base', () => {
  const plan = { fimRate: 0.6, repositoryContext: true };

  it('has its repositories with unchanged files', async () => {
    await buildCorpus({ folder, out: place.path('filled'), tokenizer, seed: 1, plan });
    const { train, heldOut, documents } = await openCorpus(place.path('filled'));
    const whole = tokenizer.decode(train.read(0, train.length), { special: true });
    expect(whole.startsWith('<|repo_name|>code\n<|file_sep|>')).toBe(true);
    for (const document of documents) {
      const { path, split, offset, tokens } = document;
      const text = partOf(await readFile(place.path('code', path), 'utf8'), document);
      const own = tokenizer.decode((split === 'train' ? train : heldOut).read(offset, tokens), {
        special: true,
      });
      const content = own.slice(own.indexOf(`<|file_sep|>${path}\n`)).replace(/<\|endoftext\|>$/, '');
      if (split === 'held-out') expect(own).toBe(`${text}<|endoftext|>`);
      else expect(content).toBe(`<|file_sep|>${path}\n${text}`);
    }
  });

  it("has windows whose middle comes last, in the base's own tokens, encoded as in serving", async () => {
    const source = (await openCorpus(place.path('filled'))).sequences(256, 1, tokenizer);
    let cuts = 0;
    for (let index = 0; index < source.perEpoch; index += 1) {
      const { tokens } = source.at(index);
      expect(tokens).toHaveLength(257);
      const text = tokenizer.decode(tokens, { special: true });
      const cut =
        /<\|file_sep\|>([^\n]+)\n<\|fim_prefix\|>([^]*?)<\|fim_suffix\|>([^]*?)<\|fim_middle\|>([^]*?)<\|endoftext\|>/g;
      for (const [, path, prefix, suffix, middle] of text.matchAll(cut)) {
        const text = await readFile(place.path('code', path!), 'utf8');
        expect(text).toContain(prefix! + middle! + suffix!);
        const at = tokens.indexOf(tokenizer.fim!.middle);
        if (cuts === 0) {
          const encoded = tokenizer.encode(middle!);
          expect(tokens.subarray(at + 1, at + 1 + encoded.length)).toEqual(encoded);
        }
        cuts += 1;
      }
    }
    expect(cuts).toBeGreaterThan(0.3 * source.perEpoch);
  });

  it('is refused for other bases', async () => {
    const plain = place.path('plain.gguf');
    await writeTinyModel(plain, { fillInTheMiddle: false });
    const other = await openTokenizer(plain);
    const building = buildCorpus({ folder, out: place.path('refused'), tokenizer: other, seed: 1, plan });
    await expect(building).rejects.toMatchObject({ code: 'bad-argument' });
    await other.dispose();
  });
});

describe('forget-me-not corpus', () => {
  it("counts the base's tokens and creates no run", async () => {
    const counted = await place.json<CorpusSummary & { files: KeptEntry[] }>(
      'corpus',
      folder,
      '--base',
      base,
      '--fim-rate',
      '0',
      '--no-repository-context',
      ...['--half-life', '0'],
    );
    const { summary, documents } = await openCorpus(place.path('corpus'));
    expect(counted).toMatchObject(summary);
    expect(counted.files).toEqual(documents);
    expect(await place.json('runs')).toEqual({ runs: [], damaged: [] });
  });

  it('needs no base, and says in words what is left out', async () => {
    const { code, stdout } = await place.run('corpus', folder, '--files');
    expect(code).toBe(0);
    expect(stdout).toMatch(/7 files in: 7 to train on, 6 held out; 6 are cut in two; [\d,]+ lines/);
    expect(stdout).toMatch(/special\.js +(train|held-out)/);
    expect(await place.json('corpus', folder)).not.toHaveProperty('trainTokens');
  });

  it('ends with one sentence for an empty or a missing folder', async () => {
    await mkdir(place.path('nothing'));
    await mkdir(place.path('binaries'));
    await writeFile(place.path('binaries', 'a.png'), Buffer.from([0x89, 0, 1]));
    for (const [name, start] of [
      ['nothing', '[corpus-empty] '],
      ['binaries', '[corpus-empty] '],
      ['missing', '[corpus-unreadable] '],
    ] as const) {
      const { code, stdout, stderr } = await place.run('corpus', place.path(name));
      expect(code, name).not.toBe(0);
      expect(stdout).toBe('');
      expect(stderr.startsWith(start), stderr).toBe(true);
      expect(stderr.trim().split('\n')).toHaveLength(1);
    }
  });
});
