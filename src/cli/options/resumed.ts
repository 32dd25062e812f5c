/** `--resume` of a sweep or a reproduction: which options go with it. */
import type { Command } from 'commander';
import { UserError } from '../../text/errors.ts';

/** All others were settled when it began. */
const allowed = new Set(['resume', 'on', 'storage', 'cpus', 'budget', 'yes', 'json', 'verbose']);

/** Throws `bad-argument` if `--resume` is given together with something that would be ignored. */
export function checkResumed(command: Command, what: 'sweep' | 'reproduction'): void {
  const isGiven = (name: string) => command.getOptionValueSource(name) === 'cli';
  if (!isGiven('resume')) return;
  const option = command.options.find(
    (one) => isGiven(one.attributeName()) && !allowed.has(one.attributeName()),
  );
  const given = option?.long ?? command.args[0];
  if (given === undefined) return;
  throw new UserError(
    'bad-argument',
    `${given} belongs to a new ${what}: one that is resumed keeps its own settings.`,
    `Leave ${given} or --resume out.`,
  );
}
