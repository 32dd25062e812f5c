/** Entry point: builds the context, registers the commands, and follows running runs again. Loads nothing native. */
import * as vscode from 'vscode';
import { offerChatModels } from './chat/chat-provider.ts';
import { registerCommands } from './commands/table.ts';
import { watchGpu } from './commands/gpu-support.ts';
import { platformsIn, whyNoLlama } from '../llama-cpp/binaries.ts';
import { Context } from './context.ts';
import { warnOfDataFolder } from './data-folder.ts';
import { registerDoctor } from './doctor.ts';
import { welcomeOnce } from './get-started.ts';
import { setLanguage } from '../text/l10n.ts';

let context: Context | undefined;

export function activate(extension: vscode.ExtensionContext): void {
  const startedAt = performance.now();
  const { env, l10n } = vscode;
  setLanguage(env.language, l10n.bundle);
  context = new Context(extension);
  extension.subscriptions.push(
    registerCommands(context),
    registerDoctor(),
    watchGpu(context),
    offerChatModels(context),
  );
  context.log.info(`Activated in ${(performance.now() - startedAt).toFixed(1)} ms.`);
  void welcome(context);
}

/** Reads earlier runs first: users who have some need no introduction. */
async function welcome(context: Context): Promise<void> {
  await context.restoreRuns();
  // On Alpine, for example: otherwise the first click would fail late, in a child process.
  const why = whyNoLlama(await platformsIn(context.extension.extensionPath));
  if (why) return context.log.showError(why);
  await welcomeOnce(context);
  await warnOfDataFolder(context);
}

/** The completion server ends with the window; training continues. */
export async function deactivate(): Promise<void> {
  await context?.dispose();
  context = undefined;
}
