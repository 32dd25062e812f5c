import { describe, expect, it } from 'vitest';
import { Anchors } from '../../../src/completion/prompt/anchor.ts';
import { setUp, settle } from './set-up.ts';

const budget = { before: 400, after: 100 };
const at = (before: string, more: { after?: string; path?: string } = {}) => ({
  ...{ path: 'a.py', languageId: 'python', after: '\n\nprint(f(1))\n' },
  ...more,
  before,
});

describe('the anchored gap', () => {
  it('begins at the start of the line, and stays there while text is typed', () => {
    const anchors = new Anchors();
    const first = anchors.gapAt(at('def f(x):\n    ret'), budget);
    expect(first).toMatchObject({ prefix: 'def f(x):\n', begun: '    ret' });
    for (const begun of ['    return x', '    return x\n    # more', '    '])
      expect(anchors.gapAt(at(`def f(x):\n${begun}`), budget)).toMatchObject({ prefix: first.prefix, begun });
  });

  it('moves when other text has changed', () => {
    const anchors = new Anchors();
    const text = 'import a\n\ndef f(x):\n    return a';
    anchors.gapAt(at('import a\n\ndef f(x):\n    '), budget);
    // Several lines have been written since then.
    expect(anchors.gapAt(at(text), budget).begun).toBe('    return a');
    const next = `${text}\n    # more`;
    expect(anchors.gapAt(at(next), budget).begun).toBe('    return a\n    # more');
    expect(anchors.gapAt(at(next, { after: '' }), budget).begun).toBe('    # more');
    expect(anchors.gapAt(at(next, { after: '', path: 'b.py' }), budget).begun).toBe('    # more');
    expect(anchors.gapAt(at(next.replace('import a', 'import b'), { after: '' }), budget)).toMatchObject({
      prefix: text.replace('import a', 'import b') + '\n',
      begun: '    # more',
    });
    // The cursor is above the gap.
    expect(anchors.gapAt(at('import b\n', { after: '' }), budget)).toMatchObject({ begun: '' });
  });

  it('does not grow indefinitely', () => {
    const anchors = new Anchors();
    let text = 'x = 1\n';
    let longest = 0;
    for (let line = 0; line < 100; line += 1) {
      const { begun } = anchors.gapAt(at((text += `value_${line} = compute(${line})\n`)), budget);
      longest = Math.max(longest, begun.length);
    }
    expect(longest).toBeGreaterThan(300);
    expect(longest).toBeLessThanOrEqual(600);
  });

  it('covers the whole text before and after the cursor, with all line ends', () => {
    for (const end of ['\n', '\r\n']) {
      const anchors = new Anchors();
      let text = Array.from({ length: 40 }, (_, line) => `line ${line} 🙂${end}`).join('');
      for (const key of `if (x) {${end}  go();${end}}${end}`) {
        text += key;
        const { prefix, begun, suffix } = anchors.gapAt(at(text, { after: `${end}end${end}` }), budget);
        const plain = text.replaceAll('\r\n', '\n');
        expect(plain.endsWith(prefix + begun)).toBe(true);
        expect(suffix).toBe('\nend\n');
        expect(prefix.length).toBeLessThanOrEqual(budget.before);
      }
    }
  });
});

describe('requests while a line is typed', () => {
  it('differ only at the end', async () => {
    const t = setUp({ fillInTheMiddle: () => true, debounceMs: 0 });
    const after = '\n\nexport const other = total;\n';
    const before = 'const total = 1;\n';
    for (const typed of ['const sum = ', 'const sum = total', 'const sum = total + ']) {
      void t.completer.complete(t.at(before + typed, { after }));
      await settle();
      // Text that is not what gets typed next.
      t.requests.at(-1)!.stream('0');
    }
    expect(t.requests.map(({ ask }) => ask)).toMatchObject([
      { prompt: before, begun: 'const sum =', heal: ' ', suffix: after },
      { prompt: before, begun: 'const sum =', heal: ' total', suffix: after },
      { prompt: before, begun: 'const sum = total +', heal: ' ', suffix: after },
    ]);
  });

  it('are a single text for a base without fill-in-the-middle, or without a suffix', async () => {
    for (const [fillInTheMiddle, after] of [
      [false, '\nmore\n'],
      [true, '\n'],
    ] as const) {
      const t = setUp({ fillInTheMiddle: () => fillInTheMiddle, debounceMs: 0 });
      void t.completer.complete(t.at('const total = 1;\nconst sum = total', { after }));
      await settle();
      expect(t.requests[0]!.ask).toMatchObject({ prompt: 'const total = 1;\nconst sum =', heal: ' total' });
      expect(t.requests[0]!.ask.begun).toBeUndefined();
    }
  });
});
