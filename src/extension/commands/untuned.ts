/** "Complete Code Without Training": completion with an untuned base, after one click and a download. */
import * as vscode from 'vscode';
import { AUTO_BASE } from '../../base-models/choose.ts';
import { findKnownBase } from '../../base-models/registry.ts';
import { runSpecSchema, type RunSpec } from '../../protocol/run.ts';
import { withChildProgress } from '../child-progress.ts';
import type { Context } from '../context.ts';
import { warnIgnoredSettings } from '../ignored-settings.ts';
import { t } from '../../text/l10n.ts';
import { commandAction, type Action } from '../log.ts';
import type { BaseList } from '../wizard/bases.ts';
import { askConsent } from '../wizard/consent.ts';
import { missingBase, withSizes } from '../wizard/downloads.ts';
import { listBases } from '../wizard/list-bases.ts';
import { askBaseFor } from '../wizard/wizard.ts';
import { settings } from '../settings.ts';

/** For machines whose recommended base can't fill in the middle; small enough for all of them. */
const SMALLEST_CODE_MODEL = 'qwen2.5-coder-0.5b';

/** `requestedBase`: by default the base in the settings, else the one that would be fine-tuned here. */
export async function completeUntuned(context: Context, requestedBase?: string): Promise<void> {
  warnIgnoredSettings(context);
  await context.store.markSetupStarted();
  const base = await prepareBase(context, requestedBase).finally(() => context.refresh());
  if (!base) return showDeclined(context);
  const editor = vscode.window.activeTextEditor;
  await context.completion.use(
    await context.completion.untrained(base),
    ...(editor ? [] : [openFile()]),
    commandAction(t('Fine-tune on Workspace'), 'fineTune'),
  );
  if (editor) await suggest();
}

/** The base on this machine, downloaded with consent and checked; undefined without consent. */
function prepareBase(
  context: Context,
  requestedBase: string | undefined,
): Promise<RunSpec['base'] | undefined> {
  return withChildProgress(t('Setting up completion'), async (options) => {
    options.onProgress?.({ phase: t('Looking at this machine'), done: 0, total: 0 });
    const list = await listBases(context, options);
    const base = requestedBase ?? baseForCompletion(settings.base(), list);
    const isPresent = list.models.some(({ id, present }) => id === base && present);
    const missing = await withSizes(context, isPresent ? [] : await missingBase(base), options);
    if (!(await askConsent(missing, 'completion'))) return undefined;
    return context.children.ask(runSpecSchema.shape.base, ['models', 'fetch', base, '--yes'], options);
  });
}

/** Shows how to continue later; the status bar offers it too. */
function showDeclined(context: Context): void {
  void context.log.notify(
    'info',
    t('Nothing was downloaded, so nothing completes your code yet. The status bar has it for later.'),
    { title: t('Choose Another Model'), run: () => chooseAnotherBase(context) },
    { title: t('Ask Again'), run: () => completeUntuned(context) },
  );
}

async function chooseAnotherBase(context: Context): Promise<void> {
  const bases = () => listBases(context);
  const base = await askBaseFor(
    t('Choose Another Model'),
    bases,
    t('Which model do you want to use instead?'),
  );
  if (base) await completeUntuned(context, base);
}

/** Opens a file to type in: one that is open behind the walkthrough, else one that the user picks. */
const openFile = (): Action => ({
  title: t('Open a File'),
  async run() {
    const inputs = vscode.window.tabGroups.activeTabGroup.tabs.map(({ input }) => input);
    const open = inputs.findLast((input) => input instanceof vscode.TabInputText);
    if (!open) return vscode.commands.executeCommand('workbench.action.quickOpen');
    await vscode.window.showTextDocument(open.uri);
    return suggest();
  },
});

/** Triggers the first suggestion without waiting for a key. */
const suggest = () => vscode.commands.executeCommand('editor.action.inlineSuggest.trigger');

/** `preferred` is the setting; "auto" means the base for this machine, if it can fill in the middle. Pure. */
export function baseForCompletion(preferred: string, { default: suited }: Pick<BaseList, 'default'>): string {
  if (preferred !== AUTO_BASE) return preferred;
  const { id } = suited.withTensorflow ?? suited;
  return findKnownBase(id)?.fillInTheMiddle ? id : SMALLEST_CODE_MODEL;
}
