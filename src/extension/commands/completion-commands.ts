/** Commands for completion: switch the adapter, snooze, turn completion on or off. */
import * as vscode from 'vscode';
import { sizeSoon } from '../../platform/files/size-soon.ts';
import { UserError } from '../../text/errors.ts';
import type { Context } from '../context.ts';
import { t } from '../../text/l10n.ts';
import { chooseEndpointModel } from './endpoint-commands.ts';
import { languageName } from '../completion/language-name.ts';
import { placeName, setCompletionEnabled, settings } from '../settings.ts';
import { servableItem, whyNotServable } from '../texts.ts';
import type { LocalModel } from '../completion/completion-model.ts';
import { useRun } from '../completion/use-run.ts';
import { setStatusBarMessage, showQuickPick } from '../editor-ui.ts';
import { plain } from '../plain.ts';
import { commandAction, settingAction } from '../log.ts';

/** The previously used adapter comes first, so that the shortcut and Enter switch back and forth. */
export async function switchAdapter(context: Context): Promise<void> {
  const { runs, store, completion, log } = context;
  if (completion.inUse?.remote) return chooseEndpointModel(context);
  await runs.refresh();
  const currentId = completion.inUse?.id;
  const rank = (id: string) =>
    id === currentId ? Infinity : store.recent.indexOf(id) + 1 || store.recent.length + 1;
  const results = runs.all
    .filter((run) => !whyNotServable(run, runs.statusOf(run)))
    .map((run) => ({ ...servableItem(run, runs.statusOf(run), run.spec.id === currentId), id: run.spec.id }));
  // The base of the adapter in use, and the base used before: they may differ.
  const bases: ReturnType<typeof untunedItem>[] = [];
  for (const base of [completion.inUse?.base, store.baseInUse]) {
    if (!base || (await sizeSoon(base.path)) === undefined) continue;
    bases.push(untunedItem(await completion.untrained(base), currentId));
  }
  const items = [...results, ...new Map(bases.map((item) => [item.id, item])).values()].sort(
    (a, b) => rank(a.id) - rank(b.id),
  );
  if (items.length === 0)
    return log.showError(
      new UserError(
        'run-not-found',
        t(
          'There is no result yet that can complete code: none is finished, or none is better than its base.',
        ),
        t('Start one with {step}.', { step: '{train}' }),
      ),
      commandAction(t('Complete Code Without Training'), 'completeUntuned'),
    );
  const placeHolder = currentId
    ? t('Which adapter should complete your code from now on?')
    : t('Which adapter should complete your code?');
  const options = { placeHolder, matchOnDescription: true, ignoreFocusOut: true };
  const chosen = await showQuickPick(items, options);
  if (!chosen || chosen.id === currentId) return;
  if ('run' in chosen) await useRun(context, chosen.run);
  else await completion.use(chosen.untuned);
}

/** For comparison, and for code that no adapter has learned. */
const untunedItem = (untuned: LocalModel, currentId: string | undefined) => ({
  id: untuned.id,
  label: plain(untuned.name),
  description: [...(untuned.id === currentId ? [t('in use')] : []), t('not fine-tuned')].join(' · '),
  untuned,
});

const pauses = () => [
  { label: t('{minutes} minutes', { minutes: 5 }), minutes: 5 },
  { label: t('{minutes} minutes', { minutes: 15 }), minutes: 15 },
  { label: t('1 hour'), minutes: 60 },
  { label: t('{hours} hours', { hours: 8 }), minutes: 480 },
];

export async function snooze({ completion }: Context): Promise<void> {
  const chosen = await showQuickPick(pauses(), {
    placeHolder: t('Snooze completion for how long?'),
  });
  if (chosen) await completion.snooze.set(chosen.minutes);
}

/** Turns completion on or off, except in languages with a value of their own. */
export async function turnCompletion({ log }: Context, enabled: boolean): Promise<void> {
  const document = vscode.window.activeTextEditor?.document;
  await setEnabled({ log }, enabled, { document });
  if (!document || settings.completionEnabled(document) === enabled) return;
  const language = languageName(document.languageId);
  showStatus(
    enabled
      ? t('Completion is on, but still off for {language}.', { language })
      : t('Completion is off, but still on for {language}.', { language }),
  );
}

export async function toggleLanguage({ log }: Context): Promise<void> {
  const document = vscode.window.activeTextEditor?.document;
  if (!document)
    throw new UserError(
      'bad-request',
      t('No file is open.'),
      t('Open a file in the language that you mean.'),
    );
  const enabled = !settings.completionEnabled(document);
  await setEnabled({ log }, enabled, { document, forLanguage: true });
}

async function setEnabled(
  { log }: Pick<Context, 'log'>,
  enabled: boolean,
  where: Parameters<typeof setCompletionEnabled>[1],
): Promise<void> {
  const { document, forLanguage } = where;
  const language = document && forLanguage ? languageName(document.languageId) : undefined;
  try {
    const settings = placeName(await setCompletionEnabled(enabled, where));
    showStatus(enabledMessage(enabled, settings, language));
  } catch (error) {
    log.showError(error, settingAction('completion.enabled'));
  }
}

/** @param settings the settings it was written to */
function enabledMessage(enabled: boolean, settings: string, language: string | undefined): string {
  if (language === undefined)
    return enabled
      ? t('Completion is on ({settings}).', { settings })
      : t('Completion is off ({settings}).', { settings });
  return enabled
    ? t('Completion is on for {language} ({settings}).', { language, settings })
    : t('Completion is off for {language} ({settings}).', { language, settings });
}

const showStatus = (message: string) => setStatusBarMessage(message, 5000);
