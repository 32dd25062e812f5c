import { Command } from 'commander';
import { cancelRun, findRun, isAlive, readRun } from '../../../runs/index.ts';
import { cancelGroupJob, describeStopped, findGroupJob, stopDetached } from '../../processes/cluster-job.ts';
import { print, printJson } from '../../view/output.ts';

export function cancelCommand(): Command {
  return new Command('cancel')
    .description(
      'stop a run after its current step; a checkpoint is kept. Or stop a sweep or a reproduction on a cluster',
    )
    .argument('<run>', 'id of a run, or of a sweep or reproduction on a cluster, the start of one, or latest')
    .option('--json', 'print the result as JSON')
    .action(async (wanted: string, { json }: { json?: boolean }) => {
      const job = await findGroupJob(wanted);
      if (job) return cancelGroupJob(job, json);
      const dir = await findRun(wanted);
      const { state } = await readRun(dir);
      const stopped = await stopDetached(dir, isAlive(state));
      // A run whose result is still to be fetched from the cluster is not cancelled.
      const outcome = stopped?.how === 'over' ? 'over' : await cancelRun(dir);
      if (json) return printJson({ outcome, dir });
      if (stopped) return print(describeStopped(stopped, wanted));
      const messages = {
        asked:
          state.status === 'evaluating'
            ? `Stopping the measuring; the result is kept. Measure it later with: forget-me-not evaluate ${wanted}`
            : `Stopping after this step; a checkpoint is kept. Resume later with: forget-me-not resume ${wanted}`,
        cancelled: `No process was training it; it is now marked as cancelled. Resume with: forget-me-not resume ${wanted}`,
        over: 'It has already ended; there is nothing to stop.',
      };
      print(messages[outcome]);
    });
}
