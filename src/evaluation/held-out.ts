/**
 * Held-out documents, and places in them. Places are counted first and only the chosen ones are made, so that of all
 * the text one document's is in memory at a time.
 */
import type { Tokenizer } from '../base-models/tokenizer.ts';
import type { Corpus } from '../corpus/index.ts';
import { spread } from './statistics.ts';

export interface HeldOutDocument {
  file: string;
  /** From 1. */
  fromLine: number;
  /** As it was learned; read where it lies each time. */
  text(): string;
}

export const heldOutDocuments = (
  { documents, heldOut }: Pick<Corpus, 'documents' | 'heldOut'>,
  { decode }: Pick<Tokenizer, 'decode'>,
): HeldOutDocument[] =>
  documents
    .filter(({ split }) => split === 'held-out')
    .map(({ path, fromLine, offset, tokens }) => ({
      file: path,
      fromLine: fromLine ?? 1,
      // Special tokens, such as the one that ends a document, decode to nothing.
      text: () => decode(heldOut.read(offset, tokens)),
    }));

/** A kind of place: how many are wanted, and in a document all there are, each as what makes it. */
export interface PlaceKind<T> {
  count: number;
  placesIn(text: string, document: HeldOutDocument): (() => T)[];
}

/** For each kind its places, evenly over all of that kind in all documents, in their order. */
export function choosePlaces<T>(
  documents: readonly HeldOutDocument[],
  kinds: readonly PlaceKind<T>[],
): T[][] {
  const sizes = kinds.map(() => new Uint32Array(documents.length));
  for (const [at, document] of documents.entries()) {
    const text = document.text();
    kinds.forEach(({ placesIn }, kind) => (sizes[kind]![at] = placesIn(text, document).length));
  }
  return kinds.map(({ count, placesIn }, kind) =>
    [...spreadOver(sizes[kind]!, count)].flatMap(([at, numbers]) => {
      const document = documents[at]!;
      const places = placesIn(document.text(), document);
      return numbers.map((number) => places[number]!());
    }),
  );
}

/** `count` of all that documents have, evenly; by document, the numbers of those that are its own. */
function spreadOver(sizes: Uint32Array, count: number): Map<number, number[]> {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const found = new Map<number, number[]>();
  let at = 0;
  let before = 0;
  for (const number of spread(total, count)) {
    while (number >= before + sizes[at]!) before += sizes[at++]!;
    found.set(at, [...(found.get(at) ?? []), number - before]);
  }
  return found;
}

/** A text of its own: a piece of a longer one would keep all of that in memory. */
export const ownText = (piece: string): string => Buffer.from(piece, 'utf16le').toString('utf16le');
