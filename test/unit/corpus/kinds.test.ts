import { expect, it } from 'vitest';
import { kindOf, measuredKind } from '../../../src/corpus/kinds.ts';

it.each([
  [
    'code',
    'src/main.py',
    'Makefile',
    'web/index.html',
    'a.css',
    'schema.sql',
    'CMakeLists.txt',
    'tool',
    'b.d.ts',
  ],
  ['code', 'src/history.ts', 'lib/changes.go', 'news/feed.rb', 'license.js', 'src/md/parse.rs', 'row 12'],
  [
    'prose',
    'README.md',
    'CHANGES',
    'CHANGES.rst',
    'docs/a.adoc',
    'notes.org',
    'docs/guide.mdx',
    'HISTORY.txt',
  ],
  ['prose', 'LICENSE', 'LICENSE-MIT', 'pkg/readme', 'NEWS', 'AUTHORS', 'Changelog.Md'],
  ['data', 'package.json', '.github/ci.yml', 'pyproject.toml', 'requirements-dev.txt', 'pom.xml', 'a.ini'],
  ['data', 'locale/de.po', 'rows.csv', 'robots.txt', 'poetry.lock', 'plots.ipynb'],
] as const)('%s: %s, %s, %s, %s, ...', (kind, ...paths) => {
  expect(paths.map((path) => [path, kindOf(path)])).toEqual(paths.map((path) => [path, kind]));
});

it('measures code if there is any, else prose, else data', () => {
  expect(measuredKind(() => true)).toBe('code');
  expect(measuredKind((kind) => kind !== 'code')).toBe('prose');
  expect(measuredKind((kind) => kind === 'data')).toBe('data');
  expect(measuredKind(() => false)).toBeUndefined();
});
