/**
 * The in-memory index of a repository's files. A query scans every file's numbers, which takes milliseconds for twenty
 * thousand files; so a changed file is simply replaced, and nothing else needs updating.
 */
import { isImported } from '../completion/index.ts';
import { indexedLanguageOf } from './languages/index.ts';
import { uses } from './names.ts';
import { definitionAt, definitionCount, nameAt, type Definition, type FileSymbols } from './symbols.ts';

export interface IndexedFile extends FileSymbols {
  /** The file's modification time (ms since 1970) and size in bytes when it was read. */
  mtimeMs: number;
  size: number;
}

export interface FoundDefinition extends Definition {
  path: string;
}

/** Paths are relative to the repository, with "/". */
export class RepositoryIndex {
  private readonly byPath = new Map<string, IndexedFile>();
  /** By the last part of a path without its extension, for import statements. */
  private readonly byStem = new Map<string, Set<string>>();

  get size(): number {
    return this.byPath.size;
  }

  get files(): ReadonlyMap<string, IndexedFile> {
    return this.byPath;
  }

  update(path: string, file: IndexedFile): void {
    if (!this.byPath.has(path))
      for (const stem of stemsOf(path)) {
        const paths = this.byStem.get(stem);
        if (paths) paths.add(path);
        else this.byStem.set(stem, new Set([path]));
      }
    this.byPath.set(path, file);
  }

  /** Removes a file, or all files in a folder. Returns how many there were. */
  remove(path: string): number {
    if (this.byPath.has(path)) {
      this.forget(path);
      return 1;
    }
    const within = [...this.byPath.keys()].filter((nested) => nested.startsWith(`${path}/`));
    for (const nested of within) this.forget(nested);
    return within.length;
  }

  private forget(path: string): void {
    this.byPath.delete(path);
    for (const stem of stemsOf(path)) {
      const paths = this.byStem.get(stem);
      paths?.delete(path);
      if (paths?.size === 0) this.byStem.delete(stem);
    }
  }

  /**
   * All definitions of these names (see nameHash), by name. A name with more than `most` definitions is left out as too
   * common.
   */
  definitionsOf(names: ReadonlySet<number>, most: number): Map<number, FoundDefinition[]> {
    const found = new Map<number, FoundDefinition[]>();
    for (const [path, file] of this.byPath) {
      const count = definitionCount(file);
      for (let index = 0; index < count; index += 1) {
        const name = nameAt(file, index);
        if (!names.has(name)) continue;
        const known = found.get(name);
        const definition = { ...definitionAt(file, index), path };
        if (!known) found.set(name, [definition]);
        else if (known.length <= most) known.push(definition);
      }
    }
    for (const [name, all] of found) if (all.length > most) found.delete(name);
    return found;
  }

  /** The files that use a name; none if there are more than `most`, because it is too common. */
  usersOf(name: number, most: number): string[] {
    const found: string[] = [];
    for (const [path, file] of this.byPath) if (uses(file.names, name) && found.push(path) > most) return [];
    return found;
  }

  /** The files that these stems of import statements refer to; see importedStems. */
  imported(stems: readonly string[]): string[] {
    const found = new Set<string>();
    for (const stem of stems) {
      const [last, parent] = stem.split('/').reverse();
      for (const part of [last, parent])
        for (const path of (part && this.byStem.get(part)) || [])
          if (isImported({ path }, [stem])) found.add(path);
    }
    return [...found];
  }
}

/**
 * The names by which an import statement may refer to a file: its own, and that of its folder, which may be a package.
 */
function stemsOf(path: string): string[] {
  const names = path.split('/');
  const own = (names.at(-1) ?? '').replace(/\.\w+$/, '');
  const folder = names.at(-2);
  const alone = ['index', 'mod', '__init__'].includes(own) || indexedLanguageOf(path)?.grammar === 'go';
  return folder !== undefined && alone ? [own, folder] : [own];
}
