/**
 * The last question of "Fine-tune on Workspace", asked if there are some hundreds of texts: whether to learn from the
 * user's use of completions too.
 */
import { z } from 'zod';
import { LEAST_VERDICTS } from '../../preferences/select.ts';
import { describePreferences, preferencesFile } from '../../preferences/store.ts';
import { t } from '../../protocol/l10n.ts';
import type { Draft } from './draft.ts';
import { localFolders } from './folders.ts';
import { choose, into, type Answer } from './steps.ts';

/** The output of `preferences --json`. */
export const keptSchema = z.object({ bases: z.array(z.object({ id: z.string(), texts: z.int() })) });
export type Kept = z.infer<typeof keptSchema>;

/** Whether the open folders may have enough recorded completions; a completion gives two texts at most. */
export async function mayHavePreferences(): Promise<boolean> {
  const kept = await Promise.all(
    localFolders().map(({ uri }) => describePreferences(preferencesFile(uri.fsPath))),
  );
  return 2 * kept.reduce((sum, one) => sum + (one?.count ?? 0), 0) >= LEAST_VERDICTS;
}

/**
 * Asks only if the chosen base has suggested enough, and only for LoRA: full fine-tuning keeps no base as reference.
 */
export async function askPreferences(
  plan: Draft,
  place: { title: string; step: number; steps: number },
  keptOf: (folder: string) => Promise<Kept>,
): Promise<Answer<Draft>> {
  const kept = plan.method === 'full' ? [] : await Promise.all(plan.folders!.map(keptOf));
  const texts = kept
    .flatMap(({ bases }) => bases.filter(({ id }) => id === plan.base))
    .reduce((sum, one) => sum + one.texts, 0);
  // Returns the same plan: nothing was asked.
  if (texts < LEAST_VERDICTS) return plan.preferences ? { ...plan, preferences: undefined } : plan;
  const choices = [
    {
      label: t('Yes'),
      detail: t(
        '{texts} texts: completions that you kept or rejected, and what you wrote instead. Takes a fifth of the training, and is used only if it makes the result better.',
        { texts },
      ),
      value: true,
    },
    { label: t('No'), detail: t('Learn from the code only.'), value: false },
  ];
  const placeholder = t('Also learn from how you used completions?');
  return into(
    plan,
    'preferences',
    choose({ ...place, placeholder, choices, preferred: plan.preferences ?? true }),
  );
}
