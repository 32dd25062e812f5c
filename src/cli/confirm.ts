import { createInterface } from 'node:readline/promises';
import { UserError } from '../text/errors.ts';
import { note, type Lines } from './view/output.ts';

export interface Answering {
  yes?: boolean | undefined;
  json?: boolean | undefined;
}

/** Prints `text` and, on a terminal, asks for consent unless `yes` is set. Without a terminal the answer is yes. */
export async function confirm(text: Lines, { yes = false, json = false }: Answering): Promise<boolean> {
  if (!json) note(text);
  if (yes || json || !process.stdin.isTTY || !process.stderr.isTTY) return true;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question('Go on? [Y/n] ').finally(() => terminal.close());
  return !/^n/i.test(answer.trim());
}

/** As `confirm`; throws UserError `cancelled` if the user declines. `what`: "Nothing was installed". */
export async function requireConfirmed(
  text: Lines,
  options: Answering,
  what: string,
  next: string,
): Promise<void> {
  if (!(await confirm(text, options))) throw new UserError('cancelled', `${what}.`, next);
}

/**
 * The same before data is deleted or leaves this machine: without a terminal, only `yes` is consent, and it throws
 * UserError `bad-argument` otherwise.
 */
export async function consent(text: Lines, options: Answering, what: string, next: string): Promise<void> {
  const { yes, json } = options;
  if (yes || (!json && process.stdin.isTTY && process.stderr.isTTY))
    return requireConfirmed(text, options, what, next);
  if (!json) note(text);
  throw new UserError('bad-argument', `${what}, because nobody could be asked.`, 'Add --yes.');
}
