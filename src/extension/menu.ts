/** The menu behind the status bar item. */
import * as vscode from 'vscode';
import type { Context } from './context.ts';
import { languageName } from './completion/language-name.ts';
import { t } from '../text/l10n.ts';
import { settings } from './settings.ts';
import { progressLine } from './texts.ts';
import { showQuickPick } from './editor-ui.ts';

const item = (icon: string, label: string, command: string, detail?: string) => ({
  label: `$(${icon}) ${label}`,
  command: `forgetMeNot.${command}`,
  ...(detail ? { detail } : {}),
});

export async function showMenu({ runs, completion }: Context): Promise<void> {
  const live = runs.live[0];
  const items = [
    ...(live
      ? [item('debug-stop', t('Stop Training'), 'stopTraining', `${live.spec.name}: ${progressLine(live)}`)]
      : []),
    item('play', t('Fine-tune on Workspace'), 'fineTune'),
    item('graph', t('Show Results'), 'showResults'),
    ...completionItems(completion),
    item('gear', t('Open Settings'), 'openSettings'),
    item('pulse', t('Doctor'), 'doctor'),
    item('output', t('Show Log'), 'showLog'),
  ];
  const chosen = await showQuickPick(items, { placeHolder: 'Forget-Me-Not' });
  if (chosen) await vscode.commands.executeCommand(chosen.command);
}

function completionItems({ inUse, snooze, remoteServer: elsewhere }: Context['completion']) {
  if (!inUse)
    return [
      item('sparkle', t('Use for Completion'), 'useForCompletion'),
      item('sparkle', t('Complete Code Without Training'), 'completeUntuned'),
    ];
  const document = vscode.window.activeTextEditor?.document;
  const on = settings.completionEnabled();
  const now = t('Now: {name}', { name: inUse.name });
  return [
    inUse.remote
      ? item('cloud', t('Choose Completion Server Model'), 'chooseEndpointModel', now)
      : item('arrow-swap', t('Switch Adapter'), 'switchAdapter', now),
    ...(inUse.run ? [item('beaker', t('Compare While I Work'), 'compareByTurns')] : []),
    ...(inUse.remote && elsewhere.isAllowed(inUse.remote.endpoint)
      ? [item('debug-disconnect', t('Stop Sending Code to the Completion Server'), 'stopSendingCode')]
      : []),
    ...(snooze.until ? [item('bell', t('Cancel Completion Snooze'), 'wakeCompletion')] : []),
    ...(on && !snooze.until ? [item('bell-slash', t('Snooze Completion'), 'snoozeCompletion')] : []),
    ...(document ? [languageItem(document)] : []),
    on
      ? item('circle-slash', t('Turn Completion Off'), 'completionOff')
      : item('check', t('Turn Completion On'), 'completionOn'),
  ];
}

function languageItem(document: vscode.TextDocument) {
  const language = languageName(document.languageId);
  const label = settings.completionEnabled(document)
    ? t('Turn Off for {language}', { language })
    : t('Turn On for {language}', { language });
  return item('code', label, 'toggleLanguage');
}
