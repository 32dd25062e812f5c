import { describe, expect, it } from 'vitest';
import { documentedFunctions } from '../../../src/corpus/instruct/functions.ts';

const find = (path: string, text: string) =>
  [...documentedFunctions(path, text)].map(({ documentation, signature, source, line }) => ({
    documentation,
    signature,
    source,
    line,
  }));

describe('documented functions', () => {
  it('Python: docstrings, signatures over several lines, nested bodies', () => {
    const text = `
class Store:
    """No function."""

    async def get(
        self, key: dict[str, int] = {},  # with ) in a comment
    ) -> str:
        """Returns the value of a key.

            >>> get(1)
        Raises KeyError.
        """
        if key:

            return "):"
        return ''

    def short(self): return 1

    def undocumented(self):
        return "not a docstring but four words"

def last(x):
    r'''Doubles what it is given.'''
    return 2 * x
`;
    const found = find('a/store.py', text);
    expect(found.map(({ documentation, signature, line }) => ({ documentation, signature, line }))).toEqual([
      {
        documentation: 'Returns the value of a key.\n\n    >>> get(1)\nRaises KeyError.',
        signature: 'async def get(\n    self, key: dict[str, int] = {},  # with ) in a comment\n) -> str:',
        line: 5,
      },
      { documentation: 'Doubles what it is given.', signature: 'def last(x):', line: 23 },
    ]);
    expect(found[0]!.source).toMatch(
      /^async def get\([\s\S]*\n {4}if key:\n\n {8}return "\):"\n {4}return ''$/,
    );
    expect(found[1]!.source).toBe("def last(x):\n    r'''Doubles what it is given.'''\n    return 2 * x");
  });

  it('TypeScript: functions, arrows, methods; objects in a signature', () => {
    const text = `
/**
 * Adds two numbers together.
 * @param a the first
 */
export async function add({
  a,
  b,
}: Pair): Promise<number> {
  const text = \`}\`;
  return a + b;
}

/** Not of a function but of a constant. */
export const LIMIT = 3;

/** Multiplies the number by two. */
export const twice = (n: number) => {
  return n * 2;
};

class Box {
  /** Puts something into the box. */
  @logged('x')
  private put<T>(thing: T): void {
    if (thing) {
      this.things.push(thing);
    }
  }

  /** What an overload says is not kept. */
  get(key: string): string;
}

/* An ordinary comment, of four words. */
function ordinary() {
  return 1;
}
`;
    expect(find('x.ts', text)).toEqual([
      {
        documentation: 'Adds two numbers together.\n@param a the first',
        signature: 'export async function add({\n  a,\n  b,\n}: Pair): Promise<number>',
        source:
          'export async function add({\n  a,\n  b,\n}: Pair): Promise<number> {\n  const text = `}`;\n  return a + b;\n}',
        line: 6,
      },
      {
        documentation: 'Multiplies the number by two.',
        signature: 'export const twice = (n: number)',
        source: 'export const twice = (n: number) => {\n  return n * 2;\n};',
        line: 18,
      },
      {
        documentation: 'Puts something into the box.',
        signature: 'private put<T>(thing: T): void',
        source: 'private put<T>(thing: T): void {\n  if (thing) {\n    this.things.push(thing);\n  }\n}',
        line: 25,
      },
    ]);
  });

  it.each([
    [
      'x.go',
      '// Max returns the larger of two.\n// It prefers a.\nfunc Max(a, b int) int {\n\tif a < b {\n\t\treturn b\n\t}\n\treturn a\n}\n',
      'Max returns the larger of two.\nIt prefers a.',
      'func Max(a, b int) int',
    ],
    [
      'x.rs',
      "/// Counts the words in `text`.\n#[must_use]\npub fn count<'a>(text: &'a str) -> usize\nwhere\n    u8: Copy,\n{\n    text.split(' ').count()\n}\n",
      'Counts the words in `text`.',
      "pub fn count<'a>(text: &'a str) -> usize\nwhere\n    u8: Copy,",
    ],
    [
      'X.java',
      'class X {\n    /**\n     * Whether the list is empty.\n     */\n    @Override\n    public static <T> boolean isEmpty(List<T> list) {\n        return list.size() == 0;\n    }\n}\n',
      'Whether the list is empty.',
      'public static <T> boolean isEmpty(List<T> list)',
    ],
    [
      'x.cs',
      '    /// <summary>\n    /// Opens the file for reading.\n    /// </summary>\n    [Obsolete]\n    public async Task<Stream> Open(string path)\n    {\n        return await Files.Open(path);\n    }\n',
      'Opens the file for reading.',
      'public async Task<Stream> Open(string path)',
    ],
  ])('%s', (path, text, documentation, signature) => {
    const [only, ...others] = find(path, text);
    expect(others).toEqual([]);
    expect(only).toMatchObject({ documentation, signature });
    expect(only!.source.startsWith(signature)).toBe(true);
    expect(only!.source.endsWith('\n}')).toBe(true);
  });

  it('skips short comments, long functions, and other files', () => {
    expect(find('x.py', 'def f():\n    """Does it."""\n    return 1\n')).toEqual([]);
    const long = `def f():\n    """Does a lot of things."""\n${'    x = 1\n'.repeat(200)}`;
    expect(find('x.py', long)).toEqual([]);
    expect(find('x.md', '/** Adds two numbers together. */\nfunction f() {\n}\n')).toEqual([]);
  });
});
