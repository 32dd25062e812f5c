/** Entry: `forget-me-not`. A file per command in commands/. */
import { Command, CommanderError } from 'commander';
import { cancelCommand } from './commands/cancel.ts';
import { completeCommand } from './commands/complete.ts';
import { corpusCommand } from './commands/corpus.ts';
import { doctorCommand } from './commands/doctor.ts';
import { evaluateCommand } from './commands/evaluate.ts';
import { modelsCommand } from './commands/models.ts';
import { reportCommand } from './commands/report.ts';
import { resumeCommand } from './commands/resume.ts';
import { runsCommand } from './commands/runs.ts';
import { runtimeCommand } from './commands/runtime.ts';
import { serveCommand } from './commands/serve.ts';
import { showCommand } from './commands/show.ts';
import { trainCommand } from './commands/train.ts';
import { printError } from './output.ts';
import { version } from './version.ts';

const commands = [
  doctorCommand,
  runtimeCommand,
  modelsCommand,
  corpusCommand,
  trainCommand,
  resumeCommand,
  cancelCommand,
  runsCommand,
  showCommand,
  evaluateCommand,
  reportCommand,
  serveCommand,
  completeCommand,
];

const program = new Command('forget-me-not')
  .description(
    'Fine-tune a code model on your own code, see what it learned and forgot, and complete with the result.',
  )
  .version(version)
  .showHelpAfterError('(see --help)');
for (const command of commands) program.addCommand(command().option('--verbose', 'print stack traces'));

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode;
  else {
    const has = (flag: string) => process.argv.includes(flag);
    printError(error, { json: has('--json'), verbose: has('--verbose') });
    process.exitCode = 1;
  }
}
// Native threads of llama.cpp would keep the process alive; what was printed must get out first.
await new Promise<void>((done) => process.stdout.write('', () => done()));
process.exit();
