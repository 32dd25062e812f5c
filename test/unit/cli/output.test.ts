import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { UserError } from '../../../src/text/errors.ts';
import { printError } from '../../../src/cli/view/print-error.ts';
import { formatTable } from '../../../src/cli/view/format.ts';
import {
  joinGroups,
  redirectConsole,
  LiveLine,
  note,
  print,
  printJson,
  printText,
} from '../../../src/cli/view/output.ts';

let out = '';
let err = '';
beforeEach(() => {
  out = err = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((out += String(text)), true));
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => ((err += String(text)), true));
});
afterEach(() => vi.restoreAllMocks());

const HOSTILE = 'a\x1b[2J\r\n[disk-full] forged\t\u202eb';
const SHOWN = 'a\\x1b[2J\\r\\n[disk-full] forged\\t\\u202eb';

describe('printed text', () => {
  it('stays on one line per message', () => {
    print(HOSTILE, ['', 'b'], []);
    note(HOSTILE);
    expect([out, err]).toEqual([`${SHOWN}\n\nb\n`, `${SHOWN}\n`]);
  });

  it('separates non-empty groups by an empty line', () =>
    expect(joinGroups([['a', 'b'], [], ['c']])).toEqual(['a', 'b', '', 'c']));

  it('keeps the line breaks and tabs of a text such as a completion', () => {
    printText('if (a) {\r\n\tb();\x1b]0;title\x07\n}');
    expect(out).toBe('if (a) {\n\tb();\\x1b]0;title\\x07\n}\n');
  });

  it('is exact as JSON', () => {
    printJson({ text: HOSTILE });
    expect(JSON.parse(out)).toEqual({ text: HOSTILE });
    expect(out).not.toMatch(/[\p{Cc}\p{Cf}](?!$)/u);
    out = '';
    printJson(undefined);
    expect(out).toBe('null\n');
  });

  it('pads columns to the width of the displayed text', () => {
    const [first, second] = formatTable([
      ['\x1b', 'x'],
      ['abcdef', 'y'],
    ]);
    expect([first, second]).toEqual(['\\x1b    x', 'abcdef  y']);
    expect(formatTable([['x'.repeat(1e6)], ['a']])[1]!.length).toBeLessThan(1100);
  });
});

describe('the progress line', () => {
  const screen = (isTTY: boolean) => {
    const stream = { isTTY, columns: 20, written: '', write: (text: string) => (stream.written += text) };
    return stream;
  };

  it('is only rewritten by us, and fits the width of the terminal', () => {
    const stream = screen(true);
    const line = new LiveLine(stream as unknown as NodeJS.WriteStream);
    line.show('\x1b[31mred');
    line.show('y'.repeat(50));
    line.print(HOSTILE);
    expect(stream.written).toBe(`\r\x1b[2K\\x1b[31mred\r\x1b[2K${'y'.repeat(19)}\r\x1b[2K${SHOWN}\n`);
  });

  it('is not written without a terminal, except for permanent lines', () => {
    const stream = screen(false);
    const line = new LiveLine(stream as unknown as NodeJS.WriteStream);
    line.show('a');
    line.clear();
    line.keep();
    line.print('b');
    expect(stream.written).toBe('b\n');
  });
});

describe('an error', () => {
  it('is one line', () => {
    printError(new UserError('internal', `It is ${HOSTILE}.`, 'Go on.'));
    expect(err).toBe(`[internal] It is ${SHOWN}. Go on.\n`);
  });

  it('has only stack frames as lines of its stack', () => {
    process.argv.push('--verbose');
    try {
      printError(new UserError('internal', `It is ${HOSTILE}.`, 'Go on.'));
    } finally {
      process.argv.pop();
    }
    const [, head, ...frames] = err.trimEnd().split('\n');
    expect(head).toBe(`UserError: It is ${SHOWN}.`);
    expect(frames.length).toBeGreaterThan(1);
    expect(frames.filter((line) => !line.startsWith('    at '))).toEqual([]);
  });
});

it('redirects console output of libraries to stderr, one line per call', () => {
  const before = { ...console };
  try {
    redirectConsole();
    console.log('%s\nwas found', '\x1b[2J');
    expect([out, err]).toEqual(['', '\\x1b[2J\\nwas found\n']);
  } finally {
    Object.assign(console, before);
  }
});
