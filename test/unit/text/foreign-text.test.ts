import { describe, expect, it } from 'vitest';
import { jsonLine, visible, visibleLine } from '../../../src/text/foreign-text.ts';

describe('untrusted text', () => {
  it.each([
    ['a\u001b[31mred\u0007', 'a\\x1b[31mred\\x07'],
    ['over\rwritten\b', 'over\\rwritten\\x08'],
    ['\u009b2J\u007f', '\\x9b2J\\x7f'],
    ['two\nlines\tand', 'two\\nlines\\tand'],
    [
      '\u202egpj.exe\u202c \u2066x\u2069 \u061c\u200e\u200f',
      '\\u202egpj.exe\\u202c \\u2066x\\u2069 \\u061c\\u200e\\u200f',
    ],
    ['a\u2028b\u2029c\u0085', 'a\\u2028b\\u2029c\\x85'],
    ['pay\u200bpal\ufeff\u00ad\u2060', 'pay\\u200bpal\\ufeff\\xad\\u2060'],
    ['a\u200db\u200cc\ufe0fd', 'a\\u200db\\u200cc\\ufe0fd'],
    ['\u3164\u115f\u034f', '\\u3164\\u115f\\u034f'],
    ['\u{e0041}\u{e0100}', '\\u{e0041}\\u{e0100}'],
    ['half \ud83d of', 'half \\ud83d of'],
  ])('%j is shown as %s', (text, shown) => {
    expect(visible(text)).toBe(shown);
    expect(visible(shown)).toBe(shown);
  });

  it.each(['plain', 'C:\\new\\x1b', 'héllo 漢字 عربى', 'می\u200cخواهم', 'क्\u200dष', '👩‍💻 ❤️', 'e\u0301'])(
    'leaves harmless %j unchanged',
    (text) => expect(visible(text)).toBe(text),
  );

  it('loses every character that a terminal interprets or that is invisible', () => {
    const obeyed = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;
    for (let point = 0; point <= 0x10ffff; point++) {
      const text = visible(`a${String.fromCodePoint(point)}`);
      if (obeyed.test(text)) throw new Error(`U+${point.toString(16)} gets through`);
    }
  });

  it('is truncated if a line is long, and says so', () => {
    const shown = visibleLine('x'.repeat(5_000_000));
    expect(shown.length).toBeLessThan(5000);
    expect(shown).toMatch(/^x+\.\.\. \(4996000 more characters\)$/);
  });

  it('in JSON is exact, without characters that a terminal interprets', () => {
    for (const text of ['a\u009b\u202e\u007fb', '\u{e0041}', '\ud83d', 'two\nlines\t"', '👩‍💻', '\u2028'])
      expect(JSON.parse(jsonLine({ text }))).toEqual({ text });
    expect(jsonLine('\u009b\u202e\u{e0041}\u007f')).toBe('"\\u009b\\u202e\\udb40\\udc41\\u007f"');
  });
});
