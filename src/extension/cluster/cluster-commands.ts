/** The commands about a Ray cluster's token. */
import * as vscode from 'vscode';
import { parseCluster, type ClusterAddress } from '../../cluster/ray/address.ts';
import { UserError } from '../../text/errors.ts';
import { t } from '../../text/l10n.ts';
import type { Services } from '../services.ts';
import { clusterInSettings, clusterSecretKey } from './cluster.ts';

type Needed = Pick<Services, 'extension' | 'log'>;

/** Errors: cluster-address if the settings name no usable cluster. */
function requireCluster(): ClusterAddress {
  const cluster = clusterInSettings();
  if (cluster) return cluster;
  throw new UserError(
    'cluster-address',
    t('The settings name no cluster.'),
    t('Set "{setting}" in the user settings first.', { setting: 'forgetMeNot.cluster' }),
  );
}

/**
 * Asks for the token of the cluster at `url`, by default the one in the settings. Returns whether one was entered.
 * Errors: cluster-address.
 */
export async function setClusterToken({ extension, log }: Needed, url?: string): Promise<boolean> {
  const cluster = url === undefined ? requireCluster() : parseCluster(url);
  const { host } = cluster;
  const token = await vscode.window.showInputBox({
    title: t('Token of the cluster at {host}', { host }),
    prompt: t("It is kept in the editor's store of secrets, and sent to this cluster only."),
    password: true,
    ignoreFocusOut: true,
  });
  if (!token?.trim()) return false;
  await extension.secrets.store(clusterSecretKey(cluster), token.trim());
  void log.notify('info', t('The token of {host} is set.', { host }));
  return true;
}

/** Errors: cluster-address. */
export async function forgetClusterToken({ extension, log }: Needed): Promise<void> {
  const cluster = requireCluster();
  await extension.secrets.delete(clusterSecretKey(cluster));
  await log.notify('info', t('The token of {host} is forgotten.', { host: cluster.host }));
}
