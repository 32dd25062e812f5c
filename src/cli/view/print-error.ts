/** The only place where the command line prints errors and hints. */
import { CommanderError } from 'commander';
import { UserError, formatError, reportError } from '../../text/errors.ts';
import { splitLines, note, printJson } from './output.ts';

/**
 * Prints the error in one sentence, with `--json` also as JSON, with `--verbose` also the stack. Returns the exit
 * status.
 */
export function printError(thrown: unknown): number {
  const error = thrown instanceof CommanderError ? argumentError(thrown) : thrown;
  const hasFlag = (flag: string) => process.argv.includes(flag);
  if (error) {
    if (hasFlag('--json')) printJson({ error: reportError(error) });
    note(formatError(error));
    if (hasFlag('--verbose') && error instanceof Error) note(formatStack(error));
  }
  return thrown instanceof CommanderError ? thrown.exitCode : 1;
}

/** The message may contain line breaks, which must not look like lines of ours. */
const formatStack = ({ name, message, stack = '' }: Error): string[] => [
  `${name}: ${message}`,
  ...splitLines(stack.replace(message, '')).filter((line) => line.startsWith('    at ')),
];

/** Turns commander's error into a UserError; undefined for `--help` and `--version`, which are not errors. */
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
