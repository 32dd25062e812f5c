/** Entry point: builds the context, registers the commands, and follows running runs again. Loads nothing native. */
import type * as vscode from 'vscode';
import { registerCommands } from './commands.ts';
import { Context } from './context.ts';
import { warnIfLost } from './container.ts';
import { registerDoctor } from './doctor.ts';
import { welcomeOnce } from './get-started.ts';

let context: Context | undefined;

export function activate(extension: vscode.ExtensionContext): void {
  const started = performance.now();
  context = new Context(extension);
  extension.subscriptions.push(registerCommands(context), registerDoctor());
  context.log.info(`Activated in ${(performance.now() - started).toFixed(1)} ms.`);
  void welcome(context);
}

/** Finds earlier runs first: whoever has some needs no introduction. */
async function welcome(context: Context): Promise<void> {
  await context.takeUp();
  await welcomeOnce(context);
  await warnIfLost(context);
}

/** The completion server ends with the window; training goes on. */
export async function deactivate(): Promise<void> {
  await context?.dispose();
  context = undefined;
}
