/**
 * Makes untrusted text (file names, manifests, model files, output of servers and child processes) safe to show. Pure.
 * The command line shows everything through cli/view/output.ts, VS Code through extension/editor-ui.ts.
 */

/**
 * Characters that a terminal interprets or a reader cannot see: control characters, bidirectional marks, zero-width
 * characters, line separators, lone surrogates. Joiners and variation selectors stay where scripts and emoji need them:
 * after an emoji, a combining mark or an Arabic letter.
 */
const hidden =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{DI}](?<!(?:[\p{Extended_Pictographic}\p{Emoji_Modifier}\p{Script=Arabic}]\ufe0f?|(?!\p{DI})\p{M})(?:\u200c|\u200d|\ufe0e|\ufe0f))/gu;

const short: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');

function escaped(character: string): string {
  const point = character.codePointAt(0)!;
  if (point > 0xffff) return `\\u{${hex(point, 0)}}`;
  return short[character] ?? (point < 0x100 ? `\\x${hex(point, 2)}` : `\\u${hex(point, 4)}`);
}

/** The text on one line, with `hidden` characters replaced by escapes such as `\x1b`, `\n` or `\u202e`. */
export const visible = (text: string): string => text.replace(hidden, escaped);

/** Like `visible`, but keeps lines and tabs, for texts such as code. */
export const visibleText = (text: string): string =>
  text.replace(hidden, (character) => (/[\n\t]/.test(character) ? character : escaped(character)));

/** Applies `visible` to all strings within a value. */
export function visibleIn<T>(value: T): T {
  if (typeof value === 'string') return visibleText(value) as T;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(visibleIn) as T;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, visibleIn(one)])) as T;
}

/** Whether `visible` leaves it unchanged. */
export const isPlain = (text: string): boolean => visible(text) === text;

/** Replaces `hidden` characters by spaces. */
export const blanked = (text: string): string => text.replace(hidden, ' ');

/** Maximum number of characters shown of a line. */
const MAX_CHARACTERS = 4000;

/** Like `visible`, but truncates very long lines. */
export function visibleLine(text: string, longest = MAX_CHARACTERS): string {
  if (text.length <= longest) return visible(text);
  return `${visible(text.slice(0, longest))}... (${text.length - longest} more characters)`;
}

/** The value as a line of JSON that contains nothing a terminal would interpret. */
export const jsonLine = (value: unknown): string =>
  (JSON.stringify(value) ?? 'null').replace(hidden, (character) =>
    Array.from({ length: character.length }, (_, at) => `\\u${hex(character.charCodeAt(at), 4)}`).join(''),
  );
