import { isDeepStrictEqual } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import {
  answerAt,
  editSimilarity,
  findCursors,
  type Cursor,
  type CursorKind,
} from '../../../../src/evaluation/cursors/cursors.ts';
import { allocate, type HeldOutDocument } from '../../../../src/evaluation/cursors/held-out.ts';
import { uniform } from '../../../../src/statistics/random.ts';

const text = `import { a } from './a.ts';

/** Adds. */
// four
export function add(first: number, second: number) {
  const total = first + second;
  return total;
}

if (add(1, 2) > 2) {
  console.log('more than two');
}
`;
const documentOf = (file: string, content: string, fromLine = 1): HeldOutDocument => ({
  file,
  fromLine,
  text: () => content,
});
const document = documentOf('src/add.ts', text);
const find = (documents: HeldOutDocument[], kind: CursorKind, count = 99) =>
  findCursors(documents, { line: 0, block: 0, [kind]: count });
const lineAt = (line: number) => find([document], 'line').find((cursor) => cursor.line === line)!;
const blockAt = (line: number) => find([document], 'block').find((cursor) => cursor.line === line)!;

describe('a cursor in a line', () => {
  it('is at the first gap after a third of the line, and the rest of the line is the middle', () => {
    const cursor = lineAt(6);
    expect(cursor).toMatchObject({ kind: 'line', path: 'src/add.ts', actual: ' = first + second;' });
    expect(cursor.before.endsWith('{\n  const total')).toBe(true);
    expect(cursor.after.startsWith('\n  return total;\n}')).toBe(true);
    expect(cursor.before + cursor.actual + cursor.after).toBe(text);
  });
  it('is not in short lines, the first lines, or where no word is left', () => {
    const lines = find([document], 'line').map(({ line }) => line);
    expect(lines).toEqual([5, 6, 7, 11]);
  });
  it("counts lines from the start of a split file's part", () => {
    const lines = find([documentOf('src/add.ts', text, 101)], 'line').map(({ line }) => line);
    expect(lines).toEqual([105, 106, 107, 111]);
  });
});

describe('a cursor before a block', () => {
  it('covers the more deeply indented lines', () => {
    const cursor = blockAt(5);
    expect(cursor.actual).toBe('\n  const total = first + second;\n  return total;');
    expect(cursor.after.startsWith('\n}\n\nif')).toBe(true);
    expect(cursor.before + cursor.actual + cursor.after).toBe(text);
  });
  it('ends at a blank line, and is missing if nothing, or too much, is indented', () => {
    const python = 'a = 1\nb = 2\nc = 3\nd = 4\ndef f():\n    x = 1\n\n    return x\ndef g():\nreturn\n';
    const found = find([documentOf('f.py', python)], 'block');
    expect(found).toMatchObject([{ line: 5, actual: '\n    x = 1' }]);
    const long = `a\na\na\na\nf(\n${'  x,\n'.repeat(9)})\n`;
    expect(find([documentOf('f.c', long)], 'block')).toEqual([]);
  });
});

it('spreads the cursors of a file evenly over its parts and documents', () => {
  const [a, b, c, d] = find([document, documentOf('src/add.ts', text, 101)], 'line', 4).map(
    ({ line }) => line,
  );
  expect([5, 6]).toContain(a);
  expect([7, 11]).toContain(b);
  expect([105, 106]).toContain(c);
  expect([107, 111]).toContain(d);
});

describe('files with cursors', () => {
  const files = Array.from({ length: 37 }, (_, file) =>
    documentOf(`f${file}.ts`, `${file}\n${text.repeat(1 + ((file * file) % 11))}`),
  );
  const pathsOf = (cursors: readonly Cursor[]) => cursors.map(({ path }) => path);
  it('are as many as cursors of both kinds, if enough files are held out', () => {
    expect(new Set(pathsOf(findCursors(files, { line: 16, block: 8 })))).toHaveProperty('size', 24);
  });
  it('are all files if there are fewer, with the counts per file differing by at most one', () => {
    const paths = pathsOf(findCursors(files.slice(0, 12), { line: 16, block: 8 }));
    const counts = files.slice(0, 12).map(({ file }) => paths.filter((path) => path === file).length);
    expect(counts).toEqual(counts.map(() => 2));
  });
  it('count as one if their text is split into documents', () => {
    const cut = [...Array.from({ length: 9 }, () => documentOf('large.ts', text)), ...files.slice(0, 3)];
    expect(pathsOf(findCursors(cut, { line: 4, block: 0 }))).toEqual(['large.ts', 'f0.ts', 'f1.ts', 'f2.ts']);
  });
  it.each([10, 11, 13, 24, 40])('have at most a tenth of all cursors each, of %i', (count) => {
    const some = Array.from({ length: count }, (_, i) =>
      documentOf(`t${i}.ts`, i % 3 ? text : 'let total = first + second;\n'.repeat(i + 6)),
    );
    for (const counts of [
      { line: 16, block: 8 },
      { line: 200, block: 100 },
      { line: 3, block: 0 },
    ]) {
      const paths = pathsOf(findCursors(some, counts));
      const most = Math.max(...some.map(({ file }) => paths.filter((path) => path === file).length));
      expect(paths.length).toBeGreaterThanOrEqual(Math.min(counts.line, 10));
      expect(most).toBeLessThanOrEqual(Math.max(1, paths.length / 10));
    }
  });
  it('are deterministic, and so are the cursors', () => {
    const counts = { line: 50, block: 20 };
    expect(findCursors(files, counts)).toEqual(findCursors(files, counts));
  });
  it('have as many cursors as fit, and no more', () => {
    expect([...allocate([5, 1, 9], 7)]).toEqual([3, 1, 3]);
    expect([...allocate([2, 0, 1], 9)]).toEqual([2, 0, 1]);
    expect([...allocate([4, 4, 4], 2, [1, 0, 0])]).toEqual([0, 1, 1]);
    expect([...allocate([], 3)]).toEqual([]);
  });
  it('are drawn with probability proportional to size, so that all places count equally', () => {
    const random = uniform(7);
    const sizes = Array.from({ length: 30 }, (_, i) => i + 1);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    const drawn = sizes.map(() => 0);
    const draws = 2000;
    for (let draw = 0; draw < draws; draw += 1) {
      const order = sizes
        .map((size) => ({ size, at: random() }))
        .sort((a, b) => a.at - b.at)
        .map(({ size }) => size);
      allocate(order, 5).forEach((taken, at) => (drawn[order[at]! - 1]! += taken));
    }
    for (const [index, size] of sizes.entries())
      expect(Math.abs(drawn[index]! / draws - (5 * size) / total)).toBeLessThan(0.03);
    // A file larger than its share is always included.
    expect(allocate([1, 1, 1, 90, 1, 1, 1], 2)[3]).toBe(1);
  });
});

describe('cursors of many documents', () => {
  /** A file of random code, with both kinds of line end and non-ASCII letters. */
  function generated(file: number): string {
    const random = uniform(file);
    const pick = <T>(of: readonly T[]) => of[Math.floor(random() * of.length)]!;
    const line = () =>
      pick([
        () => `const value${file} = compute(first, ${Math.floor(random() * 99)});`,
        () => `  if (grösse > ${Math.floor(random() * 9)}) {`,
        () => `    // 😀 ${'wörd '.repeat(Math.floor(random() * 30))}`,
        () => `    return items.filter((item) => item.size > 0);`,
        () => '  }',
        () => '',
        () => `def name(self, ${'x'.repeat(Math.floor(random() * 12))}):`,
      ])();
    const end = pick(['\n', '\r\n']);
    return Array.from({ length: Math.floor(random() * 400) }, line).join(end) + pick(['', end]);
  }

  /** Every cursor with the text on both sides, found line by line; some of them are then chosen. */
  function bruteForce(texts: readonly string[], kind: CursorKind): Cursor[] {
    return texts.flatMap((whole, file) => {
      const lines = whole.replaceAll('\r\n', '\n').split('\n');
      const at = (line: number): Cursor[] => {
        const alone = `\n\n\n\n${lines.slice(line, kind === 'line' ? line + 1 : line + 12).join('\n')}`;
        const one = find([documentOf(`f${file}`, alone)], kind).find((cursor) => cursor.line === 5);
        if (!one) return [];
        const next = line + one.actual.split('\n').length;
        const before = [...lines.slice(0, line), one.before.slice(4)].join('\n');
        const after = `\n${lines.slice(next).join('\n')}`;
        return [{ ...one, line: line + 1, before: before.slice(-4000), after: after.slice(0, 4000) }];
      };
      return lines.flatMap((_, line) => (line < 4 ? [] : at(line)));
    });
  }

  it('are among those found line by line, and all of them if that many are requested', () => {
    const texts = Array.from({ length: 9 }, (_, file) => generated(file + 1));
    const documents = texts.map((content, file) => documentOf(`f${file}`, content));
    const [lines, blocks] = [bruteForce(texts, 'line'), bruteForce(texts, 'block')];
    const numbers = (all: readonly Cursor[], some: readonly Cursor[]) =>
      some.map((one) => all.findIndex((other) => isDeepStrictEqual(one, other)));
    for (const [line, block] of [
      [16, 8],
      [200, 100],
      [1e6, 0],
      [0, 1e6],
    ] as const) {
      const found = findCursors(documents, { line, block });
      const lineCount = Math.min(line, lines.length);
      expect(found).toHaveLength(lineCount + Math.min(block, blocks.length));
      for (const places of [
        numbers(lines, found.slice(0, lineCount)),
        numbers(blocks, found.slice(lineCount)),
      ]) {
        expect(places).not.toContain(-1);
        expect(places).toEqual([...new Set(places)].sort((a, b) => a - b));
      }
    }
  });

  it('need no memory beyond the chosen ones and one document', () => {
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    const held = () => {
      gc();
      return process.memoryUsage().heapUsed / 1e6;
    };
    const begun = held();
    let most = 0;
    let read = 0;
    // Some 4 MB of text with 120,000 places; a copy for each would take 3 GB.
    const documents = Array.from({ length: 150 }, (_, file) => ({
      file: `src/f${file}.ts`,
      fromLine: 1,
      text() {
        if ((read += 1) % 50 === 0) most = Math.max(most, held());
        return `${file}\n${'    const total = first + second;\n  if (add(1, 2) > 2) {\n'.repeat(400)}`;
      },
    }));
    const cursors = findCursors(documents, { line: 200, block: 100 });
    expect(cursors).toHaveLength(300);
    expect(most - begun).toBeLessThan(20);
    expect(held() - begun).toBeLessThan(20);
  });
});

describe('an answer', () => {
  it('counts up to the end of its line', () => {
    expect(answerAt({ kind: 'line', before: 'x' }, ' = 1; \r\ny = 2;')).toBe(' = 1;');
  });
  it('counts up to the end of its block', () => {
    const answer = '\n    a();  \n    b();\n  }\n  c();';
    expect(answerAt({ kind: 'block', before: 'x\n  if (y) {' }, answer)).toBe('\n    a();\n    b();');
  });
  it('has a similarity by its edits', () => {
    expect(editSimilarity('kitten', 'sitting')).toBeCloseTo(1 - 3 / 7, 12);
    expect(editSimilarity('', '')).toBe(1);
    expect(editSimilarity('abc', '')).toBe(0);
  });
});
