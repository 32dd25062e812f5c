#!/usr/bin/env node
/** Entry: `forget-me-not`. A file per command in commands/. */
import { Command } from 'commander';
import { commandGroups } from './commands/index.ts';
import { heedStop } from '../platform/processes/child.ts';
import { flushed, guardConsole } from './view/output.ts';
import { endWith } from './view/end-with.ts';
import { arrangeHelp } from './view/help.ts';
import { version } from './version.ts';

heedStop();
guardConsole();
// Whoever reads ("| head") has seen enough.
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
for (const [heading, commands] of Object.entries(commandGroups))
  for (const create of commands) {
    const built = create().option('--verbose', 'print stack traces').helpGroup(heading);
    arrangeHelp(built);
    program.addCommand(built);
    for (const command of [built, ...built.commands]) command.copyInheritedSettings(program);
  }

try {
  // Given, because commander would not look for a script where an editor's Electron runs this as Node.
  await program.parseAsync(process.argv);
} catch (thrown) {
  process.exitCode = endWith(thrown);
}
// llama.cpp's native threads would keep the process alive, so it exits explicitly, after stdout is flushed.
await flushed();
process.exit();
