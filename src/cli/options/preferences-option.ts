/** `train --preferences`: learning from what became of completions. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { selectVerdicts } from '../../preferences/select.ts';
import { preferencesFile } from '../../preferences/store.ts';
import { UserError } from '../../protocol/errors.ts';
import type { RunSpec } from '../../protocol/run.ts';

export interface PreferencesOption {
  /** A file, or those of the folder. */
  preferences?: string | true;
}

export const addPreferencesOption = (command: Command): Command =>
  command.option(
    '--preferences [file]',
    'learn at the end, in a fifth of the run, from what became of completions (default file: what VS Code has kept of the folder); taken only where it makes the result better. LoRA only',
  );

/**
 * What the run is told. Errors: bad-argument, and those of selectVerdicts: there is no sense in waiting for a training
 * to find them.
 */
export async function preferencesOf(
  { preferences, method }: PreferencesOption & { method: 'lora' | 'full' },
  folder: string | undefined,
  base: RunSpec['base'],
): Promise<Pick<RunSpec, 'preferences'>> {
  if (preferences === undefined) return {};
  if (method === 'full')
    throw new UserError(
      'bad-argument',
      'With --method full there is no base left to hold preferences against.',
      'Train with --method lora, or without --preferences.',
    );
  if (preferences === true && folder === undefined)
    throw new UserError(
      'bad-argument',
      '--preferences is given without a file, and there is no folder that has some.',
      'Give the file, or the folder.',
    );
  const file = preferences === true ? preferencesFile(folder!) : resolve(preferences);
  await selectVerdicts({ file, base });
  return { preferences: { file } };
}
