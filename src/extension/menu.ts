/** What a click on the status bar item offers. */
import * as vscode from 'vscode';
import type { Context } from './context.ts';
import { progressLine } from './texts.ts';

export async function showMenu({ runs, completion }: Context): Promise<void> {
  const item = (icon: string, label: string, command: string, detail?: string) => ({
    label: `$(${icon}) ${label}`,
    command: `forgetMeNot.${command}`,
    ...(detail ? { detail } : {}),
  });
  const live = runs.live[0];
  const items = [
    ...(live
      ? [item('debug-stop', 'Stop Training', 'stopTraining', `${live.spec.name}: ${progressLine(live)}`)]
      : []),
    item('play', 'Fine-tune on Workspace', 'fineTune'),
    item('graph', 'Show Results', 'showResults'),
    item(
      'sparkle',
      'Use for Completion',
      'useForCompletion',
      completion.inUse ? `Now: ${completion.inUse.spec.name}` : undefined,
    ),
    ...(completion.inUse
      ? [
          completion.on
            ? item('circle-slash', 'Turn Completion Off', 'completionOff')
            : item('check', 'Turn Completion On', 'completionOn'),
        ]
      : []),
    item('pulse', 'Doctor', 'doctor'),
    item('output', 'Show Log', 'showLog'),
  ];
  const chosen = await vscode.window.showQuickPick(items, { placeHolder: 'Forget-Me-Not' });
  if (chosen) await vscode.commands.executeCommand(chosen.command);
}
