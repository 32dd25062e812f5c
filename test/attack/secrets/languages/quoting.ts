/** How texts are written as literals. */
import type { Draw } from '../draw.ts';

const escaped = (text: string, quote: string) =>
  quote + text.replaceAll('\\', '\\\\').replaceAll(quote, `\\${quote}`).replaceAll('\n', '\\n') + quote;

export const doubleQuoted = (text: string) => escaped(text, '"');
export const singleQuoted = (text: string) => escaped(text, "'");

/** Either kind of quote; single ones where a dollar or a number sign has a meaning in double ones. */
export const eitherQuoted = (text: string, draw: Draw) =>
  draw.chance(0.5) && !/[$#]/.test(text) ? doubleQuoted(text) : singleQuoted(text);

/** Without quotes, or with them if needed or drawn. */
export function shellQuoted(text: string, draw: Draw): string {
  if (/^[\w.+/:=@%,~-]+$/.test(text) && draw.chance(0.5)) return text;
  return /["$`\\!]/.test(text) || draw.chance(0.5) ? `'${text.replaceAll("'", "'\\''")}'` : `"${text}"`;
}

/** As in YAML and properties: without quotes if that reads as the same text. */
export function settingQuoted(text: string, draw: Draw): string {
  const bare = /^[A-Za-z][\w.+/=-]*$/.test(text) && !/^(?:true|false|yes|no|on|off|null)$/i.test(text);
  if (bare && draw.chance(0.6)) return text;
  return draw.chance(0.5) ? doubleQuoted(text) : `'${text.replaceAll("'", "''")}'`;
}

export const xmlEscaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

export const indented = (text: string, by: string) => text.replace(/^(?=.)/gm, by);
