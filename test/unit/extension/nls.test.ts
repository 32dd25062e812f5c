/** What VS Code shows from package.json, in each language. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { keyOf, manifestIn, textsIn, translations, type Language } from '../../support/manifest.ts';

interface Manifest {
  description: string;
  capabilities: unknown;
  contributes: {
    commands: { command: string; title: string }[];
    configuration: { properties: Record<string, { order?: number }> };
  };
}

/** Fields that VS Code shows, anywhere in `contributes`. `markdown` is a file that it shows. */
const shown = [
  'title',
  'shortTitle',
  'category',
  'name',
  'contextualTitle',
  'contents',
  'label',
  'displayName',
  'description',
  'markdownDescription',
  'enumDescriptions',
  'markdownEnumDescriptions',
  'enumItemLabels',
  'deprecationMessage',
  'markdownDeprecationMessage',
  'errorMessage',
  'patternErrorMessage',
  'markdown',
  'altText',
];

/** All strings of `value` with their field names; those in a list have the list's name. */
function stringsOf(value: unknown, field = ''): [field: string, text: string][] {
  if (typeof value === 'string') return [[field, value]];
  if (Array.isArray(value)) return value.flatMap((item) => stringsOf(item, field));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, item]) => stringsOf(item, name));
}

const raw = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest;
const strings = stringsOf([{ description: raw.description }, raw.capabilities, raw.contributes]);
const keys = strings.flatMap(([, text]) => keyOf(text) ?? []);
const english = textsIn('en');

describe('package.json', () => {
  it('shows no literal text, except the name of the product', () => {
    const own = strings.filter(
      ([field, text]) => shown.includes(field) && !keyOf(text) && text !== 'Forget-Me-Not',
    );
    expect(own).toEqual([]);
    expect(new Set(keys).size).toBeGreaterThan(60);
  });

  it('has no sentence in a field that the list above does not know', () => {
    const others = strings.filter(([field, text]) => !shown.includes(field) && /\p{L} \p{L}/u.test(text));
    expect(others).toEqual([]);
  });

  it('gives each setting its own place in the list', () => {
    const orders = Object.values(raw.contributes.configuration.properties).map(({ order }) => order);
    expect(orders.filter((order, at) => order === undefined || orders.indexOf(order) !== at)).toEqual([]);
  });

  it.each(['en', ...translations] as const)('has a text for each key, and no other texts: %s', (language) => {
    const texts = textsIn(language);
    expect(Object.keys(texts)).toEqual([...new Set(keys)].sort((a, b) => a.localeCompare(b, 'en')));
    expect(Object.keys(texts).filter((key) => !texts[key]!.trim())).toEqual([]);
  });
});

/** What a translation leaves unchanged: code, links, URLs, placeholders, emphasis, and the product's name. */
const kept = (text: string): string[] =>
  (
    text.match(/`[^`]*`|\]\([^)]*\)|https?:\/\/[^\s)]+|\{\d+\}|\$\([\w-]+\)|\*+|\n|\d+|Forget-Me-Not/g) ?? []
  ).sort();

/** The kind of each line of a Markdown file; for tables the number of columns of each row. */
const shapeOf = (markdown: string): string[] =>
  markdown.split('\n').map((line) => {
    if (line.startsWith('|')) return `row of ${line.split('|').length - 2}`;
    return /^(#+|-|\d+\.) /.exec(line)?.[1] ?? (line && 'text');
  });

const read = (path: string) => readFileSync(path, 'utf8');
const isPage = (text: string) => /^media\/.+\.md$/.test(text);

/** The texts of a language by key, each walkthrough page by its content. */
const contentsIn = (language: Language): [key: string, content: string][] =>
  Object.entries(textsIn(language)).map(([key, text]) => [key, isPage(text) ? read(text) : text]);

const titlesIn = (language: Language) =>
  manifestIn<Manifest>(language).contributes.commands.map(({ title }) => title);

describe.each(translations)('in %s', (language) => {
  const original = contentsIn('en');
  const translated = contentsIn(language);
  const texts = textsIn(language);
  const pages = Object.keys(english).filter((key) => isPage(english[key]!));

  it('leaves nothing in English', () => {
    const before = new Map(original);
    expect(translated.filter(([key, text]) => text === before.get(key))).toEqual([]);
    if (language === 'zh-cn')
      expect(translated.filter(([, text]) => !/\p{Script=Han}/u.test(text))).toEqual([]);
  });

  it('keeps code, links and the like', () =>
    expect(translated.map(([key, text]) => [key, kept(text)])).toEqual(
      original.map(([key, text]) => [key, kept(text)]),
    ));

  it('uses the titles of commands', () => {
    const after = new Map(translated);
    const titles = titlesIn(language);
    // In a text, a command is emphasised or a link.
    const calls = titlesIn('en').flatMap((title, at) =>
      [`*${title}*`, `[${title}](`].map((call) => [call, call.replace(title, titles[at]!)]),
    );
    const found = original.flatMap(([key, text]) =>
      calls.filter(([call]) => text.includes(call!)).map(([, call]) => [key, call!] as const),
    );
    expect(found.length).toBeGreaterThan(10);
    expect(found.filter(([key, call]) => !after.get(key)!.includes(call))).toEqual([]);
    expect(new Set(titles).size).toBe(titles.length);
  });

  it('has walkthrough pages of the same structure', () => {
    expect(pages).toHaveLength(4);
    for (const key of pages) {
      expect(texts[key]).toBe(english[key]!.replace(/\.md$/, `.${language}.md`));
      expect([key, shapeOf(read(texts[key]!))]).toEqual([key, shapeOf(read(english[key]!))]);
    }
  });
});
