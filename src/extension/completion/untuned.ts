/** "Complete Code Without Training": completion with a base as it is, in one click and a download. */
import * as vscode from 'vscode';
import { AUTO_BASE } from '../../base-models/choose.ts';
import { findKnownBase } from '../../base-models/registry.ts';
import { runSpecSchema } from '../../protocol/run.ts';
import { whileShown } from '../child-progress.ts';
import type { Context } from '../context.ts';
import { tellIgnored } from '../ignored-settings.ts';
import { t } from '../../protocol/l10n.ts';
import { baseName, type Offered } from '../wizard/bases.ts';
import { askConsent } from '../wizard/consent.ts';
import { missingBase } from '../wizard/downloads.ts';
import { offeredBases } from '../wizard/offered.ts';
import { settings } from '../settings.ts';
import { ofBase } from './completion-model.ts';

/** For machines whose own choice can't fill in the middle; small enough for any. */
const SMALLEST_CODE_MODEL = 'qwen2.5-coder-0.5b';

/** Chooses the base by itself: the one in the settings, else the one that would be fine-tuned here. */
export async function completeUntuned(context: Context): Promise<void> {
  const { children, completion } = context;
  tellIgnored(context);
  const offered = await offeredBases(context);
  const base = completingBase(settings.base, offered);
  const here = offered.models.some(({ id, present }) => id === base && present);
  const wanted = await askConsent(here ? [] : missingBase(base), 'completion');
  if (!wanted) return;
  const found = await whileShown(t('Getting {name} ready', { name: baseName(base) }), (options) =>
    children.ask(runSpecSchema.shape.base, ['models', 'fetch', base, '--yes'], options),
  );
  await completion.use(ofBase(found), {
    title: t('Fine-tune on Workspace'),
    run: () => vscode.commands.executeCommand('forgetMeNot.fineTune'),
  });
}

/** `preferred` is the setting; "auto" means the base for this machine, if it knows what comes after the cursor. Pure. */
export function completingBase(preferred: string, { default: suited }: Pick<Offered, 'default'>): string {
  if (preferred !== AUTO_BASE) return preferred;
  const { id } = suited.withTensorflow ?? suited;
  return findKnownBase(id)?.fillInTheMiddle ? id : SMALLEST_CODE_MODEL;
}
