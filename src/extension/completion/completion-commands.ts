/** Commands about completion: switch the adapter, snooze, turn it on or off for a language. */
import { existsSync } from 'node:fs';
import * as vscode from 'vscode';
import { UserError } from '../../protocol/errors.ts';
import type { Context } from '../context.ts';
import { languageName } from './language-name.ts';
import { setCompletionEnabled, settings } from '../settings.ts';
import { servableItem, whyNotServable } from '../texts.ts';
import { ofBase, type CompletionModel } from './completion-model.ts';
import { useRun } from './use-run.ts';

/** The adapter used before comes first, so that the key and Enter switch back and forth. */
export async function switchAdapter(context: Context): Promise<void> {
  const { runs, store, completion } = context;
  await runs.refresh();
  const now = completion.inUse?.id;
  const rank = (id: string) =>
    id === now ? Infinity : store.recent.indexOf(id) + 1 || store.recent.length + 1;
  const results = runs.all
    .filter((run) => !whyNotServable(run, runs.standing(run)))
    .sort((a, b) => rank(a.spec.id) - rank(b.spec.id))
    .map((run) => servableItem(run, runs.standing(run), run.spec.id === now));
  const base = completion.inUse?.base ?? store.baseInUse;
  const items = [...results, ...(base && existsSync(base.path) ? [untunedItem(ofBase(base), now)] : [])];
  if (items.length === 0)
    throw new UserError(
      'run-not-found',
      'There is no result yet that can complete code: none is finished, or none is better than its base.',
      'Start one with "Fine-tune on Workspace".',
    );
  const placeHolder = now
    ? 'Which adapter should complete your code from now on?'
    : 'Which adapter should complete your code?';
  const options = { placeHolder, matchOnDescription: true, ignoreFocusOut: true };
  const chosen = await vscode.window.showQuickPick(items, options);
  if (!chosen) return;
  if ('run' in chosen) {
    if (chosen.run.spec.id !== now) await useRun(context, chosen.run);
  } else if (chosen.untuned.id !== now) await completion.use(chosen.untuned);
}

/** For comparison, and for code that no adapter has learned. */
const untunedItem = (untuned: CompletionModel, now: string | undefined) => ({
  label: untuned.name,
  description: untuned.id === now ? 'in use · not fine-tuned' : 'not fine-tuned',
  untuned,
});

const pauses = [
  { label: '5 minutes', minutes: 5 },
  { label: '15 minutes', minutes: 15 },
  { label: '1 hour', minutes: 60 },
  { label: '8 hours', minutes: 480 },
];

export async function snooze({ completion }: Context): Promise<void> {
  const chosen = await vscode.window.showQuickPick(pauses, {
    placeHolder: 'Snooze completion for how long?',
  });
  if (chosen) completion.sleep(chosen.minutes);
}

/** Turns completion on or off, except for languages with their own value. */
export async function turnCompletion({ log }: Context, enabled: boolean): Promise<void> {
  const document = vscode.window.activeTextEditor?.document;
  await turn({ log }, enabled, { document }, '');
  if (document && settings.completionEnabled(document) !== enabled)
    tell(
      `Completion is ${word(enabled)}, but still ${word(!enabled)} for ${languageName(document.languageId)}.`,
    );
}

export async function toggleLanguage({ log }: Context): Promise<void> {
  const document = vscode.window.activeTextEditor?.document;
  if (!document)
    throw new UserError('bad-request', 'No file is open.', 'Open a file in the language that you mean.');
  const enabled = !settings.completionEnabled(document);
  await turn({ log }, enabled, { document, forLanguage: true }, ` for ${languageName(document.languageId)}`);
}

async function turn(
  { log }: Pick<Context, 'log'>,
  enabled: boolean,
  where: Parameters<typeof setCompletionEnabled>[1],
  what: string,
): Promise<void> {
  try {
    const place = await setCompletionEnabled(enabled, where);
    tell(`Completion is ${word(enabled)}${what} (${place} settings).`);
  } catch (error) {
    log.show(error, {
      title: 'Open Settings',
      run: () =>
        vscode.commands.executeCommand('workbench.action.openSettings', 'forgetMeNot.completion.enabled'),
    });
  }
}

const word = (enabled: boolean) => (enabled ? 'on' : 'off');
const tell = (message: string) => vscode.window.setStatusBarMessage(message, 5000);
