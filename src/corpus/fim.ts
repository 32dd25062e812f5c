/**
 * Fill-in-the-middle (Bavarian et al. 2022): a text is cut at two random places and written down with its middle last.
 * In half the texts prefix, suffix, middle (PSM); in the others suffix, prefix, middle (SPM) as StarCoder and its
 * successors were trained, the paper's variant 2, in which prefix and middle follow each other without a mark.
 */
import { createHash } from 'node:crypto';
import type { Piece } from './source.ts';

export interface FimTokens {
  prefix: number;
  suffix: number;
  middle: number;
}

export type FimOrder = 'psm' | 'spm';

export interface Cut {
  order: FimOrder;
  prefix: string;
  middle: string;
  suffix: string;
}

/** Whether and where the text named `key` is cut: a pure function of the seed and the name. */
export function cutForFim(
  text: string,
  { seed, key, rate }: { seed: number; key: string; rate: number },
): Cut | undefined {
  const draws = createHash('sha256').update(`${seed}\0fim\0${key}`).digest();
  const draw = (index: number) => draws.readUIntBE(6 * index, 6) / 2 ** 48;
  if (draw(0) >= rate) return undefined;
  const place = (index: number) => characterStart(text, Math.floor(draw(index) * (text.length + 1)));
  const [first, second] = [place(1), place(2)].sort((a, b) => a - b) as [number, number];
  return {
    order: draw(3) < 0.5 ? 'psm' : 'spm',
    prefix: text.slice(0, first),
    middle: text.slice(first, second),
    suffix: text.slice(second),
  };
}

/** Never between the halves of a surrogate pair. */
function characterStart(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return at > 0 && code >= 0xdc00 && code <= 0xdfff ? at - 1 : at;
}

/** The parts in their order, with the base's marks. All is learned, as it was when the base was trained. */
export function layOutCut({ order, prefix, middle, suffix }: Cut, marks: FimTokens): (Piece | number)[] {
  const learned = (text: string): Piece => ({ text, learned: true });
  return order === 'psm'
    ? [marks.prefix, learned(prefix), marks.suffix, learned(suffix), marks.middle, learned(middle)]
    : [marks.prefix, marks.suffix, learned(suffix), marks.middle, learned(prefix), learned(middle)];
}
