/** The walkthrough for the first minutes: opened on request, and once after installation. */
import * as vscode from 'vscode';
import type { ServicesWithCompletion } from './completion/completion-service.ts';
import type { Services } from './services.ts';

const WELCOMED_KEY = 'welcomed';

export const getStarted = ({ extension }: Pick<Services, 'extension'>) =>
  vscode.commands.executeCommand(
    'workbench.action.openWalkthrough',
    `${extension.extension.id}#start`,
    false,
  );

/** Steps of the walkthrough that are done, by the name of their context in package.json. */
export const completedSteps = ({
  completion,
  runs,
}: Pick<ServicesWithCompletion, 'completion' | 'runs'>) => ({
  completes: completion.inUse !== undefined,
  hasRuns: runs.all.length > 0,
  completesWithResult: completion.inUse?.run !== undefined,
});

let lastSteps = '';
/** Checks off the steps when they are done, not when their button is pressed. */
export function updateWalkthrough(services: Pick<ServicesWithCompletion, 'completion' | 'runs'>): void {
  const steps = completedSteps(services);
  if (lastSteps === JSON.stringify(steps)) return;
  lastSteps = JSON.stringify(steps);
  for (const [name, isDone] of Object.entries(steps))
    void vscode.commands.executeCommand('setContext', `forgetMeNot.${name}`, isDone);
}

/**
 * VS Code opens a walkthrough only after a manual installation. This also covers an installation from a file or by a
 * script, unless the user has turned such pages off or already has runs.
 */
export async function welcomeOnce(services: Pick<Services, 'extension' | 'runs'>): Promise<void> {
  const { extension, runs } = services;
  if (extension.globalState.get(WELCOMED_KEY)) return;
  await extension.globalState.update(WELCOMED_KEY, true);
  const pages = vscode.workspace.getConfiguration('workbench.welcomePage.walkthroughs');
  if (pages.get('openOnInstall', true) && runs.all.length === 0) await getStarted(services);
}
