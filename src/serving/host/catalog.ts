/** The adapters and whole models by name. Notices when their files have changed since they were checked. */
import { readModelFile, type ModelFile } from '../../llama-cpp/llama.ts';
import { UserError } from '../../text/errors.ts';
import { checkAdapter } from './adapter-check.ts';
import { BASE_MODEL, type AdapterFile, type ServedModel } from '../host-types.ts';
import { HttpError, unknownModel } from '../http-error.ts';
import { identify } from '../identify.ts';

export interface CatalogEntry {
  name: string;
  path: string;
  kind: 'adapter' | 'model';
  scale: number;
  /** Changes if the file is replaced. */
  version: string;
  bytes: number;
  /** Number of matrices that an adapter changes. */
  linears: number;
}

export class Catalog {
  /** Adapters and whole models, in the order in which they were added. */
  private readonly entries = new Map<string, CatalogEntry>();

  constructor(private readonly base: ModelFile) {}

  get names(): string[] {
    return this.models.map(({ name }) => name);
  }

  get models(): ServedModel[] {
    return [
      { name: BASE_MODEL, kind: 'base', path: this.base.path },
      ...[...this.list('adapter'), ...this.list('model')].map(({ name, kind, path }) => ({
        name,
        kind,
        path,
      })),
    ];
  }

  private list(kind: CatalogEntry['kind']): CatalogEntry[] {
    return [...this.entries.values()].filter((entry) => entry.kind === kind);
  }

  /**
   * Throws UserError `bad-argument` if the name is taken (`replace` allows another adapter's), and like checkAdapter.
   */
  async addAdapter({ name, path, scale = 1 }: AdapterFile, replace = false): Promise<void> {
    this.requireFree(name, replace);
    const linears = await checkAdapter(path, this.base);
    this.requireFree(name, replace);
    this.entries.set(name, { name, path, kind: 'adapter', scale, linears, ...(await identify(path)) });
  }

  async addModel({ name, path }: { name: string; path: string }): Promise<void> {
    this.requireFree(name);
    await readModelFile(path);
    this.entries.set(name, { name, path, kind: 'model', scale: 1, linears: 0, ...(await identify(path)) });
  }

  private requireFree(name: string, replace = false): void {
    const existing = name === BASE_MODEL ? 'base' : this.entries.get(name)?.kind;
    if (existing === undefined || (replace && existing === 'adapter')) return;
    throw new UserError(
      'bad-argument',
      `The name "${name}" is used for more than one model.`,
      `Give each adapter its own name; "${BASE_MODEL}" is the base's.`,
    );
  }

  /** Returns false if there is no such adapter. */
  remove(name: string): boolean {
    return this.entries.get(name)?.kind === 'adapter' && this.entries.delete(name);
  }

  /**
   * The entry for `name`; undefined for the base. A replaced file is checked again. Throws HttpError 404 for an unknown
   * name, or if the file can't be found now (the entry stays: a network drive may come back), and like checkAdapter or
   * readModelFile.
   */
  async find(name: string): Promise<CatalogEntry | undefined> {
    if (name === BASE_MODEL) return undefined;
    const entry = this.entries.get(name);
    if (!entry) throw unknownModel(name, this.names);
    const now = await identify(entry.path).catch((error: NodeJS.ErrnoException) => {
      const what = error.code === 'ENOENT' ? 'was deleted' : `can't be read (${error.code})`;
      throw new HttpError(404, 'model_not_found', `The file of "${name}", ${entry.path}, ${what}.`);
    });
    if (now.version === entry.version) return entry;
    const replaced = { ...entry, ...now };
    if (entry.kind === 'adapter') replaced.linears = await checkAdapter(entry.path, this.base);
    else await readModelFile(entry.path);
    if (this.entries.get(name) === entry) this.entries.set(name, replaced);
    return replaced;
  }
}
