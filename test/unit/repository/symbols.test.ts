import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import { Language, Parser, Query } from '@vscode/tree-sitter-wasm';
import { beforeAll, describe, expect, it } from 'vitest';
import { indexedLanguages } from '../../../src/repository/languages/index.ts';
import { nameHash, namesIn, namesUsed, uses } from '../../../src/repository/names.ts';
import type { SymbolParser } from '../../../src/repository/parser.ts';
import { definitionsOf } from '../../../src/repository/symbols.ts';
import { grammars, openParser } from './help.ts';

let parser: SymbolParser;
beforeAll(async () => {
  parser = await openParser();
});

/** "kind line-signatureEnd-end", lines from 1, with the text of the first line. */
async function found(path: string, text: string): Promise<string[]> {
  const lines = text.split('\n');
  return definitionsOf(await parser.symbolsIn(path, text)).map(
    ({ kind, line, signatureEnd, end }) =>
      `${kind} ${line + 1}-${signatureEnd + 1}-${end + 1} ${lines[line]!.trim()}`,
  );
}

describe('every language', () => {
  it.each(indexedLanguages)('$grammar: its grammar exists and has the node types', async (language) => {
    await Parser.init({ locateFile: () => join(grammars, 'tree-sitter.wasm') });
    const grammar = await Language.load(join(grammars, `tree-sitter-${language.grammar}.wasm`));
    const { captureNames } = new Query(grammar, language.definitions);
    expect(
      captureNames.filter((name) => !['name', 'body', 'function', 'class', 'type', 'value'].includes(name)),
    ).toEqual([]);
  });

  it.each([
    [
      'a.py',
      'class Cart(Base):\n    def total(\n        self,\n    ) -> int:\n        return 1\n\nRATE = 2\n',
      ['class 1-1-5 class Cart(Base):', 'function 2-4-5 def total(', 'value 7-7-7 RATE = 2'],
    ],
    [
      'a.ts',
      'export interface Cart {\n  total(): number;\n}\nexport const add = (a: number) => {\n  return a;\n};\n',
      [
        'class 1-1-3 export interface Cart {',
        'function 2-2-2 total(): number;',
        'function 4-4-6 export const add = (a: number) => {',
      ],
    ],
    [
      'a.go',
      'package a\n\ntype Cart struct {\n\tn int\n}\n\nfunc (c *Cart) Total() int {\n\treturn c.n\n}\n',
      ['type 3-5-5 type Cart struct {', 'function 7-7-9 func (c *Cart) Total() int {'],
    ],
    [
      'a.rs',
      'pub struct Cart { n: u8 }\nimpl Cart {\n    fn total(&self) -> u8 {\n        self.n\n    }\n}\n',
      ['type 1-1-1 pub struct Cart { n: u8 }', 'function 3-3-5 fn total(&self) -> u8 {'],
    ],
    [
      'a.java',
      'class Cart {\n  int total() {\n    return 1;\n  }\n}\n',
      ['class 1-1-5 class Cart {', 'function 2-2-4 int total() {'],
    ],
    [
      'a.c',
      'struct cart { int n; };\nint *total(int n)\n{\n  return 0;\n}\n',
      ['type 1-1-1 struct cart { int n; };', 'function 2-2-5 int *total(int n)'],
    ],
    [
      'a.cs',
      'class Cart\n{\n  int Total()\n  {\n    return 1;\n  }\n}\n',
      ['class 1-1-7 class Cart', 'function 3-3-6 int Total()'],
    ],
    [
      'a.rb',
      'class Cart\n  def total(n)\n    n\n  end\nend\n',
      ['class 1-1-5 class Cart', 'function 2-2-4 def total(n)'],
    ],
    [
      'a.php',
      '<?php\nclass Cart {\n  function total() {\n    return 1;\n  }\n}\n',
      ['class 2-2-6 class Cart {', 'function 3-3-5 function total() {'],
    ],
  ])('%s', async (path, text, expected) => expect(await found(path, text)).toEqual(expected));

  it('leaves out definitions within a function', async () =>
    expect(await found('a.py', 'def outer():\n    def inner():\n        pass\n')).toEqual([
      'function 1-1-3 def outer():',
    ]));
});

describe('real source', () => {
  it('our own TypeScript: functions and classes where TypeScript finds them', async () => {
    const path = 'src/completion/pipeline.ts';
    const text = readFileSync(path, 'utf8');
    const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
    const expected = new Set<string>();
    const visit = (node: ts.Node) => {
      const named =
        ts.isFunctionDeclaration(node) || ts.isClassDeclaration(node) || ts.isMethodDeclaration(node);
      if (named && node.name) {
        const line = (at: number) => source.getLineAndCharacterOfPosition(at).line;
        expected.add(`${line(node.getStart())} ${line(node.end)}`);
      }
      if (!ts.isFunctionLike(node)) ts.forEachChild(node, visit);
    };
    visit(source);
    const ours = definitionsOf(await parser.symbolsIn(path, text)).map(({ line, end }) => `${line} ${end}`);
    expect(expected.size).toBeGreaterThan(20);
    expect([...expected].filter((symbol) => !ours.includes(symbol))).toEqual([]);
  });

  it("Python's standard library: functions and classes where Python finds them", async () => {
    const script = `
import ast, json, textwrap, dataclasses, argparse
found = {}
for module in (textwrap, dataclasses, argparse):
    tree = ast.parse(open(module.__file__).read())
    names = []
    def visit(node):
        for child in ast.iter_child_nodes(node):
            function = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef))
            if function or isinstance(child, ast.ClassDef):
                names.append([child.lineno - 1, child.end_lineno - 1])
            if not function:
                visit(child)
    visit(tree)
    found[module.__file__] = sorted(names)
print(json.dumps(found))`;
    const files = JSON.parse(execFileSync('python3', ['-c', script], { encoding: 'utf8' })) as Record<
      string,
      [number, number][]
    >;
    for (const [path, expected] of Object.entries(files)) {
      const text = readFileSync(path, 'utf8');
      const ours = definitionsOf(await parser.symbolsIn(path, text)).filter(({ kind }) => kind !== 'value');
      expect(ours.map(({ line }) => line)).toEqual(expected.map(([line]) => line));
      // tree-sitter includes comments below a body.
      for (const [index, { end }] of ours.entries()) {
        const between = text.split('\n').slice(expected[index]![1] + 1, end + 1);
        expect(between.filter((line) => line.trim() && !line.trim().startsWith('#'))).toEqual([]);
      }
    }
  });
});

describe('names', () => {
  it('are found again by their hashes', () => {
    const text = readFileSync('src/completion/gate.ts', 'utf8');
    const used = namesUsed(text);
    for (const name of namesIn(text)) expect(uses(used, nameHash(name)), name).toBe(true);
    expect(uses(used, nameHash('nowhereInThisFile'))).toBe(false);
  });
  it("count in other scripts, too; numbers and short names don't", () => {
    const used = namesUsed('größe = 0xffff + ab + 名前の例');
    expect(used).toHaveLength(2);
    expect(uses(used, nameHash('größe'))).toBe(true);
  });
});

describe('bad input', () => {
  it('that does not parse still has names, and recognisable definitions', async () => {
    const symbols = await parser.symbolsIn(
      'a.py',
      'def fine():\n    return 1\n\n)))((( class :::\n\x00\uD800 @@@ fallen\n',
    );
    expect(uses(symbols.names, nameHash('fallen'))).toBe(true);
    expect(definitionsOf(symbols).map(({ name }) => name)).toContain(nameHash('fine'));
  });
  it('in a language whose grammar is missing has names, and a warning is given once', async () => {
    const empty = mkdtempSync(join(tmpdir(), 'fmn-grammars-'));
    try {
      const problems: string[] = [];
      const without = await openParser(problems, empty);
      for (const path of ['a.py', 'b.py']) {
        const symbols = await without.symbolsIn(path, 'def known():\n    pass\n');
        expect(definitionsOf(symbols)).toEqual([]);
        expect(uses(symbols.names, nameHash('known'))).toBe(true);
      }
      expect(problems).toHaveLength(1);
      expect(problems[0]).toContain('python');
    } finally {
      rmSync(empty, { recursive: true });
    }
  });
  it('in a language without a grammar has names', async () =>
    expect(uses((await parser.symbolsIn('a.kt', 'fun known() {}')).names, nameHash('known'))).toBe(true));
});
