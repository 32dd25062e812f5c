/**
 * Which files are held out: of each language and each of its folders the same share, as nearly as whole files allow.
 * Pure functions.
 */
import { posix } from 'node:path';
import { kinds, type Kind } from '../reading/kinds.ts';
import { extensionOf } from '../reading/names.ts';
import { splitNumber } from './split.ts';

export interface SplitFile {
  path: string;
  kind: Kind;
  bytes: number;
}

export interface SplitOptions {
  seed: number;
  /** Of the text. */
  share: number;
}

/**
 * Numbers of the files that are held out, each kind apart. Of two files or more that are code (where there is none:
 * prose, then data), one at least is held out and one is not.
 */
export function chooseHeldOut(files: readonly SplitFile[], options: SplitOptions): Set<number> {
  const chosen = new Set<number>();
  if (options.share === 0) return chosen;
  for (const kind of kinds) {
    const own = files.flatMap(({ path, bytes, ...file }, index): Candidate[] =>
      file.kind === kind
        ? [{ index, path, bytes, number: splitNumber(options.seed, path), heldOut: false }]
        : [],
    );
    holdOutOf(own, options.share);
    for (const { index, heldOut } of own) if (heldOut) chosen.add(index);
  }
  return chosen;
}

interface Candidate {
  index: number;
  path: string;
  bytes: number;
  /** Of the path alone: files are taken in this order, so that others move few of them. */
  number: number;
  heldOut: boolean;
}

/** Files of one kind. */
function holdOutOf(files: readonly Candidate[], share: number): void {
  if (files.length < 2) return;
  const most = largestHeldOut(files, share);
  const all = new Stratum(share);
  for (const file of [...files].sort((a, b) => a.number - b.number))
    all.add(file, strataOf(file.path), file.bytes <= most);
  all.fill();
  all.adjust();
  if (!files.some(({ heldOut }) => heldOut))
    files.reduce((least, file) => (isLess(file, least) ? file : least)).heldOut = true;
}

const isLess = (a: Candidate, b: Candidate) =>
  a.bytes < b.bytes || (a.bytes === b.bytes && a.number < b.number);

/**
 * A tenth of what is held out, so that no file is more of it: a larger one is better learned. Where files are too few
 * for that, the size up to which they are half of the text. In bytes.
 */
function largestHeldOut(files: readonly Candidate[], share: number): number {
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  // Half a file at most may be missing in the end.
  const tenth = (share * total) / 10.5;
  let sum = 0;
  for (const bytes of files.map((file) => file.bytes).sort((a, b) => a - b)) {
    sum += bytes;
    if (sum >= Math.max(0.5, share) * total) return Math.max(tenth, bytes);
  }
  return Infinity;
}

/** From the outside in: the language, folder in folder, and those files that lie in the last one itself. */
function strataOf(path: string): string[] {
  const folder = posix.dirname(path);
  return [extensionOf(path) || posix.basename(path), ...(folder === '.' ? [] : folder.split('/')), ''];
}

/** Files held out from which on their text comes near to a share whichever they are: fewer are chosen by number alone. */
const FILES_ENOUGH = 5;

/** A part of the text: either parts of its own or files. */
class Stratum {
  private readonly parts = new Map<string, Stratum>();
  /** Those that may be held out, in the order in which they are. */
  private readonly files: Candidate[] = [];
  private readonly all = { files: 0, bytes: 0 };
  private readonly heldOut = { files: 0, bytes: 0 };

  constructor(private readonly share: number) {}

  private get missingFiles(): number {
    // One of ten is a tenth, whatever a computer makes of it.
    return this.share * this.all.files - this.heldOut.files + 1e-9;
  }

  private get missingBytes(): number {
    return this.share * this.all.bytes - this.heldOut.bytes;
  }

  add(file: Candidate, [name, ...names]: readonly string[], eligible: boolean): void {
    this.all.files += 1;
    this.all.bytes += file.bytes;
    if (name === undefined) {
      if (eligible) this.files.push(file);
      return;
    }
    let part = this.parts.get(name);
    if (!part) this.parts.set(name, (part = new Stratum(this.share)));
    part.add(file, names, eligible);
  }

  /**
   * Holds out the share of the files, first in each part, then of what is left of all of them. By number and not by
   * size, for by size small files would be taken where no large one fits.
   */
  fill(): void {
    for (const part of this.parts.values()) {
      part.fill();
      this.heldOut.files += part.heldOut.files;
      this.heldOut.bytes += part.heldOut.bytes;
    }
    while (this.missingFiles >= 1 && this.move(true, () => true, missingFilesOf));
    if (this.share * this.all.files >= FILES_ENOUGH) this.adjust();
  }

  /** Holds out further files, or fewer, as long as the text comes nearer to the share. */
  adjust(): void {
    const { heldOut, all } = this;
    while (heldOut.files < all.files - 1 && this.move(true, (bytes) => bytes < 2 * this.missingBytes));
    while (heldOut.files > 1 && this.move(false, (bytes) => bytes < -2 * this.missingBytes));
  }

  /**
   * Moves a file of a size that fits to the side that is held out, or away from it: in the part where that is missing, or
   * too much, the most. Returns it if there is one.
   */
  private move(
    out: boolean,
    fits: (bytes: number) => boolean,
    missing: (part: Stratum) => number = missingBytesOf,
  ): Candidate | undefined {
    const sign = out ? 1 : -1;
    const movable = (file: Candidate) => file.heldOut !== out && fits(file.bytes);
    let moved = out ? this.files.find(movable) : this.files.findLast(movable);
    if (moved) moved.heldOut = out;
    const parts = [...this.parts.values()].sort((a, b) => sign * (missing(b) - missing(a)));
    for (const part of parts) moved ??= part.move(out, fits, missing);
    if (!moved) return undefined;
    this.heldOut.files += sign;
    this.heldOut.bytes += sign * moved.bytes;
    return moved;
  }

  static readonly missingFilesOf = (part: Stratum) => part.missingFiles;
  static readonly missingBytesOf = (part: Stratum) => part.missingBytes;
}

const { missingFilesOf, missingBytesOf } = Stratum;
