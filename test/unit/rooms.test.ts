/** The rooms described in docs/architecture.md, and cycles: what the lint rule about floors does not check. */
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
