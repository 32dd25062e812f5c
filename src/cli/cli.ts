#!/usr/bin/env node
/** Entry point: `forget-me-not`. Each command is a file in commands/. */
import { Command } from 'commander';
import { commandGroups } from './commands/index.ts';
import { handleStop } from '../platform/processes/child.ts';
import { flushed, redirectConsole } from './view/output.ts';
import { printError } from './view/print-error.ts';
import { arrangeHelp } from './view/help.ts';
import { version } from './version.ts';

handleStop();
redirectConsole();
// The reader has closed the pipe ("| head").
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});
const program = new Command('forget-me-not')
  .description(
    'Fine-tune a code model on your own code, see what it learned and forgot, and complete with the result.',
  )
  .version(version)
  .exitOverride()
  // Commander's argument errors are printed below, like every other error.
  .configureOutput({ outputError: () => undefined });

async function addCommand(heading: string, load: () => Command | Promise<Command>): Promise<void> {
  const built = (await load()).option('--verbose', 'print stack traces').helpGroup(heading);
  arrangeHelp(built);
  program.addCommand(built);
  for (const command of [built, ...built.commands]) command.copyInheritedSettings(program);
}

try {
  const asked = process.argv[2] ?? '';
  const isCommand = Object.values(commandGroups).some((commands) => Object.hasOwn(commands, asked));
  for (const [heading, commands] of Object.entries(commandGroups))
    for (const [name, load] of Object.entries(commands))
      // Help, and what is no command, need all of them.
      if (name === asked || !isCommand) await addCommand(heading, load);
  // Set explicitly: commander would not skip the script's path where an editor's Electron runs this as Node.
  await program.parseAsync(process.argv);
} catch (thrown) {
  process.exitCode = printError(thrown);
}
// llama.cpp's native threads would keep the process alive, so it exits explicitly, after stdout is flushed.
await flushed();
process.exit();
