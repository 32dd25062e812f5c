/** "Find Learning Rate": short trials of many rates; the next training of the same base goes by what was found. */
import { z } from 'zod';
import { offeredSchema } from './bases.ts';
import { whileShown } from './child-progress.ts';
import type { Context } from './context.ts';
import { examine } from './doctor.ts';
import { missingParts } from './downloads.ts';
import { askConsent, install, requireFolder } from './fine-tune.ts';
import { settings } from './settings.ts';
import { askFolderAndBase } from './wizard.ts';

/** Of `sweep --json`. */
const foundSchema = z.object({ sentences: z.array(z.string()) });

export async function findLearningRate(context: Context): Promise<void> {
  requireFolder();
  const report = examine(context);
  // Looked at again below; a failure must not go unhandled while the person still chooses.
  report.catch(() => undefined);
  const bases = context.children.ask(offeredSchema, ['models']);
  bases.catch(() => undefined);
  const asked = await askFolderAndBase('Find Learning Rate', () => bases);
  if (!asked) return;
  const wanted = await askConsent(missingParts(asked.base, await report, settings.backend));
  if (!wanted || !(await install(context, wanted))) return;
  const command = ['sweep', asked.folder, '--base', asked.base, '--backend', settings.backend, '--yes'];
  const title = 'Finding the learning rate (when stopped, it goes on next time)';
  const { sentences } = await whileShown(title, (options) =>
    context.children.ask(foundSchema, command, options),
  );
  await context.log.ask('info', `${sentences.join(' ')} Training goes by it from now on.`);
}
