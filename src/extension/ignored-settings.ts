/** Tells what a workspace's settings say and may not decide (workspace-rules.ts), each once in a session. */
import * as vscode from 'vscode';
import { t } from '../text/l10n.ts';
import type { Services } from './services.ts';
import { settings } from './settings.ts';

const told = new Set<string>();

export function tellIgnored({ log }: Pick<Services, 'log'>): void {
  const { base, options } = settings.ignored;
  const tell = (setting: string, sentence: string) => {
    if (told.has(sentence)) return;
    told.add(sentence);
    void log.ask('warning', sentence, {
      title: t('Open Settings'),
      run: () => vscode.commands.executeCommand('workbench.action.openSettings', `forgetMeNot.${setting}`),
    });
  };
  if (base.length > 0)
    tell(
      'base',
      t(
        "This workspace's settings name the base {base}. It is ignored, because a workspace can only choose among the known bases; to use it, name it in your user settings.",
        { base: base.join(' ') },
      ),
    );
  if (options.length > 0)
    tell(
      'training.options',
      t(
        "This workspace's settings give options of training that a workspace can't, because they may name files, data sets or servers: {options}. They are ignored; to use them, put them into your user settings.",
        { options: options.join(' ') },
      ),
    );
}
