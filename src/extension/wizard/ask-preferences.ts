/** The last question of "Fine-tune on Workspace", where there are some hundreds of texts: whether to learn from the person's use too. */
import * as vscode from 'vscode';
import { z } from 'zod';
import { LEAST_VERDICTS } from '../../preferences/select.ts';
import { describePreferences, preferencesFile } from '../../preferences/store.ts';
import type { Draft } from './draft.ts';
import { choose, into, type Answer } from './steps.ts';

/** Of `preferences --json`. */
export const keptSchema = z.object({ bases: z.array(z.object({ id: z.string(), texts: z.int() })) });
export type Kept = z.infer<typeof keptSchema>;

/** Whether there may be enough in a folder that is open; a completion gives two texts at most. */
export async function mayHavePreferences(): Promise<boolean> {
  const folders = vscode.workspace.workspaceFolders ?? [];
  const kept = await Promise.all(folders.map(({ uri }) => describePreferences(preferencesFile(uri.fsPath))));
  return kept.some((one) => one !== undefined && 2 * one.count >= LEAST_VERDICTS);
}

/** Asks only where the chosen base has said enough, and where the reference, the base itself, is there. */
export async function askPreferences(
  plan: Draft,
  place: { title: string; step: number; steps: number },
  keptOf: (folder: string) => Promise<Kept>,
): Promise<Answer<Draft>> {
  const { bases } = plan.method === 'full' ? { bases: [] } : await keptOf(plan.folder!);
  const texts = bases.find(({ id }) => id === plan.base)?.texts ?? 0;
  // The plan as it is: nothing was asked.
  if (texts < LEAST_VERDICTS) return plan.preferences ? { ...plan, preferences: undefined } : plan;
  const choices = [
    {
      label: 'Yes',
      detail: `${texts} texts: what you kept of completions, and what you wrote instead. It takes a fifth of the training, and is taken only where it makes the result better.`,
      value: true,
    },
    { label: 'No', detail: 'Learn the code alone.', value: false },
  ];
  const placeholder = 'Learn from your use of completion, too?';
  return into(
    plan,
    'preferences',
    choose({ ...place, placeholder, choices, preferred: plan.preferences ?? true }),
  );
}
