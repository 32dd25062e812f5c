import { Command } from 'commander';
import { cancelRun, findRun } from '../../runs/index.ts';
import { printJson } from '../output.ts';

export function cancelCommand(): Command {
  return new Command('cancel')
    .description('stop a run after its step; a checkpoint is kept')
    .argument('<run>', 'its id, or how it begins, or latest')
    .option('--json', 'print the result as JSON')
    .action(async (wanted: string, { json }: { json?: boolean }) => {
      const dir = await findRun(wanted);
      await cancelRun(dir);
      if (json) printJson({ cancelled: true, dir });
      else console.log('Stopping; a checkpoint is kept. Go on later with: forget-me-not resume ' + wanted);
    });
}
