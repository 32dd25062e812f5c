/** The commands about a completion server elsewhere: its token, its model, and whether it may have code. */
import * as vscode from 'vscode';
import { UserError } from '../../text/errors.ts';
import { t } from '../../text/l10n.ts';
import type { Endpoint } from '../../serving/remote/address.ts';
import { canComplete, listModels } from '../../serving/remote/probe.ts';
import type { Context } from '../context.ts';
import { clearEndpoint, setEndpointModel } from '../settings.ts';
import { secretOf } from '../completion/elsewhere.ts';
import { showQuickPick } from '../shown.ts';
import { plain } from '../plain.ts';

/** Errors: endpoint-address if the settings name none that can be used. */
function requireEndpoint({ completion }: Pick<Context, 'completion'>): Endpoint {
  const { endpoint } = completion.elsewhere;
  if (endpoint) return endpoint;
  throw new UserError(
    'endpoint-address',
    t('The settings name no completion server elsewhere.'),
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
  await context.extension.secrets.store(secretOf(endpoint), token.trim());
  context.completion.settingsChanged();
  await context.log.ask('info', t('The token of {host} is set.', { host }));
}

export async function forgetEndpointToken(context: Context): Promise<void> {
  const endpoint = requireEndpoint(context);
  await context.extension.secrets.delete(secretOf(endpoint));
  context.completion.settingsChanged();
  await context.log.ask('info', t('The token of {host} is forgotten.', { host: endpoint.host }));
}

/** Lists what the server has, for which nothing but the token is sent, and writes the user setting. */
export async function chooseEndpointModel(context: Context): Promise<void> {
  const { completion } = context;
  const endpoint = requireEndpoint(context);
  const models = (await listModels(completion.elsewhere.remoteOf(endpoint))).filter(canComplete);
  const now = completion.elsewhere.model?.remote.model;
  const chosen = await showQuickPick(
    models.map(({ id, parent }) => ({
      id,
      label: plain(id),
      description: [...(id === now ? [t('in use')] : []), ...(parent ? [parent] : [])].join(' · '),
    })),
    {
      placeHolder: t('Which model at {host} should complete your code?', { host: endpoint.host }),
      ignoreFocusOut: true,
    },
  );
  if (chosen && chosen.id !== now) await setEndpointModel(chosen.id);
  if (chosen && !completion.elsewhere.isAllowed(endpoint)) await completion.elsewhere.askLeave(endpoint);
}

/** Takes back what was allowed, for every address, and stops what is on its way. */
export async function stopSendingCode(context: Context): Promise<void> {
  const { elsewhere } = context.completion;
  await elsewhere.forbid();
  context.completion.settingsChanged();
  const { endpoint } = elsewhere;
  if (!endpoint) return context.log.ask('info', t('No completion server elsewhere is sent code any more.'));
  const { host } = endpoint;
  await context.log.ask(
    'info',
    t('No code is sent to {host} or to another completion server any more. To allow it again, use {step}.', {
      host,
      step: '{endpoint-model}',
    }),
    { title: t('Complete on This Machine'), run: () => clearEndpoint() },
  );
}
