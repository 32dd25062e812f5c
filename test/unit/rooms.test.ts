/** The rooms described in docs/architecture.md: who imports whom, how full they are, and what only one file may do. */
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import ts from 'typescript';
import { expect, it } from 'vitest';

const MAX_FILES = 24;

const filesIn = (...roots: string[]) =>
  roots.flatMap((root) =>
    readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.parentPath.includes('__pycache__'))
      .map(({ parentPath, name }) => posix.join(parentPath, name)),
  );
const files = filesIn('src', 'webview');
const rooms = [
  ...new Set(
    files.flatMap((file) => {
      const names = file.split('/');
      return names.slice(1).map((_, at) => names.slice(0, at + 1).join('/'));
    }),
  ),
].sort();

/** Every import of one of our files by these. */
const importsOf = (importers: readonly string[]) =>
  importers
    .filter((file) => file.endsWith('.ts'))
    .flatMap((from) =>
      ts
        .preProcessFile(readFileSync(from, 'utf8'))
        .importedFiles.filter(({ fileName }) => fileName.startsWith('.'))
        .map(({ fileName }) => ({ from, to: posix.join(posix.dirname(from), fileName) })),
    );
const imports = importsOf(files);

/** The house, from the ground up. A folder of src imports only from the floors below, never from its own or from above. */
const floors = [
  ['text', 'statistics'],
  ['platform', 'protocol'],
  ['findings', 'packages', 'gguf', 'completion'],
  ['tensor', 'base-models', 'runs', 'next-edit'],
  ['model', 'llama-cpp', 'corpus'],
  ['weights', 'repository'],
  ['serving'],
  ['next-edit-finder', 'training'],
  ['export'],
  ['evaluation'],
  ['sharing', 'reproduce'],
  ['cluster'],
  ['cli', 'extension'],
];

/** The imports from folders or files of the first list by those of the second, unless `except` allows them. */
const importsBetween = (to: readonly string[], by: readonly string[], except: readonly string[] = []) => {
  const isIn = (file: string, places: readonly string[]) =>
    places.some((place) => file === place || file.startsWith(`${place}/`));
  return imports.flatMap((one) =>
    isIn(one.from, by) && isIn(one.to, to) && !isIn(one.to, except) ? [`${one.from} -> ${one.to}`] : [],
  );
};
const src = (...names: string[]) => names.map((name) => `src/${name}`);

/** The imports that form a cycle within `room`, with each folder counted as one. */
const circleIn = (room: string) =>
  circleOf(imports, (file) =>
    file.startsWith(`${room}/`) ? file.slice(room.length + 1).split('/')[0] : undefined,
  );

/** The imports that form a cycle of the parts that files belong to. */
function circleOf(
  among: ReturnType<typeof importsOf>,
  partOf: (file: string) => string | undefined,
): string[] {
  const needs = new Map<string, Map<string, string>>();
  for (const { from, to } of among) {
    const [one, other] = [partOf(from), partOf(to)];
    if (one === undefined || other === undefined || one === other) continue;
    needs.set(one, (needs.get(one) ?? new Map<string, string>()).set(other, `${from} -> ${to}`));
  }
  const done = new Set<string>();
  const search = (part: string, path: readonly string[], taken: readonly string[]): string[] => {
    if (path.includes(part)) return taken.slice(path.indexOf(part));
    if (done.has(part)) return [];
    for (const [next, by] of needs.get(part) ?? []) {
      const circle = search(next, [...path, part], [...taken, by]);
      if (circle.length > 0) return circle;
    }
    done.add(part);
    return [];
  };
  return [...needs.keys()].map((part) => search(part, [], [])).find(({ length }) => length > 0) ?? [];
}

it('imports point downwards', () => {
  const folders = new Set(files.filter((file) => file.startsWith('src/')).map((file) => file.split('/')[1]!));
  expect(floors.flat().toSorted()).toEqual([...folders].toSorted());
  const upwards = floors.flatMap((floor, level) =>
    floor.flatMap((folder) => {
      const others = [...floor.filter((other) => other !== folder), ...floors.slice(level + 1).flat()];
      return importsBetween(src(...others), src(folder));
    }),
  );
  expect(upwards).toEqual([]);
});

it('the extension host never computes', () =>
  expect(importsBetween(src('cli', 'tensor', 'model', 'gguf'), ['src/extension'])).toEqual([]));

it('the panel, which runs in a browser, imports only what needs neither Node nor the editor', () => {
  const pure = ['text', 'protocol', 'statistics', 'findings', 'base-models/registry.ts', 'corpus/reasons.ts'];
  expect(importsBetween(['src'], ['webview'], src(...pure))).toEqual([]);
  expect(importsBetween(['webview'], ['src'])).toEqual([]);
});

it.each([
  // A terminal obeys what others wrote.
  ['src/cli', 'view/output.ts', 'prints', /\.write\(/],
  // The editor makes links and pictures of what others wrote.
  [
    'src/extension',
    'editor-ui.ts',
    'shows a message',
    /\bwindow\.(show(Information|Warning|Error)Message|setStatusBarMessage|showQuickPick|withProgress)\b|\bnew (\w+\.)?MarkdownString\(/,
  ],
])('in %s, only %s %s', (room, only, _, sign) => {
  const others = files.filter((file) => file.startsWith(`${room}/`) && file !== `${room}/${only}`);
  expect(others.filter((file) => sign.test(readFileSync(file, 'utf8')))).toEqual([]);
  expect(readFileSync(`${room}/${only}`, 'utf8')).toMatch(sign);
});

it('no files and folders of a room import each other in a cycle', () =>
  expect(rooms.map(circleIn).filter(({ length }) => length > 0)).toEqual([]));

it('no files of tests and benchmarks import each other in a cycle', () => {
  // Without test/e2e, which has no TypeScript, but a node_modules.
  const roots = ['attack', 'integration', 'support', 'unit'].map((name) => `test/${name}`);
  expect(circleOf(importsOf(filesIn('bench', ...roots)), (file) => file)).toEqual([]);
});

it(`no room has more than ${MAX_FILES} files outside its folders`, () => {
  const own = (room: string) => files.filter((file) => posix.dirname(file) === room).length;
  expect(rooms.filter((room) => own(room) > MAX_FILES)).toEqual([]);
});

// Else the line of a new chart or task in its index.ts could be forgotten without anybody noticing.
it('every file is the entry point of a bundle or is imported by another one', () => {
  const imported = new Set(imports.map(({ to }) => to));
  const bundled = ['esbuild.mjs', 'scripts/prebuilt-binding.mjs']
    .map((path) => readFileSync(path, 'utf8'))
    .join();
  const isUsed = (file: string) => imported.has(file) || bundled.includes(file);
  expect(files.filter((file) => /(?<!\.d)\.ts$/.test(file) && !isUsed(file))).toEqual([]);
});
