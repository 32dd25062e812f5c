/** Parses files with tree-sitter, and frees its memory. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type * as TreeSitter from './tree-sitter.ts';
import { reportError } from '../text/errors.ts';
import { indexedLanguageOf, type IndexedLanguage } from './languages/index.ts';
import { namesOnly, symbolsOf, type FileSymbols } from './symbols.ts';

/** Time limit for one file: a grammar can take very long for broken text. */
const MAX_PARSE_MS = 2000;
/** After this many characters the parser is recreated, because it keeps the memory that its largest file needed. */
const RECYCLE_AFTER = 20_000_000;

interface Loaded {
  language: TreeSitter.Language;
  query: TreeSitter.Query;
}

export interface SymbolParserOptions {
  /** Folder of `tree-sitter.wasm` and the grammars. */
  folder: string;
  /** Called once for each grammar that can't be loaded. */
  onProblem?: (message: string) => void;
}

export class SymbolParser {
  private readonly loaded = new Map<string, Promise<Loaded | undefined>>();
  private parser: TreeSitter.Parser | undefined;
  private charactersParsed = 0;

  private constructor(
    private readonly treeSitter: typeof TreeSitter,
    private readonly options: SymbolParserOptions,
  ) {}

  /** Throws if tree-sitter itself can't be loaded. */
  static async open(options: SymbolParserOptions): Promise<SymbolParser> {
    const treeSitter = await import('./tree-sitter.ts');
    await treeSitter.Parser.init({ locateFile: () => join(options.folder, 'tree-sitter.wasm') });
    return new SymbolParser(treeSitter, options);
  }

  /** A file without a grammar, or that does not parse in time, has names but no definitions. */
  async symbolsIn(path: string, text: string): Promise<FileSymbols> {
    const language = indexedLanguageOf(path);
    const loaded = language && (await this.load(language));
    if (!loaded) return namesOnly(text);
    try {
      return this.parse(loaded, text) ?? namesOnly(text);
    } catch (error) {
      // What the WebAssembly module held may be damaged.
      this.recycle();
      this.options.onProblem?.(`${path} could not be parsed: ${reportError(error).message}`);
      return namesOnly(text);
    }
  }

  private parse({ language, query }: Loaded, text: string): FileSymbols | undefined {
    this.charactersParsed += text.length;
    if (this.charactersParsed > RECYCLE_AFTER) this.recycle();
    this.parser ??= new this.treeSitter.Parser();
    this.parser.setLanguage(language);
    const until = performance.now() + MAX_PARSE_MS;
    const isLate = () => performance.now() > until;
    const tree = this.parser.parse(text, null, { progressCallback: isLate });
    if (!tree) {
      this.parser.reset();
      return undefined;
    }
    try {
      return symbolsOf(text, query.matches(tree.rootNode, { progressCallback: isLate }));
    } finally {
      tree.delete();
    }
  }

  private recycle(): void {
    this.parser?.delete();
    this.parser = undefined;
    this.charactersParsed = 0;
  }

  private load(language: IndexedLanguage): Promise<Loaded | undefined> {
    const { grammar } = language;
    const known = this.loaded.get(grammar);
    if (known) return known;
    const loading = this.loadNow(language).catch((error: unknown) => {
      this.options.onProblem?.(
        `The grammar ${grammar} can't be loaded, so its files have no definitions: ${reportError(error).message}`,
      );
      return undefined;
    });
    this.loaded.set(grammar, loading);
    return loading;
  }

  private async loadNow({ grammar, definitions }: IndexedLanguage): Promise<Loaded> {
    const file = join(this.options.folder, `tree-sitter-${grammar}.wasm`);
    if (!existsSync(file)) throw new Error(`${file} is missing`);
    const language = await this.treeSitter.Language.load(file);
    return { language, query: new this.treeSitter.Query(language, definitions) };
  }

  close(): void {
    this.recycle();
  }
}
