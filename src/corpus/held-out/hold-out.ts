/**
 * Chooses the held-out files: the same share of each language and of each of its folders, as closely as whole files
 * allow; at least four of a dozen files or more. In each language (by extension) and in each of its folders, the share
 * of the files is held out, rounded down; what rounding leaves is made up in the enclosing folder, and finally in the
 * language. With several folders, each is a folder of the outermost level. Then files are added or put back, in each
 * group with five held-out files or more and finally over the whole kind, while this brings the text nearer to the
 * share: the kind has it within half a file, a language within a file. Pure functions.
 */
import { posix } from 'node:path';
import { MIN_DOCUMENTS } from '../../statistics/intervals.ts';
import { kinds, type Kind } from '../kinds.ts';
import { fileExtension } from '../names.ts';
import { PriorityQueue } from './priority-queue.ts';
import { splitNumber } from './split.ts';

export interface SplitFile {
  path: string;
  kind: Kind;
  bytes: number;
  /** Half of it occurs in another file: it is held out only if there is no other file of its kind. */
  copied?: boolean;
}

export interface SplitOptions {
  seed: number;
  /** Share of the text to hold out. */
  share: number;
  /** Minimum number of held-out files of a kind, if there are a dozen; default `MIN_DOCUMENTS`. */
  minimum?: number;
}

/**
 * Indices of the files to hold out, chosen separately for each kind. If there are two or more files of a kind, at least
 * one of them is held out and one is not.
 */
export function chooseHeldOut(files: readonly SplitFile[], options: SplitOptions): Set<number> {
  const chosen = new Set<number>();
  if (options.share === 0) return chosen;
  for (const kind of kinds) {
    const ofKind = files.flatMap(({ path, bytes, copied = false, ...file }, index): Candidate[] =>
      file.kind === kind
        ? [{ index, path, bytes, copied, number: splitNumber(options.seed, path), heldOut: false }]
        : [],
    );
    holdOutKind(ofKind, options);
    for (const { index, heldOut } of ofKind) if (heldOut) chosen.add(index);
  }
  return chosen;
}

interface Candidate {
  index: number;
  path: string;
  bytes: number;
  copied: boolean;
  /** Depends only on seed and path. Files are chosen in this order, so that new files change few choices. */
  number: number;
  heldOut: boolean;
}

/** Holds out files of one kind. */
function holdOutKind(files: readonly Candidate[], { share, minimum = MIN_DOCUMENTS }: SplitOptions): void {
  if (files.length < 2) return;
  const largest = largestHeldOut(files, share);
  const all = new Stratum(share);
  for (const file of [...files].sort((a, b) => a.number - b.number))
    all.add(file, strataOfPath(file.path), file.bytes <= largest && !file.copied);
  all.fill();
  all.adjust();
  const eligible = files.filter(({ bytes, copied }) => bytes <= largest && !copied);
  if (files.length >= MIN_FILES_FOR_INTERVALS) holdOutMore(eligible, minimum);
  if (!files.some(({ heldOut }) => heldOut))
    files.reduce((best, file) => (isPreferred(file, best) ? file : best)).heldOut = true;
}

/** With fewer files, holding out as many as confidence intervals need would leave too little to learn from. */
const MIN_FILES_FOR_INTERVALS = 12;

/** Holds out more than the share if there are only a few dozen files. */
function holdOutMore(files: readonly Candidate[], minimum: number): void {
  const heldOutCount = files.filter(({ heldOut }) => heldOut).length;
  const others = files.filter(({ heldOut }) => !heldOut).sort((a, b) => a.number - b.number);
  for (const file of others.slice(0, Math.max(0, minimum - heldOutCount))) file.heldOut = true;
}

const isPreferred = (a: Candidate, b: Candidate) =>
  a.copied === b.copied ? a.bytes < b.bytes || (a.bytes === b.bytes && a.number < b.number) : b.copied;

/**
 * Largest file that may be held out, in bytes: a tenth of the held-out text, because larger files are more useful for
 * training. If there are too few files for that, the size up to which files make up half of the text.
 */
function largestHeldOut(files: readonly Candidate[], share: number): number {
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  // 10.5 because the result may fall short by half a file.
  const tenth = (share * total) / 10.5;
  let sum = 0;
  for (const bytes of files.map((file) => file.bytes).sort((a, b) => a - b)) {
    sum += bytes;
    if (sum >= Math.max(0.5, share) * total) return Math.max(tenth, bytes);
  }
  return Infinity;
}

/** A file's strata from the outside in: its language, each folder, and the files directly in the last one. */
function strataOfPath(path: string): string[] {
  const folder = posix.dirname(path);
  return [fileExtension(path) || posix.basename(path), ...(folder === '.' ? [] : folder.split('/')), ''];
}

/** With at least this many held-out files, the text is adjusted to the share; fewer are chosen by count alone. */
const MIN_FILES_TO_ADJUST = 5;

/**
 * A sequence of moves of files to one split. The size limit shrinks with each move, so a part that has nothing to move
 * once has nothing later.
 */
interface Pass {
  holdOut: boolean;
  missing: (part: Stratum) => number;
}

/** A part of the text: it consists of either smaller parts or files. */
class Stratum {
  private readonly parts = new Map<string, Stratum>();
  /** Files that may be held out, in selection order. */
  private readonly files: Candidate[] = [];
  private readonly all = { files: 0, bytes: 0 };
  private readonly heldOut = { files: 0, bytes: 0 };
  /** Size of the smallest file that may be held out. */
  private smallest = Infinity;
  /** In the current pass: the files not yet considered, and the parts that may have something to move. */
  private remaining: { pass: Pass; files: Iterator<Candidate>; parts: PriorityQueue<Stratum> } | undefined;

  constructor(
    private readonly share: number,
    /** Index among the parts of the parent. */
    private readonly number = 0,
  ) {}

  private get missingFiles(): number {
    // Guards against rounding: one of ten must count as a tenth.
    return this.share * this.all.files - this.heldOut.files + 1e-9;
  }

  private get missingBytes(): number {
    return this.share * this.all.bytes - this.heldOut.bytes;
  }

  add(file: Candidate, [name, ...names]: readonly string[], eligible: boolean): void {
    this.all.files += 1;
    this.all.bytes += file.bytes;
    if (eligible) this.smallest = Math.min(this.smallest, file.bytes);
    if (name === undefined) {
      if (eligible) this.files.push(file);
      return;
    }
    let part = this.parts.get(name);
    if (!part) this.parts.set(name, (part = new Stratum(this.share, this.parts.size)));
    part.add(file, names, eligible);
  }

  /**
   * Holds out the share of the files, first within each part, then from the rest of all parts. Counts files rather than
   * bytes: by size, small files would be chosen where no large one fits.
   */
  fill(): void {
    for (const part of this.parts.values()) {
      part.fill();
      this.heldOut.files += part.heldOut.files;
      this.heldOut.bytes += part.heldOut.bytes;
    }
    const pass = { holdOut: true, missing: missingFilesOf };
    while (this.missingFiles >= 1 && this.moveOne(pass, Infinity));
    if (this.share * this.all.files >= MIN_FILES_TO_ADJUST) this.adjust();
  }

  /** Holds out more or fewer files as long as this brings the amount of text closer to the share. */
  adjust(): void {
    const { heldOut, all } = this;
    const [more, fewer] = [true, false].map((holdOut): Pass => ({ holdOut, missing: missingBytesOf }));
    while (heldOut.files < all.files - 1 && this.moveOne(more!, 2 * this.missingBytes));
    while (heldOut.files > 1 && this.moveOne(fewer!, -2 * this.missingBytes));
  }

  /**
   * Holds out or puts back one file smaller than `below`, in the part with the largest deficit or excess. Returns the
   * file, if there is one.
   */
  private moveOne(pass: Pass, below: number): Candidate | undefined {
    if (this.smallest >= below || (!pass.holdOut && this.heldOut.files === 0)) return undefined;
    const file = this.moveFile(pass, below) ?? this.moveInParts(pass, below);
    if (!file) return undefined;
    const sign = pass.holdOut ? 1 : -1;
    this.heldOut.files += sign;
    this.heldOut.bytes += sign * file.bytes;
    return file;
  }

  private moveFile(pass: Pass, below: number): Candidate | undefined {
    const { files } = this.remainingIn(pass);
    for (let next = files.next(); !next.done; next = files.next()) {
      const file = next.value;
      if (file.heldOut === pass.holdOut || file.bytes >= below) continue;
      file.heldOut = pass.holdOut;
      return file;
    }
    return undefined;
  }

  private moveInParts(pass: Pass, below: number): Candidate | undefined {
    const { parts } = this.remainingIn(pass);
    for (let part = parts.first; part; part = parts.first) {
      const file = part.moveOne(pass, below);
      if (file) {
        parts.reorderFirst();
        return file;
      }
      parts.removeFirst();
    }
    return undefined;
  }

  private remainingIn(pass: Pass): NonNullable<typeof this.remaining> {
    if (this.remaining?.pass === pass) return this.remaining;
    const { holdOut, missing } = pass;
    const sign = holdOut ? 1 : -1;
    const isBefore = (a: Stratum, b: Stratum) =>
      sign * (missing(a) - missing(b) || sign * (b.number - a.number)) > 0;
    const files = (holdOut ? this.files : this.files.toReversed()).values();
    return (this.remaining = { pass, files, parts: new PriorityQueue(isBefore, this.parts.values()) });
  }

  static readonly missingFilesOf = (part: Stratum) => part.missingFiles;
  static readonly missingBytesOf = (part: Stratum) => part.missingBytes;
}

const { missingFilesOf, missingBytesOf } = Stratum;
