/** The files of a corpus as the editor sees them: complete, and by folder. */
import type { Tokenizer } from '../../llama-cpp/tokenizer.ts';
import type { OtherFile } from '../../completion/index.ts';
import type { Corpus } from '../../corpus/index.ts';
import { judgeName, nearestFirst } from '../../corpus/names.ts';
import { locate, type NamedFolder } from '../../protocol/folders.ts';

type KeptDocument = Corpus['documents'][number];

/** A file, with its path in its folder, as completion reads it. */
export interface CorpusFile {
  path: string;
  /** Read from disk each time. */
  text(): string;
}

export class CorpusFiles {
  /** By folder name and path. A file that was split into several documents is one file here. */
  private readonly folders = new Map<string, Map<string, CorpusFile>>();
  /** Neighbouring files have the same nearest files, so the texts for the last path are kept. */
  private texts = new Map<CorpusFile, string>();

  constructor(
    private readonly corpus: Pick<Corpus, 'documents' | 'train' | 'heldOut'>,
    private readonly tokenizer: Pick<Tokenizer, 'decode' | 'fim' | 'fileSeparator'>,
    private readonly folderList: readonly NamedFolder[] = [],
  ) {
    const partsByPath = new Map<string, KeptDocument[]>();
    for (const document of corpus.documents) {
      const parts = partsByPath.get(document.path);
      if (parts) parts.push(document);
      else partsByPath.set(document.path, [document]);
    }
    for (const [document, parts] of partsByPath) {
      const { folder, path } = this.locate(document);
      const files = this.folders.get(folder) ?? new Map<string, CorpusFile>();
      this.folders.set(folder, files.set(path, { path, text: () => this.readText(parts) }));
    }
  }

  /** The name of a document's folder (empty if there is only one), and its path there. */
  locate(document: string): { folder: string; path: string } {
    const { folder, path } = locate(this.folderList, document) ?? { path: document };
    return { folder: folder?.name ?? '', path };
  }

  /** Replaces the text of a file, adds one, or removes one. */
  put(folder: string, path: string, text: string | undefined): void {
    const files = this.filesOf(folder);
    if (text === undefined) files.delete(path);
    else files.set(path, { path, text: () => text });
  }

  /** By path. */
  inFolder(folder: string): ReadonlyMap<string, CorpusFile> {
    return this.filesOf(folder);
  }

  private filesOf(folder: string): Map<string, CorpusFile> {
    const files = this.folders.get(folder) ?? new Map<string, CorpusFile>();
    this.folders.set(folder, files);
    return files;
  }

  /** The texts of all files. */
  *allTexts(): Generator<string> {
    for (const files of this.folders.values()) for (const { text } of files.values()) yield text();
  }

  /**
   * The `count` files of its folder that are nearest to a document, nearest first. Rows of a data set are not files.
   */
  nearest(document: string, count: number): OtherFile[] {
    const { folder, path } = this.locate(document);
    const files = this.inFolder(folder);
    const others = [...files.keys()].filter((other) => other !== path && 'take' in judgeName(other));
    const nearest = nearestFirst(others, path)
      .slice(0, count)
      .map((other) => files.get(other)!);
    this.texts = new Map(nearest.map((file) => [file, this.texts.get(file) ?? file.text()]));
    return nearest.map((file) => ({ path: file.path, text: this.texts.get(file)! }));
  }

  private readText(parts: readonly KeptDocument[]): string {
    const { train, heldOut } = this.corpus;
    return parts
      .toSorted((a, b) => (a.fromLine ?? 1) - (b.fromLine ?? 1))
      .map(({ split, offset, tokens }) =>
        originalText((split === 'train' ? train : heldOut).read(offset, tokens), this.tokenizer),
      )
      .join('');
  }
}

/**
 * A document's text from its tokens, without a repository's heading. If an earlier version moved the middle to the end
 * in the token file (fill-in-the-middle), it is moved back.
 */
export function originalText(
  tokens: Int32Array,
  { decode, fim, fileSeparator }: Pick<Tokenizer, 'decode' | 'fim' | 'fileSeparator'>,
): string {
  const from = fileSeparator === undefined ? 0 : tokens.lastIndexOf(fileSeparator) + 1;
  const own = tokens.subarray(from);
  const [prefix, suffix, middle] = fim
    ? [own.indexOf(fim.prefix), own.indexOf(fim.suffix), own.indexOf(fim.middle)]
    : [-1, -1, -1];
  const cut = prefix >= 0 && prefix < suffix && suffix < middle;
  // Either prefix, suffix, middle or, in half of the files, suffix, prefix and middle together.
  const parts = cut
    ? [
        own.subarray(0, prefix),
        own.subarray(prefix + 1, suffix),
        own.subarray(middle + 1),
        own.subarray(suffix + 1, middle),
      ]
    : [own];
  const text = parts.map((part) => decode(part)).join('');
  return from > 0 ? text.slice(text.indexOf('\n') + 1) : text;
}
