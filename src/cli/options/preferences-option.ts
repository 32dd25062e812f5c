/** `train --preferences`: learning from how the user treated completions. */
import { resolve } from 'node:path';
import { selectVerdicts } from '../../preferences/select.ts';
import { preferencesFile } from '../../preferences/store.ts';
import { UserError } from '../../protocol/errors.ts';
import { foldersOf, type Folders } from '../../protocol/folders.ts';
import type { RunSpec } from '../../protocol/run.ts';
import type { AllOptions } from '../../training/options/index.ts';

/**
 * The preferences file for the run's spec. Errors: bad-argument, and those of selectVerdicts, which show here rather
 * than after the training.
 */
export async function preferencesOf(
  { preferences, method, on }: Pick<AllOptions, 'preferences' | 'method' | 'on'>,
  where: Folders,
  base: RunSpec['base'],
): Promise<Pick<RunSpec, 'preferences'>> {
  if (preferences === undefined) return {};
  if (method === 'full')
    throw new UserError(
      'bad-argument',
      'Learning from preferences compares the model with its unchanged base, which --method full does not keep.',
      'Train with --method lora, or without --preferences.',
    );
  if (on !== undefined)
    throw new UserError(
      'bad-argument',
      'The record of how you used completions stays on this machine, so a cluster can learn nothing from it.',
      'Leave --preferences out, or --on.',
    );
  const folders = foldersOf(where);
  if (preferences === true && folders.length === 0)
    throw new UserError(
      'bad-argument',
      '--preferences is given without a file and without a folder, so there is no record to learn from.',
      'Give the file, or the folder.',
    );
  const files =
    preferences === true ? folders.map(({ path }) => preferencesFile(path)) : [resolve(preferences)];
  const chosen = { file: files[0]!, ...(files.length > 1 && { files }) };
  await selectVerdicts({ ...chosen, base });
  return { preferences: chosen };
}
