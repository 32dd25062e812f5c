/** Notations of literals as quotes: what the patterns then need not know. */

/**
 * XML's `&quot;`, Ruby's `%q{}`, `"""`, and the cells of a notebook, in which each line is a literal of JSON. Every
 * character stays on its line.
 */
export function withPlainQuotes(path: string, text: string): string {
  let plain = text;
  if (path.endsWith('.ipynb')) plain = plain.replace(/^[ \t]*("(?:[^"\\\n]|\\.)*"),?$/gm, lineOfCell);
  if (plain.includes('&quot;')) plain = plain.replaceAll('&quot;', '"     ');
  if (/%q/i.test(plain))
    plain = plain.replace(
      /%[qQ]?(?:\{([^\n"}]{4,200})\}|\[([^\n"\]]{4,200})\]|\(([^\n")]{4,200})\)|([|!])([^\n"]{4,200}?)\4)/g,
      (all, a, b, c, _sign, d) => `"${a ?? b ?? c ?? d}"`.padStart(all.length),
    );
  return plain.replace(
    /("{3}|'{3})(?:([^\n]{0,2000}?)\1)?/g,
    (_, [quote], line?: string) => `  ${quote}${line === undefined ? '' : `${line}${quote}  `}`,
  );
}

function lineOfCell(line: string, literal: string): string {
  try {
    return (JSON.parse(literal) as string).trimEnd().replaceAll('\n', ' ').padEnd(line.length);
  } catch {
    return line;
  }
}
