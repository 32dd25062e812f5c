import { createInterface } from 'node:readline/promises';
import { UserError } from '../text/errors.ts';
import { note, type Lines } from './view/output.ts';

/** Prints `text` and, on a terminal, asks for consent unless `yes` is set. Without a terminal the answer is yes. */
export async function confirm(
  text: Lines,
  { yes = false, json = false }: { yes?: boolean | undefined; json?: boolean | undefined },
): Promise<boolean> {
  if (!json) note(text);
  if (yes || json || !process.stdin.isTTY || !process.stderr.isTTY) return true;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question('Go on? [Y/n] ').finally(() => terminal.close());
  return !/^n/i.test(answer.trim());
}

/**
 * As `confirm`, before data leaves this machine: without a terminal, only `yes` is consent, and it throws UserError
 * `bad-argument` otherwise. `what`: names the action that was not taken.
 */
export async function consent(
  text: Lines,
  {
    yes = false,
    json = false,
    what,
  }: { yes?: boolean | undefined; json?: boolean | undefined; what: string },
): Promise<boolean> {
  if (yes || (!json && process.stdin.isTTY && process.stderr.isTTY)) return confirm(text, { yes, json });
  if (!json) note(text);
  throw new UserError('bad-argument', `${what}, because nobody could be asked.`, 'Add --yes.');
}
