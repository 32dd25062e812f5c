/** How the command line ends on an error: the one place where errors and hints are printed. */
import { CommanderError } from 'commander';
import { UserError, formatError, reportError } from '../../text/errors.ts';
import { linesOf, note, printJson } from './output.ts';

/**
 * Prints the error in one sentence, with `--json` also as JSON, with `--verbose` also the stack. Returns the exit
 * status.
 */
export function endWith(thrown: unknown): number {
  const error = thrown instanceof CommanderError ? argumentError(thrown) : thrown;
  const has = (flag: string) => process.argv.includes(flag);
  if (error) {
    if (has('--json')) printJson({ error: reportError(error) });
    note(formatError(error));
    if (has('--verbose') && error instanceof Error) note(stackOf(error));
  }
  return thrown instanceof CommanderError ? thrown.exitCode : 1;
}

/** The message may have lines of its own, which must not look like ours. */
const stackOf = ({ name, message, stack = '' }: Error): string[] => [
  `${name}: ${message}`,
  ...linesOf(stack.replace(message, '')).filter((line) => line.startsWith('    at ')),
];

/** Turns commander's error into a UserError; undefined for `--help` and `--version`, which are no errors. */
function argumentError({ code, message, exitCode }: CommanderError): UserError | undefined {
  if (exitCode === 0 || code === 'commander.help') return undefined;
  const what = message.replace(/^error: /, '').split('\n')[0]!;
  const sentence = what[0]!.toUpperCase() + what.slice(1).replace(/\.?$/, '.');
  const hint = /\(Did you mean (.+)\?\)/.exec(message)?.[1];
  return new UserError(
    'bad-argument',
    sentence,
    hint ? `Did you mean ${hint}?` : 'Add --help to see the arguments and options.',
  );
}
