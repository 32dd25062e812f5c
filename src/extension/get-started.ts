/** The walkthrough of the first minutes: on request, and once after installing. */
import * as vscode from 'vscode';
import type { ServicesWithCompletion } from './completion/completion-service.ts';
import type { Services } from './services.ts';

const WELCOMED = 'welcomed';

export const getStarted = ({ extension }: Pick<Services, 'extension'>) =>
  vscode.commands.executeCommand(
    'workbench.action.openWalkthrough',
    `${extension.extension.id}#start`,
    false,
  );

/** Steps of the walkthrough that are done, by the name of their context in package.json. */
export const doneSteps = ({ completion, runs }: Pick<ServicesWithCompletion, 'completion' | 'runs'>) => ({
  completes: completion.inUse !== undefined,
  hasRuns: runs.all.length > 0,
  completesWithResult: completion.inUse?.run !== undefined,
});

let told = '';
/** Ticks the steps: when they are done, not when their button was pressed. */
export function tickSteps(services: Pick<ServicesWithCompletion, 'completion' | 'runs'>): void {
  const steps = doneSteps(services);
  if (told === JSON.stringify(steps)) return;
  told = JSON.stringify(steps);
  for (const [name, isDone] of Object.entries(steps))
    void vscode.commands.executeCommand('setContext', `forgetMeNot.${name}`, isDone);
}

/**
 * VS Code opens a walkthrough only after an installation by hand. This also covers those from a file or by a script,
 * unless the user has turned such pages off or has runs from before.
 */
export async function welcomeOnce(services: Pick<Services, 'extension' | 'runs'>): Promise<void> {
  const { extension, runs } = services;
  if (extension.globalState.get(WELCOMED)) return;
  await extension.globalState.update(WELCOMED, true);
  const pages = vscode.workspace.getConfiguration('workbench.welcomePage.walkthroughs');
  if (pages.get('openOnInstall', true) && runs.all.length === 0) await getStarted(services);
}
