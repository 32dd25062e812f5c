/**
 * Completion by a server elsewhere (`completion.endpoint`): which one, what was allowed, and its token. Nothing is sent
 * before the person has allowed that address.
 */
import * as vscode from 'vscode';
import { LONGEST_BEGUN } from '../../completion/prompt/anchor.ts';
import { defaultBudget } from '../../completion/prompt/context.ts';
import { UserError } from '../../text/errors.ts';
import { t, whole } from '../../text/l10n.ts';
import { parseEndpoint, type Endpoint } from '../../serving/remote/address.ts';
import { describeFound } from '../../serving/remote/probe.ts';
import { RemoteClient } from '../../serving/remote/remote-client.ts';
import type { Remote } from '../../serving/remote/remote-http.ts';
import type { Services } from '../services.ts';
import { settings } from '../settings.ts';
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

  /** No server that was allowed may be sent code any more; typing does not ask again in this session. */
  async forbid(): Promise<void> {
    if (this.endpoint) this.asked.add(this.endpoint.api);
    await this.services.store.forbidServers();
    this.changed();
  }

  /** The token is read at each request, so a new one counts at once. */
  remoteOf(endpoint: Endpoint): Remote {
    return { endpoint, token: async () => this.services.extension.secrets.get(secretOf(endpoint)) };
  }

  clientOf({ remote: { endpoint, model } }: RemoteModel): RemoteClient {
    const { log } = this.services;
    return new RemoteClient({
      ...this.remoteOf(endpoint),
      model,
      // Asked at each request, because another window may have taken it back.
      fetch: (url, request) =>
        this.isAllowed(endpoint) ? fetch(url, request) : Promise.reject(notAllowed(endpoint)),
      onFound: (found) =>
        log.info(`completion is computed elsewhere: ${describeFound(found, endpoint.host)}`),
    });
  }
}

/**
 * The name of its token in the editor's store of secrets. For each address its own: a server that another address leads
 * to never gets it.
 */
export const secretOf = ({ api }: Endpoint) => `forgetMeNot.endpointToken ${api}`;

const notAllowed = ({ host }: Endpoint) =>
  new UserError(
    'cancelled',
    t('You have not allowed to send code to {host}.', { host }),
    t('To allow it, use {step}.', { step: '{endpoint-model}' }),
  );

const openSetting = () => ({
  title: t('Open Settings'),
  run: () =>
    vscode.commands.executeCommand('workbench.action.openSettings', 'forgetMeNot.completion.endpoint'),
});
