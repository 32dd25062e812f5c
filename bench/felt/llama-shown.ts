/**
 * When llama.vscode shows an answer, and how much of it. Reimplements its behaviour (ggml-org/llama.vscode, MIT). Pure.
 */

interface Around {
  /** The line's text left and right of the cursor. */
  left: string;
  right: string;
  /** The lines below the cursor's. */
  below: readonly string[];
}

/** The part of an answer that is shown; undefined if none. */
export function shownOf(answer: string, around: Around): string | undefined {
  const lines = answer.split(/\r?\n/);
  while (lines.length > 0 && lines.at(-1) === '') lines.pop();
  if (lines.length === 0 || !answer.trim() || repeats(lines, around)) return undefined;
  const { right } = around;
  if (right.trim() !== '') {
    if (lines[0]!.endsWith(right)) return lines[0]!.slice(0, -right.length) || undefined;
    if (lines.length > 1) return lines[0];
  }
  return lines.join('\n');
}

/** Whether the answer repeats the text right of the cursor or below it. */
function repeats(lines: readonly string[], { left, right, below }: Around): boolean {
  const [first, ...rest] = lines as [string, ...string[]];
  if (rest.length === 0 && first.trim() === '') return true;
  // On the last line there is nothing to repeat.
  if (below.length === 0) return false;
  const follows = (from: number) => rest.every((line, at) => line === below[from + at]);
  if (rest.length > 0 && (first.trim() === '' || first.trim() === right.trim()) && follows(0)) return true;
  if (rest.length === 0 && first === right) return true;
  const next = below.findIndex((line) => line.trim() !== '');
  if (next < 0 || left + first !== below[next]) return false;
  if (rest.length === 0) return true;
  if (rest.length === 1) return (below[next + 1] ?? '').startsWith(rest[0]!);
  return follows(next + 1);
}
