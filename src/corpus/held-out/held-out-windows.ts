/** Windows of held-out text for evaluation: evenly spread, without repetition, at most a tenth from one file. */
import { spreadFairly } from '../fair-shares.ts';
import { assemble, documentAt, runsFrom, type TokenStream } from '../tokens/packing.ts';
import type { Sequence } from '../tokens/sequences.ts';

/** Tokens [begin, end) of a stream, aligned to documents. */
export interface Range {
  begin: number;
  end: number;
}

/**
 * `count` windows of `length` predictions within `ranges`, without overlap, or as many as there are. A range shorter
 * than a window yields one shorter window; a range of fewer than 2 tokens yields none, because it predicts nothing.
 */
export function heldOutWindows(
  stream: TokenStream,
  length: number,
  count = Infinity,
  ranges: readonly Range[] = [{ begin: 0, end: stream.length }],
): Sequence[] {
  const windows = ranges.flatMap((range) => windowsIn(range, length + 1));
  const owners = windows.map((place) => mainDocument(stream, place));
  return spreadFairly(owners, count).map((index) => {
    const { begin, end } = windows[index]!;
    return { ...assemble(runsFrom(stream, begin, end - begin)), document: owners[index]! };
  });
}

function windowsIn({ begin, end }: Range, size: number): Range[] {
  if (end - begin < size) return end - begin < 2 ? [] : [{ begin, end }];
  return Array.from({ length: Math.floor((end - begin) / size) }, (_, index) => ({
    begin: begin + index * size,
    end: begin + (index + 1) * size,
  }));
}

/** Start of the document to which most of the window's tokens belong. */
function mainDocument({ starts, length }: TokenStream, { begin, end }: Range): number {
  let [main, longest] = [0, -1];
  for (let at = documentAt(starts, begin); at < starts.length && starts[at]! < end; at += 1) {
    const overlap = Math.min(end, starts[at + 1] ?? length) - Math.max(begin, starts[at]!);
    if (overlap > longest) [main, longest] = [starts[at]!, overlap];
  }
  return main;
}
