/**
 * Held-out documents, and places in them. Places are first counted, and then only the chosen ones are created, so that
 * only one document's text is in memory at a time.
 */
import type { Tokenizer } from '../../llama-cpp/tokenizer.ts';
import { limitToTenth } from '../../corpus/fair-shares.ts';
import { entryKind, type Corpus } from '../../corpus/index.ts';
import { uniform } from '../../statistics/random.ts';

export interface HeldOutDocument {
  file: string;
  /** From 1. */
  fromLine: number;
  /** The text as it was learned; read from disk each time. */
  text(): string;
}

/** The held-out documents of the measured kind. */
export const heldOutDocuments = (
  { documents, heldOut, measured }: Pick<Corpus, 'documents' | 'heldOut' | 'measured'>,
  { decode }: Pick<Tokenizer, 'decode'>,
): HeldOutDocument[] =>
  documents
    .filter((entry) => entry.split === 'held-out' && entryKind(entry) === measured)
    .map(({ path, fromLine, offset, tokens }) => ({
      file: path,
      fromLine: fromLine ?? 1,
      // Special tokens, such as the one that ends a document, decode to nothing.
      text: () => decode(heldOut.read(offset, tokens)),
    }));

/** A kind of place: how many are wanted, and all places in a document, each as a function that creates it. */
export interface PlaceKind<T> {
  count: number;
  placesIn(text: string, document: HeldOutDocument): (() => T)[];
}

/** Seed of the choice within files, so that the same places are chosen each time. */
const SEED = 20261126;

/**
 * The places of each kind, in the order of files, from as many files as possible (see `shareOut`), with at most a
 * tenth of all kinds together from one file. Later kinds prefer files that earlier ones did not use. Within a file,
 * whose text may be several documents, one place is drawn from each equal part.
 */
export function choosePlaces<T>(
  documents: readonly HeldOutDocument[],
  kinds: readonly PlaceKind<T>[],
): T[][] {
  const sizes = kinds.map(() => new Uint32Array(documents.length));
  for (const [at, document] of documents.entries()) {
    const text = document.text();
    kinds.forEach(({ placesIn }, kind) => (sizes[kind]![at] = placesIn(text, document).length));
  }
  const files = byFile(documents);
  const totals = sizes.map((own) => files.map((file) => file.reduce((sum, at) => sum + own[at]!, 0)));
  const taken = shareOutKinds(
    totals,
    kinds.map(({ count }) => count),
  );
  const random = uniform(SEED);
  return kinds.map(({ placesIn }, kind) => {
    const sizeOf = (at: number) => sizes[kind]![at]!;
    return files.flatMap((file, index) => {
      const numbers = oneOfEachPart(totals[kind]![index]!, taken[kind]![index]!, random);
      let before = 0;
      return file.flatMap((at) => {
        const from = before;
        before += sizeOf(at);
        const own = numbers.filter((number) => number >= from && number < before);
        if (own.length === 0) return [];
        const places = placesIn(documents[at]!.text(), documents[at]!);
        return own.map((number) => places[number - from]!());
      });
    });
  });
}

/** For each file the indices of its documents. */
function byFile(documents: readonly HeldOutDocument[]): number[][] {
  const found = new Map<string, number[]>();
  for (const [at, { file }] of documents.entries()) {
    const own = found.get(file);
    if (own) own.push(at);
    else found.set(file, [at]);
  }
  return [...found.values()];
}

/** Splits 0 .. length - 1 into `count` equal parts and draws a number from each. */
function oneOfEachPart(length: number, count: number, random: () => number): number[] {
  const begin = (part: number) => Math.floor((part * length) / count);
  return Array.from(
    { length: count },
    (_, part) => begin(part) + Math.floor(random() * (begin(part + 1) - begin(part))),
  );
}

/** How many places of each kind each file gives; it has `totals[kind][file]` of them. */
function shareOutKinds(totals: readonly (readonly number[])[], counts: readonly number[]): Uint32Array[] {
  const files = (totals[0] ?? []).filter((_, file) => totals.some((own) => own[file]! > 0)).length;
  const count = counts.reduce((sum, one) => sum + one, 0);
  return limitToTenth(
    { files, count },
    (limit) => {
      const earlier = new Uint32Array(totals[0]?.length ?? 0);
      return totals.map((own, kind) => {
        const taken = shareOut(own, counts[kind]!, earlier, limit);
        taken.forEach((many, file) => (earlier[file]! += many));
        return taken;
      });
    },
    (taken) => taken.reduce((sum, own) => sum + own.reduce((total, many) => total + many, 0), 0),
  );
}

/**
 * How many of `count` places each file gives; `sizes` says how many it has. No file gives another one while one that
 * has places left has given fewer, because places of one file resemble each other. Among equals, files with the least
 * in `earlier` come first. Together with `earlier`, no file gives more than `limit`.
 */
export function shareOut(
  sizes: ArrayLike<number>,
  count: number,
  earlier: ArrayLike<number> = new Uint32Array(sizes.length),
  limit = Infinity,
): Uint32Array {
  const taken = new Uint32Array(sizes.length);
  const leastOf = (some: readonly number[], numbers: ArrayLike<number>) => {
    const least = some.reduce((lowest, at) => Math.min(lowest, numbers[at]!), Infinity);
    return some.filter((at) => numbers[at] === least);
  };
  for (let left = count; left > 0;) {
    const open = Array.from(sizes, (_, at) => at).filter(
      (at) => sizes[at]! > taken[at]! && earlier[at]! + taken[at]! < limit,
    );
    if (open.length === 0) break;
    const next = leastOf(leastOf(open, taken), earlier);
    const drawn = next.length > left ? drawBySize(next, sizes, left) : next;
    for (const at of drawn) taken[at]! += 1;
    left -= drawn.length;
  }
  return taken;
}

/**
 * Draws `count` of these files with probabilities proportional to their sizes, so that all places count alike as far as
 * possible: systematic sampling, after setting aside files that are certain to be drawn (Särndal, Swensson & Wretman
 * 1992, Model Assisted Survey Sampling, 3.6.2).
 */
function drawBySize(files: readonly number[], sizes: ArrayLike<number>, count: number): number[] {
  const drawn: number[] = [];
  let rest = files;
  const stepOf = () => rest.reduce((sum, at) => sum + sizes[at]!, 0) / (count - drawn.length);
  for (;;) {
    const step = stepOf();
    const certain = rest.filter((at) => sizes[at]! >= step);
    if (certain.length === 0) break;
    drawn.push(...certain);
    rest = rest.filter((at) => sizes[at]! < step);
  }
  const step = stepOf();
  let [before, next] = [0, step / 2];
  for (const at of rest) {
    before += sizes[at]!;
    if (next >= before) continue;
    drawn.push(at);
    next += step;
  }
  return drawn;
}

/** A copy of the text: a slice of a longer text would keep all of that in memory. */
export const ownText = (piece: string): string => Buffer.from(piece, 'utf16le').toString('utf16le');
