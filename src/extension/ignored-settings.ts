/** Warns about workspace settings that are ignored (workspace-rules.ts), once each per session. */
import { t } from '../text/l10n.ts';
import type { Services } from './services.ts';
import { settings } from './settings.ts';
import { settingAction } from './log.ts';

const warned = new Set<string>();

export function warnIgnoredSettings({ log }: Pick<Services, 'log'>): void {
  const { base, options } = settings.ignored();
  const warn = (setting: string, sentence: string) => {
    if (warned.has(sentence)) return;
    warned.add(sentence);
    void log.notify('warning', sentence, settingAction(setting));
  };
  if (base.length > 0)
    warn(
      'base',
      t(
        "This workspace's settings name the base {base}. It is ignored, because a workspace can only choose among the known bases; to use it, name it in your user settings.",
        { base: base.join(' ') },
      ),
    );
  if (options.length > 0)
    warn(
      'training.options',
      t(
        "This workspace's settings give options of training that a workspace can't, because they may name files, data sets or servers: {options}. They are ignored; to use them, put them into your user settings.",
        { options: options.join(' ') },
      ),
    );
}
