/** The Ray cluster that trains instead of this machine (`forgetMeNot.cluster`), its token, and the runs on it. */
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
import { showWarningMessage } from '../editor-ui.ts';

/** The cluster in the settings; undefined if this machine trains. Errors: cluster-address. */
export const clusterInSettings = (): ClusterAddress | undefined =>
  settings.cluster() ? parseCluster(settings.cluster()) : undefined;

/** The key of its token in the editor's secret storage: one per address, so that no other server gets the token. */
export const clusterSecretKey = ({ url }: Pick<ClusterAddress, 'url'>) => `forgetMeNot.clusterToken ${url}`;

/**
 * The environment that a child needs to talk to a cluster: the token in the variable that Ray's own command line reads.
 * Empty if no token is stored; the editor may have been started with the variable set.
 */
export async function clusterEnvironment(
  { extension }: Pick<Services, 'extension'>,
  cluster: Pick<ClusterAddress, 'url'>,
): Promise<NodeJS.ProcessEnv> {
  const token = await extension.secrets.get(clusterSecretKey(cluster));
  return token ? { RAY_AUTH_TOKEN: token } : {};
}

/** The job of a run on a cluster; undefined for other runs. */
export async function jobOfRun(id: string): Promise<ClusterFile | undefined> {
  try {
    const file = clusterFileSchema.parse(
      JSON.parse(await readFile(join(runsDir(), id, 'cluster.json'), 'utf8')),
    );
    return file.kind === 'train' ? file : undefined;
  } catch {
    // The command line reports a damaged file.
    return undefined;
  }
}

/** Asks whether work may be sent, naming the destination and the size. Asked every time, because the work differs. */
export async function confirmSending({
  host,
  plainText,
  storage,
  program,
  work,
  base,
  adapter,
}: SendQuestion): Promise<boolean> {
  const copied = base?.copied ?? 0;
  const parts = [
    ...(program > 0 ? [t('{size} of this program, once for each version.', { size: size(program) })] : []),
    t(
      '{size}: settings, the corpus as tokens, which can be turned back into its text, and the names of its files. No other files of your folder are sent.',
      { size: size(work) },
    ),
    ...(base && copied === 0 ? [t('The base {name} is part of it.', { name: base.name })] : []),
    ...(adapter ? [t('The adapter that training begins with is part of it.')] : []),
    ...(base && copied > 0
      ? [
          t('{size}: the base {name}, which is copied to the storage.', {
            size: size(copied),
            name: base.name,
          }),
        ]
      : []),
    ...(storage ? [t('Checkpoints and results are kept at {place}.', { place: storage })] : []),
    ...(plainText ? [t('It is NOT encrypted on the way: whoever can read your network can read it.')] : []),
  ];
  const send = t('Send to the Cluster');
  const answer = await showWarningMessage(
    t('To train on the cluster at {host}, {size} have to be sent there.', {
      host,
      size: size(program + work + copied),
    }),
    { modal: true, detail: parts.join('\n\n') },
    send,
  );
  return answer === send;
}
