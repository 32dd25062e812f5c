/**
 * Finds near-duplicates: MinHash over word shingles (Broder 1997), with 8 bits per value (Li and König 2010), looked up
 * by bands (Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", 3.4).
 */
import { mix } from '../shuffle.ts';

/** Texts are near-duplicates if the Jaccard similarity of their shingles is at least this. */
const THRESHOLD = 0.8;
/** Words in a shingle. */
const SHINGLE = 5;
/** A pair of similarity s shares a band with probability 1 - (1 - s^6)^20: 99.8% at 0.8, 100% above 0.9, 27% at 0.5. */
const BANDS = 20;
const ROWS = 6;
const VALUES = BANDS * ROWS;
/** Probability that two 8-bit values agree by chance. */
const CHANCE = 1 / 256;
/** Number of the VALUES that agree at the threshold. */
const MIN_AGREEING = Math.ceil(VALUES * (THRESHOLD + (1 - THRESHOLD) * CHANCE));
/** Limit of comparisons: texts from one template all share bands, so comparing all pairs would take forever. */
const MAX_COMPARED = 500;

const multipliers = Int32Array.from({ length: VALUES }, (_, k) => mix(1, k) | 1);
const offsets = Int32Array.from({ length: VALUES }, (_, k) => mix(2, k));

/** A text's MinHash signature of 120 bytes; the more shingles two texts share, the more bytes agree. */
export function computeSignature(text: string): Uint8Array {
  const minima = new Int32Array(VALUES).fill(2 ** 31 - 1);
  for (const shingle of shingleHashes(text))
    for (let k = 0; k < VALUES; k += 1) {
      const value = (Math.imul(multipliers[k]!, shingle) + offsets[k]!) | 0;
      if (value < minima[k]!) minima[k] = value;
    }
  // Scrambled, because a minimum's high bits depend only on the number of shingles, and its low bits only on the low
  // bits of one shingle, whatever k is.
  return Uint8Array.from(minima, scramble);
}

/** A hash of every five consecutive words, or of all words if there are fewer. A word is \w+ or one other character. */
function shingleHashes(text: string): Int32Array {
  const words = wordHashes(text);
  const count = Math.max(1, words.length - SHINGLE + 1);
  const shingles = new Int32Array(count);
  for (let from = 0; from < count; from += 1) {
    let hash = 0;
    for (let word = from; word < from + SHINGLE; word += 1)
      hash = Math.imul(hash ^ (words[word] ?? 0), 0x5bd1e995) ^ (hash >>> 15);
    shingles[from] = scramble(hash);
  }
  return shingles;
}

function wordHashes(text: string): Int32Array {
  const words = new Int32Array(text.length);
  let count = 0;
  let word = 0;
  const end = () => {
    if (word) words[count++] = scramble(word);
    word = 0;
  };
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (isWordCode(code)) word = Math.imul((word || 0x811c9dc5) ^ code, 0x01000193) || 1;
    else {
      end();
      if (code > 32) words[count++] = scramble(code);
    }
  }
  end();
  return words.subarray(0, count);
}

/** Letters, digits, "_", and everything beyond ASCII. */
const isWordCode = (code: number) =>
  (code >= 97 && code <= 122) ||
  (code >= 65 && code <= 90) ||
  (code >= 48 && code <= 57) ||
  code === 95 ||
  code > 127;

/** MurmurHash3's finaliser. */
function scramble(value: number): number {
  let hash = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

const NONE = -1;

/** An index of the texts seen so far; about 300 bytes each. */
export class NearDuplicates {
  private count = 0;
  private signatures = new Uint8Array(64 * VALUES);
  /** A hash table with chaining: the last entry (text x BANDS + band) of each slot, and the entry before each entry. */
  private last = new Int32Array(64 * BANDS).fill(NONE);
  private before = new Int32Array(64 * BANDS);

  /** The index of an earlier near-duplicate. If there is none, adds the text under the next index, from 0. */
  findOrAdd(text: string): number | undefined {
    const signature = computeSignature(text);
    const duplicate = this.find(signature);
    if (duplicate === undefined) this.add(signature);
    return duplicate;
  }

  private find(signature: Uint8Array): number | undefined {
    const compared = new Set<number>();
    for (let band = 0; band < BANDS; band += 1) {
      let entry = this.last[this.slotFor(signature, 0, band)]!;
      for (; entry !== NONE && compared.size < MAX_COMPARED; entry = this.before[entry]!) {
        const other = Math.floor(entry / BANDS);
        if (compared.has(other)) continue;
        compared.add(other);
        if (this.isNear(signature, other * VALUES)) return other;
      }
    }
    return undefined;
  }

  private isNear(signature: Uint8Array, at: number): boolean {
    let differing = 0;
    for (let k = 0; k < VALUES && differing <= VALUES - MIN_AGREEING; k += 1)
      if (signature[k] !== this.signatures[at + k]) differing += 1;
    return differing <= VALUES - MIN_AGREEING;
  }

  private add(signature: Uint8Array): void {
    const capacity = this.before.length / BANDS;
    if (this.count === capacity) this.grow(2 * capacity);
    this.signatures.set(signature, this.count * VALUES);
    this.index(this.count);
    this.count += 1;
  }

  private index(text: number): void {
    for (let band = 0; band < BANDS; band += 1) {
      const slot = this.slotFor(this.signatures, text * VALUES, band);
      this.before[text * BANDS + band] = this.last[slot]!;
      this.last[slot] = text * BANDS + band;
    }
  }

  private grow(capacity: number): void {
    const { signatures } = this;
    this.signatures = new Uint8Array(capacity * VALUES);
    this.signatures.set(signatures);
    this.before = new Int32Array(capacity * BANDS);
    this.last = new Int32Array(capacity * BANDS).fill(NONE);
    for (let text = 0; text < this.count; text += 1) this.index(text);
  }

  private slotFor(signatures: Uint8Array, at: number, band: number): number {
    let hash = band;
    const from = at + band * ROWS;
    for (let k = from; k < from + ROWS; k += 1) hash = Math.imul(hash ^ signatures[k]!, 0x01000193);
    return (scramble(hash) >>> 0) % this.last.length;
  }
}
