#!/usr/bin/env node
/** Entry: `forget-me-not`. A file per command in commands/. */
import { Command, CommanderError } from 'commander';
import { cancelCommand } from './commands/cancel.ts';
import { changedCommand } from './commands/changed.ts';
import { compareCommand } from './commands/compare.ts';
import { completeCommand } from './commands/complete.ts';
import { corpusCommand } from './commands/corpus.ts';
import { doctorCommand } from './commands/doctor.ts';
import { evaluateCommand } from './commands/evaluate.ts';
import { exportCommand } from './commands/export.ts';
import { importCommand } from './commands/import.ts';
import { modelsCommand } from './commands/models.ts';
import { preferencesCommand } from './commands/preferences.ts';
import { reportCommand } from './commands/report.ts';
import { reproduceCommand } from './commands/reproduce.ts';
import { resumeCommand } from './commands/resume.ts';
import { runsCommand } from './commands/runs.ts';
import { runtimeCommand } from './commands/runtime.ts';
import { serveCommand } from './commands/serve.ts';
import { showCommand } from './commands/show.ts';
import { spectrumCommand } from './commands/spectrum.ts';
import { strengthCommand } from './commands/strength.ts';
import { sweepCommand } from './commands/sweep.ts';
import { trainCommand } from './commands/train.ts';
import { heedStop } from '../protocol/child.ts';
import { UserError } from '../protocol/errors.ts';
import { printError } from './view/output.ts';
import { version } from './version.ts';

const commands = [
  doctorCommand,
  runtimeCommand,
  modelsCommand,
  corpusCommand,
  trainCommand,
  preferencesCommand,
  sweepCommand,
  resumeCommand,
  cancelCommand,
  changedCommand,
  runsCommand,
  showCommand,
  evaluateCommand,
  spectrumCommand,
  strengthCommand,
  compareCommand,
  reproduceCommand,
  reportCommand,
  exportCommand,
  importCommand,
  serveCommand,
  completeCommand,
];

heedStop();
const program = new Command('forget-me-not')
  .description(
    'Fine-tune a code model on your own code, see what it learned and forgot, and complete with the result.',
  )
  .version(version)
  .exitOverride()
  // What commander has against the arguments is printed below, as every other error.
  .configureOutput({ outputError: () => undefined });
for (const command of commands) {
  const built = command().option('--verbose', 'print stack traces');
  program.addCommand(built);
  for (const one of [built, ...built.commands]) one.copyInheritedSettings(program);
}

/** A wrong argument becomes our kind of error; undefined for `--help` and `--version`, which are none. */
function argumentError({ code, message, exitCode }: CommanderError): UserError | undefined {
  if (exitCode === 0 || code === 'commander.help') return undefined;
  const what = message.replace(/^error: /, '').split('\n')[0]!;
  const sentence = what[0]!.toUpperCase() + what.slice(1).replace(/\.?$/, '.');
  const hint = /\(Did you mean (.+)\?\)/.exec(message)?.[1];
  return new UserError(
    'bad-argument',
    sentence,
    hint ? `Did you mean ${hint}?` : 'Add --help to see what there is.',
  );
}

try {
  await program.parseAsync();
} catch (thrown) {
  const error = thrown instanceof CommanderError ? argumentError(thrown) : thrown;
  const has = (flag: string) => process.argv.includes(flag);
  if (error) printError(error, { json: has('--json'), verbose: has('--verbose') });
  process.exitCode = thrown instanceof CommanderError ? thrown.exitCode : 1;
}
// Native threads of llama.cpp would keep the process alive; what was printed must get out first.
await new Promise<void>((done) => process.stdout.write('', () => done()));
process.exit();
