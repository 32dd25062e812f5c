/** Recovers the text of a corpus's files from tokens: the files that might be open besides a held-out one. */
import type { Tokenizer } from '../base-models/tokenizer.ts';
import type { OtherFile } from '../completion/index.ts';
import type { Corpus } from '../corpus/index.ts';
import { locate, type NamedFolder } from '../protocol/folders.ts';

type Kept = Corpus['documents'][number];

/**
 * A function that gives, for a document's path, the `count` files of the corpus that are nearest by folder, nearest
 * first. With several `folders`, these are files of the same one, with their paths in it, as completion reads them.
 */
export function nearestFiles(
  corpus: Pick<Corpus, 'documents' | 'train' | 'heldOut'>,
  tokenizer: Pick<Tokenizer, 'decode' | 'fim' | 'fileSeparator'>,
  count: number,
  folders: readonly NamedFolder[] = [],
): (path: string) => OtherFile[] {
  const files = corpus.documents;
  const textOf = ({ split, offset, tokens }: Kept) =>
    originalText((split === 'train' ? corpus.train : corpus.heldOut).read(offset, tokens), tokenizer);
  // Neighbouring files have the same nearest files, so the texts for the last path are kept.
  let texts = new Map<Kept, string>();
  const rootOf = (path: string) => locate(folders, path);
  return (path) => {
    const root = rootOf(path)?.folder;
    const nearest = files
      .filter((entry) => entry.path !== path && rootOf(entry.path)?.folder === root)
      .map((entry) => ({ entry, shared: sharedFolders(entry.path, path) }))
      .sort((a, b) => b.shared - a.shared)
      .slice(0, count)
      .map(({ entry }) => entry);
    texts = new Map(nearest.map((entry) => [entry, texts.get(entry) ?? textOf(entry)]));
    return nearest.map((entry) => ({
      path: rootOf(entry.path)?.path ?? entry.path,
      text: texts.get(entry)!,
    }));
  };
}

/** Number of folders that two paths share from the root on, plus a half for the same extension. */
function sharedFolders(a: string, b: string): number {
  const [one, two] = [a.split('/'), b.split('/')];
  let shared = 0;
  while (shared < Math.min(one.length, two.length) - 1 && one[shared] === two[shared]) shared += 1;
  const ending = (path: string) => /\.\w+$/.exec(path)?.[0];
  return shared + (ending(a) === ending(b) ? 0.5 : 0);
}

/**
 * A document's text from its tokens, without a repository's heading. If an earlier version has put the middle last in
 * the token file (fill-in-the-middle), it is put back in its place.
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
