/** The output of every command: results on stdout, progress and errors on stderr. */
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
