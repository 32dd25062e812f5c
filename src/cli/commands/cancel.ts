import { Command } from 'commander';
import { cancelRun, findRun, readRun } from '../../runs/index.ts';
import { printJson } from '../view/output.ts';

export function cancelCommand(): Command {
  return new Command('cancel')
    .description('stop a run after its step; a checkpoint is kept')
    .argument('<run>', 'its id, or how it begins, or latest')
    .option('--json', 'print the result as JSON')
    .action(async (wanted: string, { json }: { json?: boolean }) => {
      const dir = await findRun(wanted);
      const { state } = await readRun(dir);
      const outcome = await cancelRun(dir);
      if (json) return printJson({ outcome, dir });
      const said = {
        asked:
          state.status === 'evaluating'
            ? `Stopping its evaluation; the result is kept. Measure it later with: forget-me-not evaluate ${wanted}`
            : `Stopping after this step; a checkpoint is kept. Go on later with: forget-me-not resume ${wanted}`,
        cancelled: `Nothing was training it; it is marked cancelled. Go on with: forget-me-not resume ${wanted}`,
        over: 'It had ended before; nothing to stop.',
      };
      console.log(said[outcome]);
    });
}
