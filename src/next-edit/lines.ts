/** Where the line at an offset begins and ends. In UTF-16 units, without the line break. */

export const startOfLine = (text: string, place: number): number =>
  place === 0 ? 0 : text.lastIndexOf('\n', place - 1) + 1;

export function endOfLine(text: string, place: number): number {
  const end = text.indexOf('\n', place);
  return end < 0 ? text.length : end;
}

/** The line at an offset. */
export const lineAt = (text: string, place: number): string =>
  text.slice(startOfLine(text, place), endOfLine(text, place));
