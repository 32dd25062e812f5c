/** What a click on the status bar item offers. */
import * as vscode from 'vscode';
import type { Context } from './context.ts';
import { settings } from './settings.ts';
import { progressLine } from './texts.ts';

const item = (icon: string, label: string, command: string, detail?: string) => ({
  label: `$(${icon}) ${label}`,
  command: `forgetMeNot.${command}`,
  ...(detail ? { detail } : {}),
});

export async function showMenu({ runs, completion }: Context): Promise<void> {
  const live = runs.live[0];
  const items = [
    ...(live
      ? [item('debug-stop', 'Stop Training', 'stopTraining', `${live.spec.name}: ${progressLine(live)}`)]
      : []),
    item('play', 'Fine-tune on Workspace', 'fineTune'),
    item('graph', 'Show Results', 'showResults'),
    ...completionItems(completion),
    item('pulse', 'Doctor', 'doctor'),
    item('output', 'Show Log', 'showLog'),
  ];
  const chosen = await vscode.window.showQuickPick(items, { placeHolder: 'Forget-Me-Not' });
  if (chosen) await vscode.commands.executeCommand(chosen.command);
}

function completionItems({ inUse, on, snoozedUntil }: Context['completion']) {
  if (!inUse) return [item('sparkle', 'Use for Completion', 'useForCompletion')];
  const language = vscode.window.activeTextEditor?.document.languageId;
  const off = language !== undefined && settings.disabledLanguages.includes(language);
  return [
    item('arrow-swap', 'Switch Adapter', 'switchAdapter', `Now: ${inUse.spec.name}`),
    ...(snoozedUntil ? [item('bell', 'End Snoozing of Completion', 'wakeCompletion')] : []),
    ...(on ? [item('bell-slash', 'Snooze Completion', 'snoozeCompletion')] : []),
    ...(on && language
      ? [item('code', `Turn Completion ${off ? 'On' : 'Off'} for ${language}`, 'toggleLanguage')]
      : []),
    on || snoozedUntil
      ? item('circle-slash', 'Turn Completion Off', 'completionOff')
      : item('check', 'Turn Completion On', 'completionOn'),
  ];
}
