/** "Complete Code Without Training": completion with a base as it is, in one click and a download. */
import * as vscode from 'vscode';
import { AUTO_BASE } from '../../base-models/choose.ts';
import { findKnownBase } from '../../base-models/registry.ts';
import { runSpecSchema, type RunSpec } from '../../protocol/run.ts';
import { whileShown } from '../child-progress.ts';
import type { Context } from '../context.ts';
import { tellIgnored } from '../ignored-settings.ts';
import { t } from '../../text/l10n.ts';
import type { Action } from '../log.ts';
import type { Offered } from '../wizard/bases.ts';
import { askConsent } from '../wizard/consent.ts';
import { missingBase } from '../wizard/downloads.ts';
import { offeredBases } from '../wizard/offered.ts';
import { askBaseFor } from '../wizard/wizard.ts';
import { settings } from '../settings.ts';
import { ofBase } from '../completion/completion-model.ts';

/** For machines whose own choice can't fill in the middle; small enough for any. */
const SMALLEST_CODE_MODEL = 'qwen2.5-coder-0.5b';

/** `wanted`: a base; without one, that in the settings, or else the one that would be fine-tuned here. */
export async function completeUntuned(context: Context, wanted?: string): Promise<void> {
  tellIgnored(context);
  await context.store.setBegun();
  const base = await ready(context, wanted).finally(() => context.refresh());
  if (!base) return tellDeclined(context);
  const editor = vscode.window.activeTextEditor;
  await context.completion.use(ofBase(base), ...(editor ? [] : [openFile()]), {
    title: t('Fine-tune on Workspace'),
    run: () => vscode.commands.executeCommand('forgetMeNot.fineTune'),
  });
  if (editor) await suggest();
}

/** The base on this machine, downloaded with consent and checked; undefined when that is not given. */
function ready(context: Context, wanted: string | undefined): Promise<RunSpec['base'] | undefined> {
  return whileShown(t('Setting up completion'), async (options) => {
    options.onProgress?.({ phase: t('Looking at this machine'), done: 0, total: 0 });
    const offered = await offeredBases(context, options);
    const base = wanted ?? completingBase(settings.base, offered);
    const here = offered.models.some(({ id, present }) => id === base && present);
    if (!(await askConsent(here ? [] : missingBase(base), 'completion'))) return undefined;
    return context.children.ask(runSpecSchema.shape.base, ['models', 'fetch', base, '--yes'], options);
  });
}

/** Says the way back, which also stays in the status bar. */
function tellDeclined(context: Context): void {
  void context.log.ask(
    'info',
    t('Nothing was downloaded, so nothing completes your code yet. The status bar has it for later.'),
    { title: t('Choose Another Model'), run: () => completeWithAnother(context) },
    { title: t('Ask Again'), run: () => completeUntuned(context) },
  );
}

async function completeWithAnother(context: Context): Promise<void> {
  const bases = () => offeredBases(context);
  const base = await askBaseFor(
    t('Choose Another Model'),
    bases,
    t('Which model do you want to use instead?'),
  );
  if (base) await completeUntuned(context, base);
}

/** A file to type in: one that is open behind the walkthrough, else one that the person picks. */
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

/** The first suggestion, without waiting for a key. */
const suggest = () => vscode.commands.executeCommand('editor.action.inlineSuggest.trigger');

/** `preferred` is the setting; "auto" means the base for this machine, if it knows what comes after the cursor. Pure. */
export function completingBase(preferred: string, { default: suited }: Pick<Offered, 'default'>): string {
  if (preferred !== AUTO_BASE) return preferred;
  const { id } = suited.withTensorflow ?? suited;
  return findKnownBase(id)?.fillInTheMiddle ? id : SMALLEST_CODE_MODEL;
}
