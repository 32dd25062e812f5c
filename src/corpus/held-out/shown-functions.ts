/** Finds commits that show functions of the other split, whatever the files were called at that time. */
import type { LeftOutEntry, Split } from '../manifest.ts';
import type { SourceDocument } from '../reading/source.ts';
import { isMostlyOf, lineHashes } from './copied-lines.ts';

interface HeldOutFunction {
  file: string;
  lines: number;
}

export class ShownFunctions {
  /** What held-out documents are `together` as. */
  private readonly heldOutFiles = new Set<string>();
  /** Lines of all learned functions. */
  private readonly learned = new Set<number>();
  /** The held-out functions in which a line occurs. */
  private readonly heldOut = new Map<number, HeldOutFunction[]>();

  add({ path, together: file = path, code }: SourceDocument, split: Split): void {
    if (split === 'held-out') this.heldOutFiles.add(file);
    const lines = lineHashes(code ?? '');
    const heldOut = { file, lines: lines.length };
    for (const line of lines) {
      const others = this.heldOut.get(line);
      if (split === 'train') this.learned.add(line);
      else if (others) others.push(heldOut);
      else this.heldOut.set(line, [heldOut]);
    }
  }

  /** Whether a commit in `split` shows the other one's functions; `detail`: the file of these, if they are held out. */
  find({ shows, diff = '' }: SourceDocument, split: Split): Pick<LeftOutEntry, 'detail'> | undefined {
    if (split === 'held-out') return isMostlyOf(this.learned, linesOf(diff, '+')) ? {} : undefined;
    const detail = shows?.find((path) => this.heldOutFiles.has(path)) ?? this.findHeldOut(diff);
    return detail === undefined ? undefined : { detail };
  }

  /** The file of a function most lines of which are added by a commit, or stand around its changes. */
  private findHeldOut(diff: string): string | undefined {
    const shown = new Map<HeldOutFunction, number>();
    for (const line of lineHashes(linesOf(diff, '+ ')))
      for (const heldOut of this.heldOut.get(line) ?? []) {
        const count = (shown.get(heldOut) ?? 0) + 1;
        // A single line may be in any function.
        if (count > 1 && 2 * count > heldOut.lines) return heldOut.file;
        shown.set(heldOut, count);
      }
    return undefined;
  }
}

/** The lines of a diff that begin with one of these marks, without it. */
const linesOf = (diff: string, marks: string): string =>
  diff
    .split('\n')
    .filter((line) => line !== '' && marks.includes(line[0]!) && !line.startsWith('+++ '))
    .map((line) => line.slice(1))
    .join('\n');
