/** "Find Learning Rate": short trials of many rates; the next training of the same base goes by what was found. */
import { z } from 'zod';
import { carryOut, type Answers } from './carry-out.ts';
import { whileShown } from '../child-progress.ts';
import type { Context } from '../context.ts';
import { requireFolder } from './fine-tune.ts';
import { offeredBases } from './offered.ts';
import { repairing } from './repairs.ts';
import { settings } from '../settings.ts';
import { askFolderAndBase } from './wizard.ts';

/** Of `sweep --json`. */
const foundSchema = z.object({ sentences: z.array(z.string()) });

export async function findLearningRate(context: Context): Promise<void> {
  requireFolder();
  const bases = offeredBases(context);
  bases.catch(() => undefined);
  const asked = await askFolderAndBase('Find Learning Rate', () => bases);
  if (!asked) return;
  const answers: Answers & { folder: string } = asked;
  await carryOut<typeof answers>(answers, {
    ...repairing(context),
    // What is tried is on disk, and goes on when the same is asked for again.
    keep: () => Promise.resolve(),
    askAgain: () => askFolderAndBase('Find Learning Rate', () => bases),
    start: (wanted) => sweep(context, wanted),
  });
}

async function sweep(context: Context, answers: Answers & { folder: string }): Promise<void> {
  const { folder, base, backend = settings.backend } = answers;
  const command = [
    'sweep',
    folder,
    '--base',
    base,
    '--backend',
    backend,
    ...settings.globOptions(folder),
    '--yes',
  ];
  const title = 'Finding the learning rate (when stopped, it goes on next time)';
  const { sentences } = await whileShown(title, (options) =>
    context.children.ask(foundSchema, command, options),
  );
  void context.log.ask('info', `${sentences.join(' ')} Training goes by it from now on.`);
}
