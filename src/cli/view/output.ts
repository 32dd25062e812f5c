/**
 * The output of every command, and its only way to the terminal (rooms.test.ts keeps it so): results on stdout, progress
 * and errors on stderr. Foreign text is shown with its control characters escaped and stays on its line: a line end
 * within a line is shown as `\n`.
 */
import { format } from 'node:util';
import { jsonLine, visible, visibleLine, visibleText } from '../../text/foreign-text.ts';

/** A line, or several such as a table's. */
export type Lines = string | readonly string[];

const shown = (lines: readonly Lines[]): string =>
  lines
    .flat()
    .map((line) => `${visibleLine(line)}\n`)
    .join('');

/** Lines of a result, on stdout. */
export const print = (...lines: Lines[]): void => void process.stdout.write(shown(lines));

/** Lines that are not part of the result, on stderr. */
export const note = (...lines: Lines[]): void => void process.stderr.write(shown(lines));

/** Groups of lines with an empty line between them. */
export const joinGroups = (groups: readonly (readonly string[])[]): string[] =>
  groups.filter(({ length }) => length > 0).flatMap((lines, index) => (index ? ['', ...lines] : lines));

/** The lines of a text such as code, with its tabs. */
export const splitLines = (text: string): string[] => text.split(/\r?\n/);

/** A text that keeps its line breaks and tabs, such as a completion. */
export const printText = (text: string): void =>
  void process.stdout.write(`${splitLines(text).map(visibleText).join('\n')}\n`);

export const printJson = (value: unknown): void => void process.stdout.write(`${jsonLine(value)}\n`);

/** A line of JSON on stderr, for a parent process. */
export const noteJson = (value: unknown): void => void process.stderr.write(`${jsonLine(value)}\n`);

/** Progress of a long command, for a parent process. */
export const printProgress = (progress: {
  phase: string;
  done: number;
  total: number;
  unit: string;
  /** Remaining time of this phase, and of everything. */
  etaSeconds?: number | undefined;
  leftSeconds?: number | undefined;
}): void => noteJson(progress);

const CLEAR = '\r\x1b[2K';

/** A line of the terminal that rewrites itself. Without a terminal, only permanent lines are written. */
export class LiveLine {
  constructor(private readonly stream: NodeJS.WriteStream) {}

  get live(): boolean {
    return this.stream.isTTY === true;
  }

  show(text: string): void {
    const { columns } = this.stream;
    if (this.live)
      this.stream.write(`${CLEAR}${visible(text).slice(0, columns > 1 ? columns - 1 : undefined)}`);
  }

  clear(): void {
    if (this.live) this.stream.write(CLEAR);
  }

  /** Keeps the current line on the screen. */
  keep(): void {
    if (this.live) this.stream.write('\n');
  }

  /** Replaces the current line by a permanent one. */
  print(line: string): void {
    this.clear();
    this.stream.write(shown([line]));
  }
}

/** Redirects console output of libraries to stderr, where everything but the result goes, one line per call. */
export function redirectConsole(): void {
  for (const level of ['debug', 'error', 'info', 'log', 'warn'] as const)
    console[level] = (...args: unknown[]) => note(format(...args));
}

/** Resolves once stdout is flushed. */
export const flushed = (): Promise<void> => new Promise((done) => process.stdout.write('', () => done()));
