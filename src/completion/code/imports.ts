/** Finds which open files a file imports, judging only by its import statements and the files' paths. */
import type { OtherFile } from '../types.ts';

/** Characters at a file's beginning, where import statements are. */
const HEAD = 8000;

const statements: Record<string, readonly RegExp[]> = {
  python: [/^\s*from\s+([.\w]+)\s+import\b/gm, /^\s*import\s+([\w.]+)/gm],
  go: [/^\s*(?:import\s+)?(?:[\w.]+\s+)?"([\w./-]+)"\s*$/gm],
  rust: [/\b(?:use|mod)\s+((?:\w+::)*\w+)/g],
  java: [/^\s*import\s+(?:static\s+)?([\w.]+)/gm],
  kotlin: [/^\s*import\s+([\w.]+)/gm],
  c: [/^\s*#\s*include\s*["<]([^">]+)[">]/gm],
};
const script = [/\b(?:from|import|require)\s*\(?\s*['"]([^'"\n]+)['"]/g];

function importPatterns(languageId: string): readonly RegExp[] {
  if (/^(?:type|java)script/.test(languageId) || languageId === 'vue' || languageId === 'svelte')
    return script;
  return statements[languageId === 'cpp' ? 'c' : languageId] ?? [];
}

/** Paths without extensions, such as `corpus/fim`, that the head of a file imports. */
export function importedStems(head: string, languageId: string): string[] {
  const stems = new Set<string>();
  for (const pattern of importPatterns(languageId))
    for (const [, name] of head.slice(0, HEAD).matchAll(pattern)) {
      const stem = toStem(name ?? '', languageId);
      if (stem) stems.add(stem);
    }
  return [...stems];
}

function toStem(name: string, languageId: string): string {
  // The folder of "../x" does not matter: files that are open together rarely have the same name.
  if (languageId === 'python' || languageId === 'java' || languageId === 'kotlin')
    return name.replace(/^\.+/, '').replaceAll('.', '/');
  if (languageId === 'rust') return name.replace(/^(?:crate|super|self)::/, '').replaceAll('::', '/');
  return withoutExtension(name.replace(/^(?:[@~]\/|\.{1,2}\/)+/, ''));
}

const withoutExtension = (path: string): string => path.replace(/(?:\/(?:index|mod|__init__))?\.\w+$/, '');

/** Whether one of the stems refers to this file: as the module, an item's module, or the package's folder. */
export function isImported({ path }: Pick<OtherFile, 'path'>, stems: readonly string[]): boolean {
  const own = `/${withoutExtension(path)}`;
  const folder = own.slice(0, own.lastIndexOf('/'));
  return stems.some((stem) => {
    const parent = stem.slice(0, Math.max(0, stem.lastIndexOf('/')));
    const matchesName = own.endsWith(`/${stem}`) || (folder !== '' && `/${stem}`.endsWith(folder));
    return matchesName || (parent !== '' && own.endsWith(`/${parent}`));
  });
}
