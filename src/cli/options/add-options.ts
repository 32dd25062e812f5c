/** Gives a command options of the table in training/options. */
import { Option, type Command } from 'commander';
import type { AnyTable } from '../../training/options/option.ts';

export function addOptions(command: Command, table: AnyTable): Command {
  for (const option of Object.values(table)) {
    const made = new Option(option.flags, option.help);
    if (option.parse) made.argParser((text, before) => option.parse!(text, before));
    if (option.choices) made.choices(option.choices);
    made.default(option.default, option.defaultText);
    command.addOption(made);
    if (option.off) command.addOption(new Option(option.off.flags, option.off.help));
  }
  return command;
}
