/** "Find Learning Rate": short trials of many rates; later trainings of the same base use the rate that was found. */
import { z } from 'zod';
import { carryOut, type Answers } from './carry-out.ts';
import { whileShown } from '../child-progress.ts';
import type { Context } from '../context.ts';
import { requireFolder } from './fine-tune.ts';
import { t } from '../../text/l10n.ts';
import { offeredBases } from './offered.ts';
import { repairing } from './repairs.ts';
import { settings } from '../settings.ts';
import { askFoldersAndBase } from './wizard.ts';

/** The output of `sweep --json`. */
const foundSchema = z.object({ sentences: z.array(z.string()) });

export async function findLearningRate(context: Context): Promise<void> {
  requireFolder();
  const bases = offeredBases(context);
  bases.catch(() => undefined);
  const asked = await askFoldersAndBase(t('Find Learning Rate'), () => bases);
  if (!asked) return;
  const answers: Answers & { folders: string[] } = asked;
  await carryOut<typeof answers>(answers, {
    ...repairing(context),
    // Finished trials are on disk; the same answers resume the sweep.
    keep: () => Promise.resolve(),
    askAgain: () => askFoldersAndBase(t('Find Learning Rate'), () => bases),
    start: (wanted) => sweep(context, wanted),
  });
}

async function sweep(context: Context, answers: Answers & { folders: string[] }): Promise<void> {
  const { folders, base, backend } = answers;
  const command = [
    'sweep',
    ...folders,
    '--base',
    base,
    ...settings.backendOptions(backend),
    ...settings.globOptions(folders),
    '--yes',
  ];
  const title = t('Finding the learning rate (if stopped, it resumes next time)');
  const { sentences } = await whileShown(title, (options) =>
    context.children.ask(foundSchema, command, options),
  );
  void context.log.ask('info', `${sentences.join(' ')} ${t('Later trainings of the same base use it.')}`);
}
