/** The menu behind the status bar item. */
import * as vscode from 'vscode';
import type { Context } from './context.ts';
import { languageName } from './completion/language-name.ts';
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
    item('history', 'Show What Was Learned From Your Use', 'showLearnedFromUse'),
    item('pulse', 'Doctor', 'doctor'),
    item('output', 'Show Log', 'showLog'),
  ];
  const chosen = await vscode.window.showQuickPick(items, { placeHolder: 'Forget-Me-Not' });
  if (chosen) await vscode.commands.executeCommand(chosen.command);
}

function completionItems({ inUse, snoozedUntil }: Context['completion']) {
  if (!inUse)
    return [
      item('sparkle', 'Use for Completion', 'useForCompletion'),
      item('sparkle', 'Complete Code Without Training', 'completeUntuned'),
    ];
  const document = vscode.window.activeTextEditor?.document;
  const on = settings.completionEnabled();
  return [
    item('arrow-swap', 'Switch Adapter', 'switchAdapter', `Now: ${inUse.name}`),
    ...(snoozedUntil ? [item('bell', 'End Snoozing of Completion', 'wakeCompletion')] : []),
    ...(on && !snoozedUntil ? [item('bell-slash', 'Snooze Completion', 'snoozeCompletion')] : []),
    ...(document ? [languageItem(document)] : []),
    on
      ? item('circle-slash', 'Turn Completion Off', 'completionOff')
      : item('check', 'Turn Completion On', 'completionOn'),
  ];
}

function languageItem(document: vscode.TextDocument) {
  const turn = settings.completionEnabled(document) ? 'Off' : 'On';
  return item('code', `Turn ${turn} for ${languageName(document.languageId)}`, 'toggleLanguage');
}
