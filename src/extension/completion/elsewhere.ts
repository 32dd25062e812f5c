/**
 * Completion by a server elsewhere (`completion.endpoint`): which one, what was allowed, and its token. Nothing is sent
 * before the person has allowed that address.
 */
import * as vscode from 'vscode';
import { LONGEST_BEGUN } from '../../completion/anchor.ts';
import { defaultBudget } from '../../completion/context.ts';
import { UserError } from '../../protocol/errors.ts';
import { t, whole } from '../../protocol/l10n.ts';
import { parseEndpoint, type Endpoint } from '../../serving/remote/address.ts';
import { describeFound, listModels } from '../../serving/remote/probe.ts';
import { RemoteEngine } from '../../serving/remote/remote-engine.ts';
import type { Remote } from '../../serving/remote/remote-http.ts';
import type { Context } from '../context.ts';
import type { Services } from '../services.ts';
import { setEndpointModel, settings } from '../settings.ts';
import { ofServer, type RemoteModel } from './completion-model.ts';

export class Elsewhere {
  private read: { setting: string; endpoint?: Endpoint } | undefined;
  /** The addresses for which was asked in this session: typing must not ask at each key. */
  private readonly asked = new Set<string>();

  constructor(
    private readonly services: Pick<Services, 'extension' | 'log' | 'store'>,
    private readonly changed: () => void,
  ) {}

  /** The server in the settings; undefined if there is none, or if its address is refused, which is told once. */
  get endpoint(): Endpoint | undefined {
    const setting = settings.endpoint;
    if (this.read?.setting === setting) return this.read.endpoint;
    this.read = { setting };
    if (!setting) return undefined;
    try {
      this.read = { setting, endpoint: parseEndpoint(setting) };
    } catch (error) {
      this.services.log.show(error, openSetting());
    }
    return this.read.endpoint;
  }

  get model(): RemoteModel | undefined {
    const { endpoint } = this;
    return endpoint && ofServer(endpoint, settings.endpointModel);
  }

  isAllowed({ api }: Endpoint): boolean {
    return this.services.store.allowedServers.includes(api);
  }

  /** Whether code may be sent there. If that was never answered, it is asked, once in each session. */
  mayAsk(endpoint: Endpoint): boolean {
    if (this.isAllowed(endpoint)) return true;
    if (!this.asked.has(endpoint.api)) void this.askLeave(endpoint);
    return false;
  }

  /** Says what would be sent, and where to. */
  async askLeave(endpoint: Endpoint): Promise<void> {
    const { api, host, plainText } = endpoint;
    this.asked.add(api);
    const { before: above, after, others = 0 } = defaultBudget;
    const before = above + LONGEST_BEGUN;
    const what = t(
      'Your code would be completed by {host}: while you type, up to {before} characters before the cursor, {after} after it and {others} of other files are sent to {address}, with the names of folder and files. Nothing was sent yet.',
      { host, before: whole(before), after: whole(after), others: whole(others), address: api },
    );
    const plain = t('They leave this machine in plain text: whoever can read your network can read them.');
    await this.services.log.ask('warning', plainText ? `${what} ${plain}` : what, {
      title: t('Send Code There'),
      run: async () => {
        await this.services.store.allowServer(api);
        this.changed();
      },
    });
  }

  /** The token is read at each request, so a new one counts at once. */
  remoteOf(endpoint: Endpoint): Remote {
    return { endpoint, token: async () => this.services.extension.secrets.get(secretOf(endpoint)) };
  }

  engineOf({ remote: { endpoint, model } }: RemoteModel): RemoteEngine {
    const { log } = this.services;
    return new RemoteEngine({
      ...this.remoteOf(endpoint),
      model,
      onFound: (found) =>
        log.info(`completion is computed elsewhere: ${describeFound(found, endpoint.host)}`),
    });
  }
}

/** For each address its own: a server that another address leads to never gets it. */
const secretOf = ({ api }: Endpoint) => `forgetMeNot.endpointToken ${api}`;

const openSetting = () => ({
  title: t('Open Settings'),
  run: () =>
    vscode.commands.executeCommand('workbench.action.openSettings', 'forgetMeNot.completion.endpoint'),
});

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
  const models = await listModels(completion.elsewhere.remoteOf(endpoint));
  const now = completion.elsewhere.model?.remote.model;
  const chosen = await vscode.window.showQuickPick(
    models.map(({ id, parent }) => ({
      label: id,
      description: [...(id === now ? [t('in use')] : []), ...(parent ? [parent] : [])].join(' · '),
    })),
    {
      placeHolder: t('Which model at {host} should complete your code?', { host: endpoint.host }),
      ignoreFocusOut: true,
    },
  );
  if (chosen && chosen.label !== now) await setEndpointModel(chosen.label);
  if (chosen && !completion.elsewhere.isAllowed(endpoint)) await completion.elsewhere.askLeave(endpoint);
}
