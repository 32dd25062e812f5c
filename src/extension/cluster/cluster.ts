/** The Ray cluster that trains instead of this machine (`forgetMeNot.cluster`), its token, and the runs that are on one. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseCluster, type ClusterAddress } from '../../cluster/ray/address.ts';
import { clusterFileSchema, type ClusterFile } from '../../protocol/cluster.ts';
import { t } from '../../text/l10n.ts';
import { runsDir } from '../../platform/files/paths.ts';
import type { SendQuestion } from '../../protocol/question.ts';
import type { Services } from '../services.ts';
import { settings } from '../settings.ts';
import { size } from '../texts.ts';
import { showWarningMessage } from '../shown.ts';

/** The cluster in the settings; undefined if this machine trains. Errors: cluster-address. */
export const clusterInSettings = (): ClusterAddress | undefined =>
  settings.cluster ? parseCluster(settings.cluster) : undefined;

/** The name of its token in the editor's store of secrets: for each address its own, so that no other gets it. */
export const clusterSecret = ({ url }: Pick<ClusterAddress, 'url'>) => `forgetMeNot.clusterToken ${url}`;

/**
 * What a child needs to talk to a cluster: its token, as Ray's own command line takes it. Empty without a stored one;
 * the variable may then be set where the editor was started.
 */
export async function clusterEnvironment(
  { extension }: Pick<Services, 'extension'>,
  cluster: Pick<ClusterAddress, 'url'>,
): Promise<NodeJS.ProcessEnv> {
  const token = await extension.secrets.get(clusterSecret(cluster));
  return token ? { RAY_AUTH_TOKEN: token } : {};
}

/** The job of a run that trains, or trained, on a cluster; undefined for others. */
export async function jobOfRun(id: string): Promise<ClusterFile | undefined> {
  try {
    const file = clusterFileSchema.parse(
      JSON.parse(await readFile(join(runsDir(), id, 'cluster.json'), 'utf8')),
    );
    return file.kind === 'train' ? file : undefined;
  } catch {
    // Where it is damaged, the command line says so.
    return undefined;
  }
}

/** Asks whether work may be sent, saying where to and how much. Each time, because each time it is other work. */
export async function askToSend({ host, plainText, storage, program, work }: SendQuestion): Promise<boolean> {
  const parts = [
    ...(program > 0 ? [t('{size} of this program, once for each version.', { size: size(program) })] : []),
    t(
      '{size}: settings, the corpus as tokens, which can be turned back into its text, and the names of its files. No other files of your folder are sent.',
      { size: size(work) },
    ),
    ...(storage ? [t('Checkpoints and results are kept at {place}.', { place: storage })] : []),
    ...(plainText ? [t('It is NOT encrypted on the way: whoever can read your network can read it.')] : []),
  ];
  const send = t('Send to the Cluster');
  const answer = await showWarningMessage(
    t('To train on the cluster at {host}, {size} have to be sent there.', {
      host,
      size: size(program + work),
    }),
    { modal: true, detail: parts.join('\n\n') },
    send,
  );
  return answer === send;
}
