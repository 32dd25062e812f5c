/** "Import Adapter": turns a foreign adapter into a run, which is checked and measured. */
import { basename } from 'node:path';
import * as vscode from 'vscode';
import { z } from 'zod';
import { baseName } from './bases.ts';
import { carryOut } from './carry-out.ts';
import { withChildProgress } from '../child-progress.ts';
import type { Context } from '../context.ts';
import { importSchema, type Import, type ImportDraft } from '../draft.ts';
import { t } from '../../text/l10n.ts';
import { listBases } from './list-bases.ts';
import { askWithRetry, wizardHost } from './carry-out-host.ts';
import { askToReuse, back, choose, withAnswer, askSteps, type Answer, type Step } from './steps.ts';
import { askBase, askBaseFor } from './wizard.ts';
import { commandAction } from '../log.ts';

const title = () => t('Import Adapter');
const whichBase = () => t('Which model was it trained on?');

const kinds = () => ({
  gguf: { label: t('A GGUF adapter'), description: t('one file') },
  peft: {
    label: t("PEFT's folder"),
    description: t('adapter_model.safetensors and adapter_config.json'),
  },
});

const importedSchema = z.object({ run: z.string() });

/** Turns an adapter into a run, checks that the served model matches it, and measures what it forgot. */
export async function importAdapter(context: Context): Promise<void> {
  const { store, children } = context;
  const savedImport = importSchema.safeParse(store.importDraft);
  const reuse = savedImport.success && (await askToReuse(describe(savedImport.data)));
  const first =
    reuse && savedImport.success
      ? savedImport.data
      : reuse === false
        ? await ask(context, store.importDraft)
        : undefined;
  if (!first) return;
  let imported: { run: string; path: string } | undefined;
  await carryOut<Import>(first, {
    ...wizardHost(context),
    keep: (answers) => store.saveImportDraft(answers),
    askAgain: (answers) => ask(context, answers),
    askBase: () => askBaseFor(title(), () => listBases(context), whichBase()),
    async start({ path, base }) {
      const { run } = await withChildProgress(title(), (options) =>
        children.ask(importedSchema, ['import', path, '--base', base, '--yes'], options),
      );
      imported = { run, path };
    },
  });
  if (imported) await measure(context, imported.run, basename(imported.path));
}

/** "garden.gguf, trained on SmolLM2-135M-Instruct" */
const describe = ({ path, base }: Import) =>
  t('{file}, trained on {base}', { file: basename(path), base: baseName(base) });

function ask(context: Context, saved: ImportDraft): Promise<Import | undefined> {
  const keep = (draft: ImportDraft) => context.store.saveImportDraft(draft);
  return askWithRetry(context, saved, keep, async (draft, answered) => {
    const bases = listBases(context);
    // Awaited later; until then, a failure must not count as an unhandled rejection.
    bases.catch(() => undefined);
    const steps: Step<ImportDraft>[] = [
      askFile,
      (plan, position) => askBase(plan, { title: title(), ...position }, bases, whichBase()),
    ];
    return (await askSteps({ ...draft, backend: undefined }, steps, answered)) as Import | undefined;
  });
}

async function askFile(
  draft: ImportDraft,
  position: { step: number; steps: number },
): Promise<Answer<ImportDraft>> {
  const kind = await choose<Import['kind']>({
    title: title(),
    ...position,
    placeholder: t('In which format is the adapter?'),
    choices: (['gguf', 'peft'] as const).map((value) => ({ ...kinds()[value], value })),
    ...(draft.kind && { preferred: draft.kind }),
  });
  if (kind === undefined || kind === back) return kind;
  return withAnswer({ ...draft, kind }, 'path', pickPath(kind, draft));
}

async function pickPath(kind: Import['kind'], { path }: ImportDraft): Promise<string | undefined> {
  const file = kind === 'gguf';
  const [chosen] =
    (await vscode.window.showOpenDialog({
      title: t('Adapter to Import'),
      openLabel: t('Import'),
      canSelectFiles: file,
      canSelectFolders: !file,
      ...(path !== undefined && { defaultUri: vscode.Uri.file(path) }),
      ...(file && { filters: { GGUF: ['gguf'] } }),
    })) ?? [];
  return chosen?.fsPath;
}

/** The run exists even if this fails, so it is not imported twice. */
async function measure({ children, runs, log, panel }: Context, run: string, name: string): Promise<void> {
  try {
    await withChildProgress(t('Measuring {name}', { name }), (options) =>
      children.ask(z.unknown(), ['evaluate', run, '--tasks', 'retention'], options),
    );
  } catch (error) {
    return log.showError(error, commandAction(t('Measure Result'), 'measureResult', run));
  } finally {
    await runs.refresh();
  }
  await log.notify(
    'info',
    t('{name} was imported as a run, and what it forgot was measured.', { name }),
    { title: t('Show Results'), run: () => panel.show(run) },
    commandAction(t('Use for Completion'), 'useForCompletion', run),
  );
}
