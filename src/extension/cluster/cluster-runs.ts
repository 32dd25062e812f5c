/** Stops and resumes runs, wherever they train: for a run on a cluster, that takes its token. */
import { join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../../text/errors.ts';
import { t } from '../../text/l10n.ts';
import { runsDir } from '../../platform/files/paths.ts';
import { cancelRun } from '../../runs/index.ts';
import { withChildProgress } from '../child-progress.ts';
import { startedSchema } from '../children.ts';
import type { Services } from '../services.ts';
import { setClusterToken } from './cluster-commands.ts';
import { clusterEnvironment, jobOfRun } from './cluster.ts';

type Needed = Pick<Services, 'extension' | 'children' | 'log'>;

/**
 * Asks the trainer to stop: it finishes its step, saves a checkpoint and writes the new state into the run. For a run
 * on a cluster, the job is stopped, whether or not it is followed here.
 */
export async function requestStop(services: Needed, id: string): Promise<void> {
  const job = await jobOfRun(id);
  if (!job || job.ended) return void (await cancelRun(join(runsDir(), id)));
  const env = await clusterEnvironment(services, job);
  await services.children.ask(z.unknown(), ['cancel', id], { env });
}

/**
 * Reattaches to the job of a run on a cluster, or submits it again if it has ended. Returns the run; undefined if the
 * user has to enter the token first. Errors: those of `resume`.
 */
export async function resumeOnCluster(
  services: Needed,
  id: string,
  url: string,
): Promise<string | undefined> {
  const { children, log } = services;
  const env = await clusterEnvironment(services, { url });
  try {
    const { run } = await withChildProgress(t('Asking the cluster'), (options) =>
      children.ask(startedSchema, ['resume', id, '--detach'], { ...options, env }),
    );
    return run;
  } catch (error) {
    if (!(error instanceof UserError) || error.code !== 'cluster-token') throw error;
    log.showError(error, {
      title: t('Set Cluster Token'),
      run: () => setClusterToken(services, url),
    });
    return undefined;
  }
}
