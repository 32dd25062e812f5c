/** Commands about completion: another adapter, a pause, a language without it. */
import * as vscode from 'vscode';
import { UserError } from '../protocol/errors.ts';
import type { Context } from './context.ts';
import { setLanguageEnabled, settings } from './settings.ts';
import { runItem, whyNotServable } from './texts.ts';

/** The one used before stands first: its key and Enter go back and forth. */
export async function switchAdapter(context: Context): Promise<void> {
  const { runs, store, completion } = context;
  await runs.refresh();
  const now = completion.inUse?.spec.id;
  const rank = (id: string) =>
    id === now ? Infinity : store.recent.indexOf(id) + 1 || store.recent.length + 1;
  const items = runs.all
    .filter((run) => !whyNotServable(run, runs.standing(run)))
    .sort((a, b) => rank(a.spec.id) - rank(b.spec.id))
    .map((run) => runItem(run, runs.standing(run), run.spec.id === now));
  if (items.length === 0)
    throw new UserError(
      'run-not-found',
      'No run is finished yet.',
      'Start one with "Fine-tune on Workspace".',
    );
  const placeHolder = now ? 'Which adapter from now on?' : 'Which adapter is to complete your code?';
  const chosen = await vscode.window.showQuickPick(items, { placeHolder, matchOnDescription: true });
  if (chosen && chosen.run.spec.id !== now) await completion.use(chosen.run);
}

const pauses = [
  { label: '5 minutes', minutes: 5 },
  { label: '15 minutes', minutes: 15 },
  { label: '1 hour', minutes: 60 },
  { label: '8 hours', minutes: 480 },
];

export async function snooze({ completion }: Context): Promise<void> {
  const chosen = await vscode.window.showQuickPick(pauses, { placeHolder: 'No completions for how long?' });
  if (chosen) completion.sleep(chosen.minutes);
}

export async function toggleLanguage(): Promise<void> {
  const language = vscode.window.activeTextEditor?.document.languageId;
  if (!language)
    throw new UserError('bad-request', 'No file is open.', 'Open one of the language that you mean.');
  const disabled = settings.disabledLanguages.includes(language);
  await setLanguageEnabled(language, disabled);
  vscode.window.setStatusBarMessage(`Completion is ${disabled ? 'on' : 'off'} for ${language}.`, 5000);
}
