/** "Find Learning Rate": short trials of many rates; later trainings of the same base use the best one. */
import { z } from 'zod';
import { carryOut, type Answers } from './carry-out.ts';
import { withChildProgress } from '../child-progress.ts';
import type { Context } from '../context.ts';
import { requireFolder } from './fine-tune.ts';
import { t } from '../../text/l10n.ts';
import { listBases } from './list-bases.ts';
import { wizardHost } from './carry-out-host.ts';
import { settings } from '../settings.ts';
import { askFoldersAndBase } from './wizard.ts';

/** The output of `sweep --json`. */
const sweepResultSchema = z.object({ sentences: z.array(z.string()) });

export async function findLearningRate(context: Context): Promise<void> {
  requireFolder();
  const bases = listBases(context);
  bases.catch(() => undefined);
  const chosen = await askFoldersAndBase(t('Find Learning Rate'), () => bases);
  if (!chosen) return;
  const answers: Answers & { folders: string[] } = chosen;
  await carryOut<typeof answers>(answers, {
    ...wizardHost(context),
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
  const { sentences } = await withChildProgress(title, (options) =>
    context.children.ask(sweepResultSchema, command, options),
  );
  void context.log.notify(
    'info',
    `${sentences.join(' ')} ${t('Later training runs of the same base use it.')}`,
  );
}
