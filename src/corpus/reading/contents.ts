/** Decides by a file's contents whether to keep it. */
import type { Reason } from '../reasons.ts';
import { fileExtension } from '../names.ts';

export const MAX_BYTES = 1_000_000;
const MAX_LINE = 5000;
const MAX_MEAN_LINE = 400;
/** Linguist's threshold, in characters per line: hand-written CSS and JavaScript stay well below it. */
const MINIFIED_MEAN_LINE = 110;
const minifiable = new Set(['js', 'mjs', 'cjs', 'css']);
const HEADER_LINES = 30;

/** The text with "\n" line ends and without a byte order mark, or why it can't be decoded. */
export function decodeText(bytes: Buffer): { text: string } | { reason: Reason } {
  const encoding =
    bytes[0] === 0xff && bytes[1] === 0xfe
      ? 'utf-16le'
      : bytes[0] === 0xfe && bytes[1] === 0xff
        ? 'utf-16be'
        : 'utf-8';
  if (encoding === 'utf-8' && isBinary(bytes)) return { reason: 'binary' };
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
    return { text: text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text };
  } catch {
    return { reason: 'encoding' };
  }
}

/** The same rule as in git and grep: a zero byte near the start. */
export function isBinary(bytes: Buffer): boolean {
  return bytes.subarray(0, 8192).includes(0);
}

export function isScript(head: Buffer): boolean {
  return head[0] === 0x23 && head[1] === 0x21;
}

export function countLines(text: string): number {
  let lines = text.length > 0 && !text.endsWith('\n') ? 1 : 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines += 1;
  return lines;
}

/** Why a text is left out; undefined if it is kept. */
export function judgeText(path: string, text: string): { reason: Reason; detail?: string } | undefined {
  if (!/\S/.test(text)) return { reason: 'empty' };
  const { longest, mean } = measureLines(text);
  if (minifiable.has(fileExtension(path)) && mean > MINIFIED_MEAN_LINE)
    return { reason: 'minified', detail: `${Math.round(mean)} characters a line` };
  if (longest > MAX_LINE) return { reason: 'over-long', detail: `a line of ${longest} characters` };
  if (mean > MAX_MEAN_LINE) return { reason: 'over-long', detail: `${Math.round(mean)} characters a line` };
  const header = generatedHeader(text);
  return header ? { reason: 'generated', detail: `its header says "${header}"` } : undefined;
}

function measureLines(text: string): { longest: number; mean: number } {
  let longest = 0;
  let lines = 0;
  for (let from = 0; from < text.length; lines += 1) {
    const newline = text.indexOf('\n', from);
    const to = newline < 0 ? text.length : newline;
    longest = Math.max(longest, to - from);
    from = to + 1;
  }
  return { longest, mean: text.length / Math.max(1, lines) };
}

/** Start of a comment in most languages. "Generated" refers to the file itself only in a comment. */
const comment = /^\s*(?:\/\/|\/\*|\*|#|--|;|%|<!--|"""|'''|\(\*|\{-|REM\b)/;
const generated =
  /(?:^|[\s*])@generated\b|\bDO NOT (?:EDIT|MODIFY)\b|<auto-?generated|\b(?:auto(?:matically)?|machine)[ -]?generated (?:by|from|with|using)\b|\b(?:file|code|module|header|class) (?:is|was|has been) (?:auto(?:matically)?[ -]?)?generated (?:by|from|with|using)\b|^\W*generated (?:by|from) .{0,80}\bdo not edit\b/i;

function generatedHeader(text: string): string | undefined {
  let from = 0;
  for (let line = 0; line < HEADER_LINES && from < text.length; line += 1) {
    const newline = text.indexOf('\n', from);
    const to = newline < 0 ? text.length : newline;
    const content = text.slice(from, Math.min(to, from + 300));
    const match = comment.test(content) ? generated.exec(content) : undefined;
    if (match) return match[0].trim().slice(0, 60);
    from = to + 1;
  }
  return undefined;
}
