/** Which quick fix is offered as the import of a name. */
import { describe, expect, it } from 'vitest';
import { applyParts, importOffer, type QuickFix } from '../../../src/next-edit/index.ts';

const offerFor = (text: string, name: string, fixes: readonly QuickFix[]) => {
  const start = text.lastIndexOf(name);
  const offer = importOffer(
    { path: 'a', languageId: 'typescript', text },
    { start, end: start + name.length },
    fixes,
  );
  return offer && applyParts(text, offer.parts);
};
/** Inserts after a text, or at the top. */
const insert = (text: string, after: string, added: string, isPreferred = false): QuickFix => {
  const at = after ? text.indexOf(after) + after.length : 0;
  return { title: added.trim(), isPreferred, parts: [{ start: at, end: at, text: added }] };
};

const script = "import { read } from './read';\nread(price);\n";

describe('the import of a name', () => {
  it.each([
    ['a new line', script, 'price', '', "import { price } from './price';\n"],
    [
      'with Windows line ends',
      script.replaceAll('\n', '\r\n'),
      'price',
      '',
      "import { price } from './price';\r\n",
    ],
    [
      'where another comes from',
      "import { read } from './price';\nread(price);\n",
      'price',
      'read',
      ', price',
    ],
    ['a further name', script, 'price', 'read', ', price'],
    [
      'in a list of lines',
      "import {\n  a,\n  read,\n} from './read';\nread(a, price);\n",
      'price',
      'read,',
      '\n  price,',
    ],
    ['in Python', 'from a import read\nread(price)\n', 'price', '', 'from b import price\n'],
    ['in a Python list', 'from a import (\n    read,\n)\nread(price)\n', 'price', 'read,', '\n    price,'],
    ['in Java', 'package a;\nimport a.Read;\nPrice p;\n', 'Price', 'import a.Read;', '\nimport b.Price;'],
    ['in Rust', 'use a::Read;\nPrice {}\n', 'Price', '', 'use b::Price;\n'],
  ])('is offered: %s', (_, text, name, after, added) => {
    const fix = insert(text, after, added);
    expect(offerFor(text, name, [fix])).toBe(applyParts(text, fix.parts));
  });

  it('is chosen among several only if one is preferred', () => {
    const fixes = ['./a', './b'].map((from) => insert(script, '', `import { price } from '${from}';\n`));
    expect(offerFor(script, 'price', fixes)).toBeUndefined();
    const preferred = fixes.map((fix, index) => ({ ...fix, isPreferred: index === 1 }));
    expect(offerFor(script, 'price', preferred)).toMatch(/^import \{ price \} from '.\/b'/);
  });

  it.each([
    ['a definition', insert(script, "';\n", 'const price = 0;\n')],
    ['a function with the name in a list', insert(script, "';\n", 'f(\n  price,\n);\n')],
    ['another import', insert(script, '', "import { prize } from './prize';\n")],
    [
      'an import and more',
      {
        ...insert(script, '', "import { price } from './price';\n"),
        parts: [
          { start: 0, end: 0, text: "import { price } from './price';\n" },
          { start: script.indexOf('read(price'), end: script.indexOf('read(price') + 4, text: 'write' },
        ],
      },
    ],
    ['nothing', { title: 'Ignore', isPreferred: true, parts: [] }],
  ])('is not %s', (_, fix) => expect(offerFor(script, 'price', [fix])).toBeUndefined());

  it('is not offered for a name that is imported, or for what is no name', () => {
    const fix = insert(script, '', "import { read } from './b';\n");
    expect(offerFor(script, 'read', [fix])).toBeUndefined();
    expect(
      offerFor(script, 'price)', [insert(script, '', "import { price } from './a';\n")]),
    ).toBeUndefined();
  });

  it('says where it is used, and in which line it is written', () => {
    const [start, at] = [script.indexOf('price'), script.indexOf('read(')];
    const parts = [{ start: at, end: at, text: "import { price } from './price';\n" }];
    const fix = { title: 'Add import', isPreferred: false, parts };
    const document = { path: 'a.ts', languageId: 'typescript', text: script };
    expect(importOffer(document, { start, end: start + 5 }, [fix])).toEqual({
      path: 'a.ts',
      line: 1,
      parts,
      why: 'import',
      pattern: 'import price: Add import',
      import: { title: 'Add import', at: start + 5 },
    });
  });
});
