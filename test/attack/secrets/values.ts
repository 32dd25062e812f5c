/** Values of secrets. All are random; none opens anything. In a lookalike, `draw.standIn` replaces them. */
import { ALPHANUMERIC, DIGITS, HEX, LOWER, UPPER, type Draw } from './draw.ts';

const SYMBOLS = '!@#%^&*()-_=+?.~$';
/** Those that need no quotes anywhere. */
const PLAIN_SYMBOLS = '-_.+~';

/** A password as generators and people make them. `plain`: of characters that need no quotes or escapes. */
export function password(draw: Draw, plain = false): string {
  if (draw.standIn) return draw.standIn(draw);
  const symbols = plain ? PLAIN_SYMBOLS : SYMBOLS;
  return draw.weighted([
    [() => generated(draw, symbols), 5],
    [() => memorable(draw, plain ? '.-_' : '!#@?.*'), 4],
    [() => passphrase(draw), 1],
  ])();
}

function generated(draw: Draw, symbols: string): string {
  const length = draw.between(10, 24);
  const alphabet = ALPHANUMERIC + (draw.chance(0.5) ? symbols : '');
  // Both letters and digits, in any order; the first needs no quotes.
  const rest = draw.chars(length - 4, alphabet) + draw.chars(1, DIGITS) + draw.chars(1, UPPER);
  return draw.chars(1, LOWER) + rest + draw.chars(1, LOWER + DIGITS);
}

/** "Falcon2931!", "gr4nd-piano77", "Harbor#Lemon9". */
function memorable(draw: Draw, symbols: string): string {
  const symbol = draw.chars(1, symbols);
  const digits = draw.digits(draw.between(2, 4));
  return draw.pick([
    () => `${draw.capital()}${digits}${symbol}`,
    () => `${draw.capital()}${symbol}${digits}`,
    () => `${draw.word()}${digits}${draw.capital()}`,
    () => `${draw.capital()}${symbol}${draw.capital()}${digits}`,
    () => `${leet(draw.capital())}${symbol}${leet(draw.word())}${digits}`,
  ])();
}

const leet = (word: string) => word.replace('e', '3').replace('a', '4').replace('o', '0').replace('i', '1');

/** "copper-lantern-velvet-83". */
function passphrase(draw: Draw): string {
  const words = Array.from({ length: draw.between(3, 4) }, () => draw.word());
  return `${words.join(draw.pick(['-', '-', '_', '.']))}${draw.pick(['-', ''])}${draw.digits(2)}`;
}

/** A key issued by a service of one's own or of others. */
export function opaqueKey(draw: Draw): string {
  if (draw.standIn) return draw.standIn(draw);
  return draw.weighted([
    [() => draw.hex(draw.pick([32, 40, 64])), 4],
    [() => mixed(draw, draw.between(20, 48)), 4],
    [() => draw.base64(draw.pick([24, 30, 32, 48])), 2],
    [() => draw.base64url(draw.between(18, 48)), 2],
    [() => `${draw.word().slice(0, 3)}_live_${mixed(draw, draw.between(24, 36))}`, 1],
  ])();
}

/** Letters and digits, with at least one of each, so that it is not a word by chance. */
export function mixed(draw: Draw, length: number, alphabet = ALPHANUMERIC): string {
  if (draw.standIn) return draw.standIn(draw);
  for (;;) {
    const value = draw.chars(length, alphabet);
    if (/\d/.test(value) && /[a-z]/i.test(value)) return value;
  }
}

export const hexKey = (draw: Draw) => draw.chars(draw.pick([32, 48, 64, 64, 128]), HEX);

/** 16, 24, 32 or 64 bytes for a cipher or a MAC. */
export function cipherKey(draw: Draw): string {
  const bytes = draw.bytes(draw.pick([16, 24, 32, 32, 64]));
  return bytes.toString(draw.pick(['hex', 'base64'] as const));
}

/** The pieces of a text, each of several characters. */
export function pieces(draw: Draw, text: string, count: number): string[] {
  const size = Math.ceil(text.length / count);
  const cut: string[] = [];
  for (let at = 0; at < text.length;) {
    const length = Math.max(3, size + draw.between(-2, 2));
    cut.push(text.slice(at, at + length));
    at += length;
  }
  return cut;
}

export const base64Of = (text: string) => Buffer.from(text).toString('base64');

export const person = (draw: Draw) =>
  draw.pick(['admin', 'app', 'deploy', 'svc_backup', 'root', 'reporting', 'sa', 'etl_user', draw.word()]);

export const host = (draw: Draw) =>
  draw.pick([
    `db.${draw.word()}.internal`,
    `10.${draw.between(0, 99)}.${draw.between(0, 99)}.${draw.between(2, 99)}`,
    `${draw.word()}-prod.${draw.word()}.net`,
    `${draw.word()}.corp.lan`,
  ]);
