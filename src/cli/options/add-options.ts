/** Adds options of the table in training/options to a command. */
import { Option, type Command } from 'commander';
import type { AnyTable } from '../../training/options/option.ts';

export function addOptions(command: Command, table: AnyTable): Command {
  for (const option of Object.values(table)) {
    const built = new Option(option.flags, option.help);
    if (option.parse) built.argParser((text, before) => option.parse!(text, before));
    if (option.choices) built.choices(option.choices);
    built.default(option.default, option.defaultText);
    command.addOption(built);
    if (option.off) command.addOption(new Option(option.off.flags, option.off.help));
  }
  return command;
}
