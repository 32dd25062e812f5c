/**
 * Simulates bits per byte at held-out cursors, by which the strength of a result is chosen. The gain varies by file
 * and, within a file, by cursor.
 */
import { uniform } from '../../src/statistics/random.ts';
import type { RatioItem } from '../../src/statistics/statistics.ts';
import { factor, fileSizes, normal, placesIn, times, type Random, type Setting } from './draws.ts';

/** A result: at strength s it gains s * rise - s^2 * fall bits per byte on average. */
export interface Result {
  rise: number;
  fall: number;
  /** Coefficients of variation of the gain. */
  file: number;
  cursor: number;
  /**
   * Additional random gains or losses of cursors: standard deviation as a share of `file` and `cursor`, in bits per
   * byte.
   */
  noise: number;
  /** The gain per cursor is independent of its length, instead of proportional to it. */
  byCursor?: boolean;
}

/** The text at a cursor: the rest of its line, a block, or twelve lines, which choosing a strength measures. */
type Text = 'line' | 'block' | 'lines';

/** Counts of the same cursors at the base and at any strength; first those within a line, then those before a block. */
export interface Cursors {
  kinds: ('line' | 'block')[];
  base: RatioItem[];
  at(strength: number): RatioItem[];
}

const LEVEL = 0.8;
/** Share of cursors within a line; the others are before a block. */
const LINES = 2 / 3;
/** Length of the text at a cursor in bytes: log-normal, within these bounds. */
const bytes = {
  line: { median: 20, deviation: 0.8 },
  block: { median: 80, deviation: 0.9 },
  // About 350 on average.
  lines: { median: 330, deviation: 0.5 },
  least: 3,
  most: { line: 400, block: 400, lines: 600 },
};

function bytesAt(random: Random, text: Text): number {
  const { median, deviation } = bytes[text];
  return Math.min(
    bytes.most[text],
    Math.max(bytes.least, Math.round(median * Math.exp(deviation * normal(random)))),
  );
}

const meanBytes = (() => {
  const random = uniform(1);
  const mean = (kind: 'line' | 'block') =>
    times(100_000, () => bytesAt(random, kind)).reduce((sum, bytes) => sum + bytes, 0) / 100_000;
  return LINES * mean('line') + (1 - LINES) * mean('block');
})();

/**
 * Draws the held-out files of a repository; returns a function that draws `count` cursors in them. `text`: at each of
 * them, if not what follows from its kind.
 */
export function heldOutFiles(
  random: Random,
  files: number,
  result: Result,
  text?: Text,
): (count: number) => Cursors {
  const sizes = fileSizes(random, files);
  const { rise, fall, noise } = result;
  const effects = (variation: number) => ({
    rise: factor(random, variation),
    fall: factor(random, variation),
    noise: [normal(random), normal(random)].map((draw) => noise * variation * draw),
  });
  const byFile = times(files, () => ({ level: factor(random, 0.4), ...effects(result.file) }));
  return (count) => {
    const lines = Math.ceil(LINES * count);
    const kinds = times(count, (index) => (index < lines ? ('line' as const) : ('block' as const)));
    const drawn = placesIn(sizes, lines, count - lines).map((file, index) => {
      const weight = bytesAt(random, text ?? kinds[index]!);
      const [of, own] = [byFile[file]!, effects(result.cursor)];
      const bits = weight * LEVEL * of.level * factor(random, 0.8);
      const gain = (strength: number) =>
        rise * of.rise * own.rise * strength -
        fall * of.fall * own.fall * strength ** 2 +
        (of.noise[0]! + own.noise[0]!) * strength +
        (of.noise[1]! + own.noise[1]!) * strength ** 2;
      const counted = result.byCursor ? meanBytes : weight;
      return { document: String(file), weight, bits, at: (s: number) => bits - counted * gain(s) };
    });
    return {
      kinds,
      base: drawn.map(({ document, weight, bits }) => ({ document, weight, sum: bits })),
      at: (strength) => drawn.map(({ document, weight, at }) => ({ document, weight, sum: at(strength) })),
    };
  };
}

const GAIN = 0.15;
const results = {
  // The largest variation observed.
  'gains varying by .8 / 1.2': { rise: GAIN, fall: 0, file: 0.8, cursor: 1.2, noise: 0 },
  // As in a run of 20 steps on click: the longer a cursor's text, the smaller the gain per byte.
  'bits by cursor, varying by .4 / .7': {
    rise: GAIN,
    fall: 0,
    file: 0.4,
    cursor: 0.7,
    noise: 0,
    byCursor: true,
  },
  'nothing gained': { rise: 0, fall: 0, file: 0.8, cursor: 1.2, noise: GAIN },
} satisfies Record<string, Result>;

/**
 * Bits per byte of a result minus the base's, for these results; each of them at these numbers of cursors and files.
 */
export function learnedAtCursors(name: keyof typeof results, count: number, files: number): Setting {
  const result: Result = results[name];
  return {
    name: `bits per byte, ${name}, ${count} cursors in ${files} files`,
    kind: 'amount',
    of: 'difference',
    truth: { after: LEVEL - result.rise, difference: -result.rise },
    draw(random) {
      const { base, at } = heldOutFiles(random, files, result)(count);
      return [{ before: base, after: at(1) }];
    },
  };
}
