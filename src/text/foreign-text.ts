/**
 * Text that others wrote (names of files, manifests, model files, what servers and children say), made safe to show.
 * Pure. The command line shows everything through cli/view/output.ts, VS Code through extension/editor-ui.ts.
 */

/**
 * What a terminal obeys or a reader cannot see: control characters, marks that turn the direction of text, what has no
 * width, line separators, half of a surrogate pair. Joiners and variation selectors stay where scripts and emoji need
 * them: after an emoji, a combining mark or an Arabic letter.
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

/** The text on one line, with an escape such as `\x1b`, `\n` or `\u202e` in the place of what `hidden` names. */
export const visible = (text: string): string => text.replace(hidden, escaped);

/** As `visible`, of a text whose lines and tabs are its own, such as code. */
export const visibleText = (text: string): string =>
  text.replace(hidden, (character) => (/[\n\t]/.test(character) ? character : escaped(character)));

/** A message with all its texts so. */
export function visibleIn<T>(value: T): T {
  if (typeof value === 'string') return visibleText(value) as T;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(visibleIn) as T;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, visibleIn(one)])) as T;
}

/** Whether it is shown as it stands. */
export const isPlain = (text: string): boolean => visible(text) === text;

/** As `visible`, with a space in the place of each of them. */
export const blanked = (text: string): string => text.replace(hidden, ' ');

/** Characters of a line that are shown. */
const LONGEST = 4000;

/** As `visible`; a line that nobody would read to its end is cut. */
export function visibleLine(text: string, longest = LONGEST): string {
  if (text.length <= longest) return visible(text);
  return `${visible(text.slice(0, longest))}... (${text.length - longest} more characters)`;
}

/** A line of JSON that says exactly the value, and of which a terminal obeys nothing. */
export const jsonLine = (value: unknown): string =>
  (JSON.stringify(value) ?? 'null').replace(hidden, (character) =>
    Array.from({ length: character.length }, (_, at) => `\\u${hex(character.charCodeAt(at), 4)}`).join(''),
  );
