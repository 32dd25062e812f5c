import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { SimilarWindows } from '../../../src/completion/index.ts';
import { partSources, type Asked, type Part } from '../../../src/protocol/repository.ts';
import { WINDOW_LINES } from '../../../src/repository/candidates.ts';
import { chooseParts, type Repository } from '../../../src/repository/choose.ts';
import { RepositoryIndex } from '../../../src/repository/repository-index.ts';
import type { SymbolParser } from '../../../src/repository/parser.ts';
import { askedAt, openParser } from './help.ts';

let parser: SymbolParser;
beforeAll(async () => {
  parser = await openParser();
});

async function repositoryOf(files: Record<string, string>): Promise<Repository> {
  const index = new RepositoryIndex();
  for (const [path, text] of Object.entries(files))
    index.update(path, { ...(await parser.symbolsIn(path, text)), mtimeMs: 0, size: 0 });
  const windows = new SimilarWindows(WINDOW_LINES);
  return { index, text: (path) => files[path], windows };
}

const names = (parts: readonly Part[]) => parts.map(({ filename }) => filename);
const lengthOf = (parts: readonly Part[]) => parts.reduce((sum, { text }) => sum + text.length, 0);

describe('our own source', () => {
  const files: Record<string, string> = {};
  for (const name of readdirSync('src/completion', { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.ts'),
  ))
    files[`src/completion/${name}`] = readFileSync(join('src/completion', name), 'utf8');
  const path = 'src/completion/pipeline.ts';
  const text = files[path]!;

  function asked(line: string, more: Partial<Asked> = {}): Asked {
    const at = text.indexOf(line) + line.length;
    return askedAt(path, text.slice(0, at), { after: text.slice(at), ...more });
  }

  it('shows the definition of a function that is called at the cursor', async () => {
    const parts = chooseParts(await repositoryOf(files), asked('return buildPrompt('));
    const prompt = parts.find(({ filename }) => filename === 'src/completion/prompt/prompt.ts');
    expect(prompt?.text).toContain(
      'export function buildPrompt(document: CursorDocument, options: PromptOptions): ModelRequest {',
    );
    expect(prompt?.sources).toContain('definitions');
  });

  it('shows the imports that the prompt lacks, and nothing that it has', async () => {
    const parts = chooseParts(
      await repositoryOf(files),
      asked('return buildPrompt(', { sources: ['own'], budget: 6000 }),
    );
    expect(names(parts)).toEqual([path]);
    expect(parts[0]!.text).toContain("import { maxLinesAt } from './prompt/max-lines.ts';");
    expect(parts[0]!.text).not.toContain('return buildPrompt(');
  });

  it('keeps to any budget, and selects nothing twice', async () => {
    const repository = await repositoryOf(files);
    for (const budget of [0, 100, 400, 1600, 6000]) {
      const parts = chooseParts(repository, asked('return buildPrompt(', { budget }));
      expect(lengthOf(parts)).toBeLessThanOrEqual(budget);
      expect(new Set(names(parts)).size).toBe(parts.length);
    }
  });

  it('returns only lines that the files have, in their order', async () => {
    for (const { filename, text: part } of chooseParts(
      await repositoryOf(files),
      asked('const maxLines = maxLinesAt(input);', { budget: 6000 }),
    )) {
      const lines = files[filename]!.split('\n');
      let at = -1;
      for (const line of part.split('\n').slice(0, -1)) {
        at = lines.indexOf(line, at + 1);
        expect(at, `${filename}: ${line}`).toBeGreaterThanOrEqual(0);
      }
    }
  });

  it('uses only the requested sources', async () => {
    const repository = await repositoryOf(files);
    for (const source of partSources) {
      const parts = chooseParts(repository, asked('return buildPrompt(', { sources: [source] }));
      for (const part of parts) expect(part.sources).toEqual([source]);
    }
    expect(chooseParts(repository, asked('return buildPrompt(', { sources: [] }))).toEqual([]);
  });
});

describe('the choice', () => {
  const files = {
    'shop/tax.py': 'def tax_of(price, country):\n    return price * RATES[country]\n',
    'shop/cart.py': 'from shop.tax import tax_of\n\n\ndef total_of(cart):\n    pass\n',
    'shop/order.py':
      'from shop.cart import total_of\n\n\ndef order(cart):\n    # total_of is called here\n    price = total_of(cart)\n    return price\n',
    'other/tax.py': 'def tax_of(anything):\n    pass\n',
    'other/readme.rb': 'def tax_of(ruby)\nend\n',
  };
  const cart = 'from shop.tax import tax_of\n\n\ndef total_of(cart):\n    return tax_of(';

  it('prefers an imported definition to one of the same name, and its own language', async () => {
    const parts = chooseParts(
      await repositoryOf(files),
      askedAt('shop/cart.py', cart, { sources: ['definitions'] }),
    );
    expect(names(parts).at(-1)).toBe('shop/tax.py');
    expect(names(parts)).not.toContain('other/readme.rb');
  });

  it('finds the callers of the function being written', async () => {
    const parts = chooseParts(
      await repositoryOf(files),
      askedAt('shop/cart.py', cart, { sources: ['callers'] }),
    );
    expect(names(parts)).toEqual(['shop/order.py']);
    expect(parts[0]!.text).toContain('    price = total_of(cart)\n');
  });

  it('does not take words in comments and strings for names in code', async () => {
    const before = '# tax_of the cart\nvalue = "tax_of" + \'tax_of\' + (';
    const asked = askedAt('shop/cart.py', before, { sources: ['definitions'] });
    expect(chooseParts(await repositoryOf(files), asked)).toEqual([]);
  });

  it('puts edits last, leaving out what the prompt shows', async () => {
    const asked = askedAt('shop/cart.py', cart, {
      sources: ['definitions', 'edits'],
      edits: [
        { path: 'shop/tax.py', text: 'RATES = {"de": 0.19}' },
        { path: 'shop/cart.py', text: 'def total_of(cart):' },
      ],
    });
    const parts = chooseParts(await repositoryOf(files), asked);
    expect(parts.at(-1)).toEqual({
      filename: 'shop/tax.py',
      text: 'RATES = {"de": 0.19}\n',
      sources: ['edits'],
    });
    expect(parts.at(-2)!.sources).toContain('definitions');
  });

  it('recognises an edit in the prompt despite Windows line ends', async () => {
    const edited = 'def total_of(cart):\r\n    price = 1';
    const edits = [
      { path: 'shop/cart.py', text: edited },
      { path: 'shop/tax.py', text: 'A = 1\r\nB = 2' },
    ];
    const asked = askedAt('shop/cart.py', `${edited}\r\n    `, { sources: ['edits'], edits });
    expect(chooseParts(await repositoryOf(files), asked)).toEqual([
      { filename: 'shop/tax.py', text: 'A = 1\nB = 2\n', sources: ['edits'] },
    ]);
  });

  it('copes with a file that can no longer be read', async () => {
    const repository = await repositoryOf(files);
    const gone = { ...repository, text: () => undefined };
    expect(chooseParts(gone, askedAt('shop/cart.py', cart))).toEqual([]);
  });
});
