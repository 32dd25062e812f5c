/** `runs delete`: deletes a run that nobody uses, after asking. */
import { rename } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Command } from 'commander';
import { isRunning, readCluster } from '../../../cluster/store.ts';
import { withResultLock } from '../../../evaluation/measuring-lock.ts';
import { isLive } from '../../../findings/run-status.ts';
import { totalBytes } from '../../../platform/files/disk.ts';
import { runsDir } from '../../../platform/files/paths.ts';
import { effectiveStatus, findRun, readSpec, readState } from '../../../runs/index.ts';
import { inTemporaryFolder } from '../../../runs/temporary-folders.ts';
import { pruneCopies } from '../../../serving/folding/copies.ts';
import { msg, UserError } from '../../../text/errors.ts';
import { consent } from '../../confirm.ts';
import { fileSize } from '../../view/format.ts';
import { print, printJson } from '../../view/output.ts';

interface DeleteOptions {
  yes?: boolean;
  json?: boolean;
  dryRun?: boolean;
}

export function deleteRunCommand(): Command {
  return (
    new Command('delete')
      .description('delete a run with its result, checkpoints and figures')
      .argument('<run>', 'its id, the start of it, or latest')
      .option('--dry-run', 'only say how much would be free again')
      .option('--yes', 'delete without asking')
      .option('--json', 'print the result as JSON')
      // The command above has --json as well; commander assigns it to that one.
      .action(async (wanted: string, _: DeleteOptions, command: Command) =>
        deleteRun(await findRun(wanted), command.optsWithGlobals<DeleteOptions>()),
      )
  );
}

async function deleteRun(dir: string, options: DeleteOptions): Promise<void> {
  const run = basename(dir);
  await requireOver(dir);
  const bytes = await totalBytes([dir]);
  const size = fileSize(bytes);
  if (options.dryRun) {
    await withResultLock(dir, () => Promise.resolve());
    if (options.json) return printJson({ run, bytes });
    return print(`Deleting ${run} would free ${size}.`);
  }
  const text = `Deletes ${run}, which frees ${size}.`;
  await consent(text, options, 'Nothing was deleted', 'Run it again to delete it.');
  // In one step, so that no half of it is ever listed.
  await inTemporaryFolder(runsDir(), 'deleting', (folder) =>
    withResultLock(dir, () => rename(dir, join(folder, run)).catch(refuse(run))),
  );
  await pruneCopies();
  if (options.json) return printJson({ run, bytes });
  print(`${size} are free again.`);
}

/** Errors: bad-argument for a folder that is not among the runs, run-locked while the run goes on, here or elsewhere. */
async function requireOver(dir: string): Promise<void> {
  const run = basename(dir);
  if (dirname(resolve(dir)) !== resolve(runsDir()))
    throw new UserError('bad-argument', `${dir} is not in ${runsDir()}.`, 'Delete the folder yourself.');
  // A damaged run has only its lock to go by.
  const read = Promise.all([readSpec(dir), readState(dir)]);
  const status = await read.then(
    ([spec, state]) => effectiveStatus({ spec, state }),
    () => 'failed' as const,
  );
  if (isLive(status))
    throw new UserError(
      'run-locked',
      msg`Run ${run} is still in progress.`,
      msg`Wait until it ends, or stop it with {cancel ${run}}.`,
    );
  if (isRunning(await readCluster(dir).catch(() => undefined)))
    throw new UserError(
      'run-locked',
      msg`The job of run ${run} may still be on its cluster.`,
      msg`Stop it with {cancel ${run}}. If that cluster is gone for good, delete the folder ${dir}.`,
    );
}

/** Windows moves no folder of which a file is open. */
const refuse = (run: string) => (error: NodeJS.ErrnoException) => {
  if (!['EACCES', 'EBUSY', 'EPERM'].includes(error.code ?? '')) throw error;
  throw new UserError(
    'run-locked',
    msg`Run ${run} can't be deleted (${error.code!}): its folder is in use, or not yours.`,
    msg`Close what uses it, such as completion in another window, and try again.`,
  );
};
