/** Random choices from a seed: the same seed makes the same files. */
import { Random } from '../../support/random.ts';

export const LOWER = 'abcdefghijklmnopqrstuvwxyz';
export const UPPER = LOWER.toUpperCase();
export const DIGITS = '0123456789';
export const HEX = `${DIGITS}abcdef`;
export const ALPHANUMERIC = LOWER + UPPER + DIGITS;
export const BASE32 = `${UPPER}234567`;
export const BASE58 = [...ALPHANUMERIC].filter((char) => !'0OIl'.includes(char)).join('');

/** Ordinary words for names of things; none is about secrets. */
const WORDS = (
  'order invoice ledger harbor cargo parcel ticket branch garden planet camera engine window basket bridge canvas ' +
  'carbon castle cherry copper desert falcon forest galaxy hammer island jacket kernel ladder lemon market meadow ' +
  'mirror needle ocean orchid paddle pepper pillow pocket rabbit ribbon rocket saddle salmon shadow silver spider ' +
  'stable summer tablet temple thunder tiger timber tunnel velvet violin walnut winter yellow zebra'
).split(' ');

export class Draw {
  readonly #random: Random;
  /** A placeholder in the place of a secret. Undefined where secrets are drawn. */
  readonly standIn: ((draw: Draw) => string) | undefined;

  constructor(from: number | Draw, standIn?: (draw: Draw) => string) {
    this.#random = typeof from === 'number' ? new Random(from) : from.#random;
    this.standIn = standIn;
  }

  /** In [0, 1). */
  next(): number {
    return this.#random.next();
  }

  /** From `low` to `high`, both inclusive. */
  between(low: number, high: number): number {
    return low + this.#random.integer(high - low + 1);
  }

  chance(probability: number): boolean {
    return this.#random.next() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.#random.integer(items.length)]!;
  }

  /** Different items in order, `count` of them or all. */
  some<T>(items: readonly T[], count: number): T[] {
    const left = [...items];
    while (left.length > count) left.splice(this.#random.integer(left.length), 1);
    return left;
  }

  /** An item, with probability proportional to its weight. */
  weighted<T>(items: readonly (readonly [T, number])[]): T {
    let left = this.#random.next() * items.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [item, weight] of items) if ((left -= weight) < 0) return item;
    return items.at(-1)![0];
  }

  chars(length: number, alphabet: string): string {
    return Array.from({ length }, () => alphabet[this.#random.integer(alphabet.length)]).join('');
  }

  alphanumeric(length: number): string {
    return this.chars(length, ALPHANUMERIC);
  }

  hex(length: number): string {
    return this.chars(length, HEX);
  }

  /** Does not start with 0. */
  digits(length: number): string {
    return this.chars(1, DIGITS.slice(1)) + this.chars(length - 1, DIGITS);
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.#random.integer(256)));
  }

  base64(bytes: number): string {
    return this.bytes(bytes).toString('base64');
  }

  base64url(bytes: number): string {
    return this.bytes(bytes).toString('base64url');
  }

  uuid(): string {
    const hex = this.hex(32);
    const variant = this.pick(['8', '9', 'a', 'b']);
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
  }

  word(): string {
    return this.pick(WORDS);
  }

  capital(): string {
    return capitalised(this.word());
  }
}

export const capitalised = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);

/**
 * Fills a template: {w} a word, {W} one with a capital, {same} a word that is the same everywhere, {n} a number up to
 * 999, {port} a port, {version} a version; and `others` by their names. Unknown names stay as they are.
 */
export function fill(template: string, draw: Draw, others: Readonly<Record<string, string>> = {}): string {
  const same = draw.word();
  const parts: Record<string, () => string> = {
    same: () => same,
    w: () => draw.word(),
    W: () => draw.capital(),
    n: () => String(draw.between(1, 999)),
    port: () => String(draw.between(1024, 9999)),
    version: () => `${draw.between(0, 9)}.${draw.between(0, 30)}.${draw.between(0, 20)}`,
  };
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => others[name] ?? parts[name]?.() ?? whole);
}
