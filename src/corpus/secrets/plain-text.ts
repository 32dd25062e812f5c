/** Converts various literal notations to plain quotes, so that the patterns need not know them. */

/**
 * Converts XML's `&quot;`, Ruby's `%q{}`, `"""`, and notebook cells, in which each line is a JSON literal. Every
 * character stays on its line.
 */
export function withPlainQuotes(path: string, text: string): string {
  let plain = text;
  if (path.endsWith('.ipynb')) plain = plain.replace(/^[ \t]*("(?:[^"\\\n]|\\.)*"),?$/gm, decodeCellLine);
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

function decodeCellLine(line: string, literal: string): string {
  try {
    return (JSON.parse(literal) as string).trimEnd().replaceAll('\n', ' ').padEnd(line.length);
  } catch {
    return line;
  }
}
