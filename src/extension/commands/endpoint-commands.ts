/** Commands for a remote completion server: its token, its model, and the permission to send it code. */
import * as vscode from 'vscode';
import { UserError } from '../../text/errors.ts';
import { t } from '../../text/l10n.ts';
import type { Endpoint } from '../../serving/remote/address.ts';
import { canComplete, listModels } from '../../serving/remote/probe.ts';
import type { Context } from '../context.ts';
import { clearEndpoint, setEndpointModel } from '../settings.ts';
import { endpointSecretKey } from '../completion/remote-server.ts';
import { showQuickPick } from '../editor-ui.ts';
import { plain } from '../plain.ts';

/** Errors: endpoint-address if the settings name no usable server. */
function requireEndpoint({ completion }: Pick<Context, 'completion'>): Endpoint {
  const { endpoint } = completion.remoteServer;
  if (endpoint) return endpoint;
  throw new UserError(
    'endpoint-address',
    t('The settings name no remote completion server.'),
    t('Set "{setting}" in the user settings first.', { setting: 'forgetMeNot.completion.endpoint' }),
  );
}

export async function setEndpointToken(context: Context): Promise<void> {
  const endpoint = requireEndpoint(context);
  const { host } = endpoint;
  const token = await vscode.window.showInputBox({
    title: t('Token of the completion server at {host}', { host }),
    prompt: t("It is kept in the editor's store of secrets, and sent to this server only."),
    password: true,
    ignoreFocusOut: true,
  });
  if (!token?.trim()) return;
  await context.extension.secrets.store(endpointSecretKey(endpoint), token.trim());
  context.completion.settingsChanged();
  await context.log.notify('info', t('The token of {host} is set.', { host }));
}

export async function forgetEndpointToken(context: Context): Promise<void> {
  const endpoint = requireEndpoint(context);
  await context.extension.secrets.delete(endpointSecretKey(endpoint));
  context.completion.settingsChanged();
  await context.log.notify('info', t('The token of {host} is forgotten.', { host: endpoint.host }));
}

/** Lists the server's models, sending nothing but the token, and writes the user setting. */
export async function chooseEndpointModel(context: Context): Promise<void> {
  const { completion } = context;
  const endpoint = requireEndpoint(context);
  const models = (await listModels(completion.remoteServer.remoteFor(endpoint))).filter(canComplete);
  const currentModel = completion.remoteServer.model?.remote.model;
  const chosen = await showQuickPick(
    models.map(({ id, parent }) => ({
      id,
      label: plain(id),
      description: [...(id === currentModel ? [t('in use')] : []), ...(parent ? [parent] : [])].join(' · '),
    })),
    {
      placeHolder: t('Which model at {host} should complete your code?', { host: endpoint.host }),
      ignoreFocusOut: true,
    },
  );
  if (chosen && chosen.id !== currentModel) await setEndpointModel(chosen.id);
  if (chosen && !completion.remoteServer.isAllowed(endpoint))
    await completion.remoteServer.askPermission(endpoint);
}

/** Revokes the permission for every address, and stops requests in progress. */
export async function stopSendingCode(context: Context): Promise<void> {
  const { remoteServer: elsewhere } = context.completion;
  await elsewhere.revokePermissions();
  context.completion.settingsChanged();
  const { endpoint } = elsewhere;
  if (!endpoint)
    return context.log.notify('info', t('Code is no longer sent to any remote completion server.'));
  const { host } = endpoint;
  await context.log.notify(
    'info',
    t('Code is no longer sent to {host} or any other completion server. To allow it again, use {step}.', {
      host,
      step: '{endpoint-model}',
    }),
    { title: t('Complete on This Machine'), run: () => clearEndpoint() },
  );
}
