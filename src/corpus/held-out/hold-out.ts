/**
 * Chooses the held-out files: the same share of each language and of each of its folders, as nearly as whole files
 * allow; of a dozen files or more, at least four. Pure functions.
 */
import { posix } from 'node:path';
import { MIN_DOCUMENTS } from '../../statistics/intervals.ts';
import { kinds, type Kind } from '../kinds.ts';
import { extensionOf } from '../names.ts';
import { Queue } from './queue.ts';
import { splitNumber } from './split.ts';

export interface SplitFile {
  path: string;
  kind: Kind;
  bytes: number;
  /** Half of it stands in another file: it is held out only where there is no other of its kind. */
  copied?: boolean;
}

export interface SplitOptions {
  seed: number;
  /** Share of the text to hold out. */
  share: number;
  /** Files of a kind to hold out at least, where there are a dozen; default `MIN_DOCUMENTS`. */
  least?: number;
}

/**
 * Indices of the files to hold out, chosen for each kind separately. If there are two or more files of a kind, at least
 * one of them is held out and one is not.
 */
export function chooseHeldOut(files: readonly SplitFile[], options: SplitOptions): Set<number> {
  const chosen = new Set<number>();
  if (options.share === 0) return chosen;
  for (const kind of kinds) {
    const own = files.flatMap(({ path, bytes, copied = false, ...file }, index): Candidate[] =>
      file.kind === kind
        ? [{ index, path, bytes, copied, number: splitNumber(options.seed, path), heldOut: false }]
        : [],
    );
    holdOutOf(own, options);
    for (const { index, heldOut } of own) if (heldOut) chosen.add(index);
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

/** Files of one kind. */
function holdOutOf(files: readonly Candidate[], { share, least = MIN_DOCUMENTS }: SplitOptions): void {
  if (files.length < 2) return;
  const most = largestHeldOut(files, share);
  const all = new Stratum(share);
  for (const file of [...files].sort((a, b) => a.number - b.number))
    all.add(file, strataOf(file.path), file.bytes <= most && !file.copied);
  all.fill();
  all.adjust();
  const eligible = files.filter(({ bytes, copied }) => bytes <= most && !copied);
  if (files.length >= FILES_FOR_THAT) holdOutMore(eligible, least);
  if (!files.some(({ heldOut }) => heldOut))
    files.reduce((least, file) => (isLess(file, least) ? file : least)).heldOut = true;
}

/** Of fewer files, those that intervals need would leave too little to learn. */
const FILES_FOR_THAT = 12;

/** Holds out more than the share where there are only some dozens of files. */
function holdOutMore(files: readonly Candidate[], least: number): void {
  const out = files.filter(({ heldOut }) => heldOut).length;
  const others = files.filter(({ heldOut }) => !heldOut).sort((a, b) => a.number - b.number);
  for (const file of others.slice(0, Math.max(0, least - out))) file.heldOut = true;
}

const isLess = (a: Candidate, b: Candidate) =>
  a.copied === b.copied ? a.bytes < b.bytes || (a.bytes === b.bytes && a.number < b.number) : b.copied;

/**
 * Largest file that may be held out, in bytes: a tenth of the held-out text, because a larger file is better learned.
 * If there are too few files for that, the size up to which the files are half of the text.
 */
function largestHeldOut(files: readonly Candidate[], share: number): number {
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  // 10.5 because half a file may be missing in the end.
  const tenth = (share * total) / 10.5;
  let sum = 0;
  for (const bytes of files.map((file) => file.bytes).sort((a, b) => a - b)) {
    sum += bytes;
    if (sum >= Math.max(0.5, share) * total) return Math.max(tenth, bytes);
  }
  return Infinity;
}

/** A file's strata from the outside in: its language, each folder, and the files directly in the last one. */
function strataOf(path: string): string[] {
  const folder = posix.dirname(path);
  return [extensionOf(path) || posix.basename(path), ...(folder === '.' ? [] : folder.split('/')), ''];
}

/** From so many held-out files on, their text is adjusted to the share; fewer are chosen by number alone. */
const FILES_ENOUGH = 5;

/**
 * Moves of files to one side, until it is enough. The size that fits becomes smaller with each, so what has nothing to
 * move once has nothing later.
 */
interface Round {
  out: boolean;
  missing: (part: Stratum) => number;
}

/** A part of the text: it consists of either smaller parts or files. */
class Stratum {
  private readonly parts = new Map<string, Stratum>();
  /** Files that may be held out, in the order in which they are chosen. */
  private readonly files: Candidate[] = [];
  private readonly all = { files: 0, bytes: 0 };
  private readonly heldOut = { files: 0, bytes: 0 };
  /** Size of the smallest file that may be held out. */
  private least = Infinity;
  /** In the present round: the files that were not looked at yet, and the parts that may have something to move. */
  private left: { round: Round; files: Iterator<Candidate>; parts: Queue<Stratum> } | undefined;

  constructor(
    private readonly share: number,
    /** Among the parts of the larger one. */
    private readonly number = 0,
  ) {}

  private get missingFiles(): number {
    // Against rounding: one of ten must count as a tenth.
    return this.share * this.all.files - this.heldOut.files + 1e-9;
  }

  private get missingBytes(): number {
    return this.share * this.all.bytes - this.heldOut.bytes;
  }

  add(file: Candidate, [name, ...names]: readonly string[], eligible: boolean): void {
    this.all.files += 1;
    this.all.bytes += file.bytes;
    if (eligible) this.least = Math.min(this.least, file.bytes);
    if (name === undefined) {
      if (eligible) this.files.push(file);
      return;
    }
    let part = this.parts.get(name);
    if (!part) this.parts.set(name, (part = new Stratum(this.share, this.parts.size)));
    part.add(file, names, eligible);
  }

  /**
   * Holds out the share of the files, first in each part, then from the rest of all parts. Files are counted, not their
   * sizes: by size, small files would be chosen where no large one fits.
   */
  fill(): void {
    for (const part of this.parts.values()) {
      part.fill();
      this.heldOut.files += part.heldOut.files;
      this.heldOut.bytes += part.heldOut.bytes;
    }
    const round = { out: true, missing: missingFilesOf };
    while (this.missingFiles >= 1 && this.move(round, Infinity));
    if (this.share * this.all.files >= FILES_ENOUGH) this.adjust();
  }

  /** Holds out more or fewer files as long as this brings the text nearer to the share. */
  adjust(): void {
    const { heldOut, all } = this;
    const [more, fewer] = [true, false].map((out): Round => ({ out, missing: missingBytesOf }));
    while (heldOut.files < all.files - 1 && this.move(more!, 2 * this.missingBytes));
    while (heldOut.files > 1 && this.move(fewer!, -2 * this.missingBytes));
  }

  /**
   * Holds out (`out`) or puts back one file of fewer bytes than `below`, in the part that has the most too little or too
   * much. Returns the file, if there is one.
   */
  private move(round: Round, below: number): Candidate | undefined {
    if (this.least >= below || (!round.out && this.heldOut.files === 0)) return undefined;
    const moved = this.moveOwn(round, below) ?? this.moveInParts(round, below);
    if (!moved) return undefined;
    const sign = round.out ? 1 : -1;
    this.heldOut.files += sign;
    this.heldOut.bytes += sign * moved.bytes;
    return moved;
  }

  private moveOwn(round: Round, below: number): Candidate | undefined {
    const { files } = this.leftIn(round);
    for (let next = files.next(); !next.done; next = files.next()) {
      const file = next.value;
      if (file.heldOut === round.out || file.bytes >= below) continue;
      file.heldOut = round.out;
      return file;
    }
    return undefined;
  }

  private moveInParts(round: Round, below: number): Candidate | undefined {
    const { parts } = this.leftIn(round);
    for (let part = parts.first; part; part = parts.first) {
      const moved = part.move(round, below);
      if (moved) {
        parts.settle();
        return moved;
      }
      parts.drop();
    }
    return undefined;
  }

  private leftIn(round: Round): NonNullable<typeof this.left> {
    if (this.left?.round === round) return this.left;
    const { out, missing } = round;
    const sign = out ? 1 : -1;
    const isBefore = (a: Stratum, b: Stratum) =>
      sign * (missing(a) - missing(b) || sign * (b.number - a.number)) > 0;
    const files = (out ? this.files : this.files.toReversed()).values();
    return (this.left = { round, files, parts: new Queue(isBefore, this.parts.values()) });
  }

  static readonly missingFilesOf = (part: Stratum) => part.missingFiles;
  static readonly missingBytesOf = (part: Stratum) => part.missingBytes;
}

const { missingFilesOf, missingBytesOf } = Stratum;
