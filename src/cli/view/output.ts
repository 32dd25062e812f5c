/** How every command speaks: results on stdout, progress and errors on stderr. */
import { formatError, reportError } from '../../protocol/errors.ts';

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** Progress of a long command as a JSON line on stderr, for a parent process. */
export function printProgress(progress: {
  phase: string;
  done: number;
  total: number;
  unit: string;
  etaSeconds?: number;
}): void {
  process.stderr.write(`${JSON.stringify(progress)}\n`);
}

/** One clear sentence; the stack only with --verbose. */
export function printError(error: unknown, { json, verbose }: { json: boolean; verbose: boolean }): void {
  if (json) printJson({ error: reportError(error) });
  process.stderr.write(`${formatError(error)}\n`);
  if (verbose && error instanceof Error) process.stderr.write(`${error.stack}\n`);
}
