/**
 * Completion by a remote server (`completion.endpoint`): its address, permission and token. Nothing is sent before the
 * user has allowed that address.
 */
import { MAX_BEGUN } from '../../completion/prompt/anchor.ts';
import { defaultBudget } from '../../completion/prompt/context.ts';
import { UserError } from '../../text/errors.ts';
import { t, whole } from '../../text/l10n.ts';
import { parseEndpoint, type Endpoint } from '../../serving/remote/address.ts';
import { describeServer } from '../../serving/remote/probe.ts';
import { RemoteClient } from '../../serving/remote/remote-client.ts';
import type { Remote } from '../../serving/remote/remote-http.ts';
import type { Services } from '../services.ts';
import { clearEndpoint, settings } from '../settings.ts';
import { modelFromServer, type LocalModel, type RemoteModel } from './completion-model.ts';
import { settingAction } from '../log.ts';

export class RemoteServer {
  private parsed: { setting: string; endpoint?: Endpoint } | undefined;
  /** Addresses that the user was asked about in this session: typing must not ask at each key. */
  private readonly askedAddresses = new Set<string>();

  constructor(
    private readonly services: Pick<Services, 'extension' | 'log' | 'store'>,
    private readonly changed: () => void,
  ) {}

  /** The server in the settings; undefined if there is none, or if its address is invalid, which is reported once. */
  get endpoint(): Endpoint | undefined {
    const setting = settings.endpoint();
    if (this.parsed?.setting === setting) return this.parsed.endpoint;
    this.parsed = { setting };
    if (!setting) return undefined;
    try {
      this.parsed = { setting, endpoint: parseEndpoint(setting) };
    } catch (error) {
      this.services.log.showError(error, settingAction('completion.endpoint'));
    }
    return this.parsed.endpoint;
  }

  get model(): RemoteModel | undefined {
    const { endpoint } = this;
    return endpoint && modelFromServer(endpoint, settings.endpointModel());
  }

  isAllowed({ api }: Endpoint): boolean {
    return this.services.store.allowedServers.includes(api);
  }

  /** The settings name a remote server, so a model on this machine is only kept for later. */
  notifyInUse({ name }: LocalModel, { host }: Endpoint): Promise<void> {
    const message = t(
      '{name} is selected, but {host} still completes your code, because the settings name it as the completion server.',
      { name, host },
    );
    const here = { title: t('Complete on This Machine'), run: () => clearEndpoint() };
    return this.services.log.notify('info', message, here);
  }

  /** Whether code may be sent there. Asks the user at most once per session if not. */
  checkPermission(endpoint: Endpoint): boolean {
    if (this.isAllowed(endpoint)) return true;
    if (!this.askedAddresses.has(endpoint.api)) void this.askPermission(endpoint);
    return false;
  }

  /** Asks for permission, naming what would be sent and where. */
  async askPermission(endpoint: Endpoint): Promise<void> {
    const { api, host, plainText } = endpoint;
    this.askedAddresses.add(api);
    const { before: above, after, others = 0 } = defaultBudget;
    const before = above + MAX_BEGUN;
    const what = t(
      'Your code would be completed by {host}: while you type, up to {before} characters before the cursor, {after} after it and {others} of other open files are sent to {address}, with the names of folder and files. Nothing has been sent yet.',
      { host, before: whole(before), after: whole(after), others: whole(others), address: api },
    );
    const plain = t('They leave this machine in plain text: whoever can read your network can read them.');
    await this.services.log.notify('warning', plainText ? `${what} ${plain}` : what, {
      title: t('Send Code There'),
      run: async () => {
        await this.services.store.allowServer(api);
        this.changed();
      },
    });
  }

  /** Revokes all permissions; typing does not ask again in this session. */
  async revokePermissions(): Promise<void> {
    if (this.endpoint) this.askedAddresses.add(this.endpoint.api);
    await this.services.store.forbidServers();
    this.changed();
  }

  /** The token is read for each request, so a new one takes effect at once. */
  remoteFor(endpoint: Endpoint): Remote {
    return { endpoint, token: async () => this.services.extension.secrets.get(endpointSecretKey(endpoint)) };
  }

  createClient({ remote: { endpoint, model } }: RemoteModel): RemoteClient {
    const { log } = this.services;
    return new RemoteClient({
      ...this.remoteFor(endpoint),
      model,
      // Checked for each request, because another window may have revoked the permission.
      fetch: (url, request) =>
        this.isAllowed(endpoint) ? fetch(url, request) : Promise.reject(notAllowed(endpoint)),
      onServerInfo: (found) =>
        log.info(`completion is computed elsewhere: ${describeServer(found, endpoint.host)}`),
    });
  }
}

/** The key of its token in the editor's secret storage. One per address, so that no other server gets the token. */
export const endpointSecretKey = ({ api }: Endpoint) => `forgetMeNot.endpointToken ${api}`;

const notAllowed = ({ host }: Endpoint) =>
  new UserError(
    'cancelled',
    t('You have not allowed code to be sent to {host}.', { host }),
    t('To allow it, use {step}.', { step: '{endpoint-model}' }),
  );
