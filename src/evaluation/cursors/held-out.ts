/**
 * Held-out documents, and places in them. Places are counted first, and only the chosen ones are created, so that only
 * one document's text is in memory at a time.
 */
import type { Tokenizer } from '../../llama-cpp/tokenizer.ts';
import { limitToTenth } from '../../corpus/fair-shares.ts';
import { entryKind, type Corpus } from '../../corpus/index.ts';
import { uniform } from '../../statistics/random.ts';

export interface HeldOutDocument {
  file: string;
  /** From 1. */
  fromLine: number;
  /** The text as tokenized for training; read from disk each time. */
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
      // Special tokens, such as the end of a document, decode to nothing.
      text: () => decode(heldOut.read(offset, tokens)),
    }));

/**
 * A kind of place: the requested number, and a function listing all places in a document, each as a function that
 * creates it.
 */
export interface PlaceKind<T> {
  count: number;
  findPlaces(text: string, document: HeldOutDocument): (() => T)[];
}

/** Seed of the choice within files, so that the same places are chosen each time. */
const SEED = 20261126;

/**
 * The places of each kind, in the order of files, from as many files as possible (see `allocate`), with at most a tenth
 * of all kinds together from one file. Later kinds prefer files that earlier ones did not use. Within a file, whose
 * text may be several documents, one place is drawn from each equal part.
 */
export function choosePlaces<T>(
  documents: readonly HeldOutDocument[],
  kinds: readonly PlaceKind<T>[],
): T[][] {
  const sizes = kinds.map(() => new Uint32Array(documents.length));
  for (const [at, document] of documents.entries()) {
    const text = document.text();
    kinds.forEach(({ findPlaces }, kind) => (sizes[kind]![at] = findPlaces(text, document).length));
  }
  const files = groupByFile(documents);
  const totals = sizes.map((own) => files.map((file) => file.reduce((sum, at) => sum + own[at]!, 0)));
  const allocated = allocateKinds(
    totals,
    kinds.map(({ count }) => count),
  );
  const random = uniform(SEED);
  return kinds.map(({ findPlaces }, kind) => {
    const sizeOf = (at: number) => sizes[kind]![at]!;
    return files.flatMap((file, index) => {
      const numbers = drawFromParts(totals[kind]![index]!, allocated[kind]![index]!, random);
      let before = 0;
      return file.flatMap((at) => {
        const from = before;
        before += sizeOf(at);
        const own = numbers.filter((number) => number >= from && number < before);
        if (own.length === 0) return [];
        const places = findPlaces(documents[at]!.text(), documents[at]!);
        return own.map((number) => places[number - from]!());
      });
    });
  });
}

/** For each file the indices of its documents. */
function groupByFile(documents: readonly HeldOutDocument[]): number[][] {
  const groups = new Map<string, number[]>();
  for (const [at, { file }] of documents.entries()) {
    const own = groups.get(file);
    if (own) own.push(at);
    else groups.set(file, [at]);
  }
  return [...groups.values()];
}

/** Splits 0 .. length - 1 into `count` equal parts and draws a number from each. */
function drawFromParts(length: number, count: number, random: () => number): number[] {
  const begin = (part: number) => Math.floor((part * length) / count);
  return Array.from(
    { length: count },
    (_, part) => begin(part) + Math.floor(random() * (begin(part + 1) - begin(part))),
  );
}

/** How many places of each kind each file gives; it has `totals[kind][file]` of them. */
function allocateKinds(totals: readonly (readonly number[])[], counts: readonly number[]): Uint32Array[] {
  const files = (totals[0] ?? []).filter((_, file) => totals.some((own) => own[file]! > 0)).length;
  const count = counts.reduce((sum, each) => sum + each, 0);
  return limitToTenth(
    { files, count },
    (limit) => {
      const earlier = new Uint32Array(totals[0]?.length ?? 0);
      return totals.map((own, kind) => {
        const allocated = allocate(own, counts[kind]!, earlier, limit);
        allocated.forEach((share, file) => (earlier[file]! += share));
        return allocated;
      });
    },
    (allocated) => allocated.reduce((sum, own) => sum + own.reduce((total, share) => total + share, 0), 0),
  );
}

/**
 * Distributes `count` places over files of `sizes` places, as evenly as possible, because places in the same file
 * resemble each other. In a tie, files with the fewest places in `earlier` come first. Together with `earlier`, no file
 * gets more than `limit`.
 */
export function allocate(
  sizes: ArrayLike<number>,
  count: number,
  earlier: ArrayLike<number> = new Uint32Array(sizes.length),
  limit = Infinity,
): Uint32Array {
  const allocated = new Uint32Array(sizes.length);
  const leastOf = (some: readonly number[], numbers: ArrayLike<number>) => {
    const least = some.reduce((lowest, at) => Math.min(lowest, numbers[at]!), Infinity);
    return some.filter((at) => numbers[at] === least);
  };
  for (let left = count; left > 0;) {
    const open = Array.from(sizes, (_, at) => at).filter(
      (at) => sizes[at]! > allocated[at]! && earlier[at]! + allocated[at]! < limit,
    );
    if (open.length === 0) break;
    const next = leastOf(leastOf(open, allocated), earlier);
    const drawn = next.length > left ? drawBySize(next, sizes, left) : next;
    for (const at of drawn) allocated[at]! += 1;
    left -= drawn.length;
  }
  return allocated;
}

/**
 * Draws `count` of these files with probabilities proportional to their sizes, so that all places count alike as far as
 * possible: systematic sampling, after setting aside files that are certain to be drawn (Särndal, Swensson & Wretman
 * 1992, Model Assisted Survey Sampling, 3.6.2).
 */
function drawBySize(files: readonly number[], sizes: ArrayLike<number>, count: number): number[] {
  const drawn: number[] = [];
  let rest = files;
  const nextStep = () => rest.reduce((sum, at) => sum + sizes[at]!, 0) / (count - drawn.length);
  for (;;) {
    const step = nextStep();
    const certain = rest.filter((at) => sizes[at]! >= step);
    if (certain.length === 0) break;
    drawn.push(...certain);
    rest = rest.filter((at) => sizes[at]! < step);
  }
  const step = nextStep();
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
export const detachedCopy = (piece: string): string => Buffer.from(piece, 'utf16le').toString('utf16le');
