import { createInterface } from 'node:readline/promises';

/** Prints `text` and, on a terminal, asks for consent unless `yes` is set. Without a terminal the answer is yes. */
export async function confirm(
  text: string,
  { yes = false, json = false }: { yes?: boolean; json?: boolean },
): Promise<boolean> {
  if (!json) process.stderr.write(`${text}\n`);
  if (yes || json || !process.stdin.isTTY || !process.stderr.isTTY) return true;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question('Go on? [Y/n] ').finally(() => terminal.close());
  return !/^n/i.test(answer.trim());
}
