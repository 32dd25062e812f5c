/** The models of this machine in the editor's chat, answered by the completion server in the base's own chat template. */
import * as vscode from 'vscode';
import { reportError, UserError } from '../../protocol/errors.ts';
import { forButtons } from '../../protocol/next-step.ts';
import { t, tTold } from '../../protocol/l10n.ts';
import { joined } from '../../protocol/told-texts.ts';
import { ServingClient } from '../../serving/client/client.ts';
import { offersOf } from '../completion/completion-model.ts';
import type { ServicesWithCompletion } from '../completion/completion-service.ts';
import { Throttle } from '../panel/throttle.ts';
import { requireTrust } from '../trust.ts';
import {
  registerChatProvider,
  type ChatInformationOptions,
  type ChatModelInformation,
  type ChatProvider,
  type ChatRequestMessage,
  type ChatResponseOptions,
} from './chat-api.ts';
import { chatModels, type ChatModel } from './chat-models.ts';
import { toChat } from './chat-messages.ts';

/** As in package.json. */
const VENDOR = 'forget-me-not';
/** A long chat takes minutes to read on a slow machine; whoever does not want to wait stops it. */
const TIMEOUT_SECONDS = '1800';
/** Completion changes several times at each pause in typing, and looking for models asks the disk. */
const EVERY_MS = 2000;

export class ChatModels implements ChatProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeLanguageModelChatInformation = this.changed.event;
  private client: { serves: string; serving: ServingClient } | undefined;
  private offered = '';

  constructor(private readonly services: ServicesWithCompletion) {}

  /** Tells the editor when there are other models than it was told of. */
  async refresh(): Promise<void> {
    const offered = idsOf(await this.models());
    if (offered === this.offered) return;
    this.offered = offered;
    this.changed.fire();
  }

  private async models(): Promise<ChatModel[]> {
    return vscode.workspace.isTrusted ? chatModels(this.services) : [];
  }

  /**
   * The editor asks once for all, and once more for each group that the person has added. A group has no models of its
   * own: it is there because without one, or without an account, the editor does not open its chat.
   */
  async provideLanguageModelChatInformation({ configuration }: Partial<ChatInformationOptions> = {}): Promise<
    ChatModelInformation[]
  > {
    if (configuration) return [];
    const models = await this.models();
    this.offered = idsOf(models);
    return models.map(({ information }) => information);
  }

  /**
   * Tools that are offered are left out: the chat offers some in each of its modes, and a model that refused them could
   * not be picked at all. The editor shows the message of what is thrown: one sentence and what to do.
   */
  async provideLanguageModelChatResponse(
    information: ChatModelInformation,
    messages: readonly ChatRequestMessage[],
    { toolMode, modelOptions = {} }: ChatResponseOptions,
    progress: vscode.Progress<vscode.LanguageModelTextPart>,
    token: vscode.CancellationToken,
  ): Promise<void> {
    const { name, maxOutputTokens } = information;
    const stop = new AbortController();
    const cancelled = token.onCancellationRequested(() => stop.abort());
    try {
      if (toolMode === vscode.LanguageModelChatToolMode.Required) throw noTools(name);
      const chat = toChat(messages, name);
      const { serving, requested } = await this.ready(information);
      const { temperature } = modelOptions;
      const request = {
        model: requested,
        messages: chat,
        max_tokens: maxOutputTokens,
        ...(typeof temperature === 'number' && { temperature }),
      };
      if (token.isCancellationRequested) return;
      const report = (piece: string) => progress.report(new vscode.LanguageModelTextPart(piece));
      await serving.chat(request, report, stop.signal);
    } catch (error) {
      if (!stop.signal.aborted) throw this.told(error, name);
    } finally {
      cancelled.dispose();
    }
  }

  async provideTokenCount(
    information: ChatModelInformation,
    text: string | ChatRequestMessage,
  ): Promise<number> {
    const content = typeof text === 'string' ? text : toChat([text], information.name)[0]!.content;
    const { serving } = await this.ready(information);
    return serving.countTokens(content);
  }

  /** The server of a model, with its adapter: another one than for completion, because chats are longer. */
  private async ready({
    id,
    name,
  }: ChatModelInformation): Promise<{ serving: ServingClient; requested: string }> {
    requireTrust();
    const found = (await this.models()).find(({ information }) => information.id === id);
    if (!found)
      throw new UserError(
        'run-not-found',
        t('{name} is no longer there.', { name }),
        t('Choose another one.'),
      );
    const { model, contextSize } = found;
    const { serves, options } = this.services.completion.serverOf(model);
    if (this.client?.serves !== serves) {
      void this.client?.serving.dispose();
      const args = [...(options.args ?? []), '--context', String(contextSize), '--timeout', TIMEOUT_SECONDS];
      this.client = { serves, serving: new ServingClient({ ...options, args }) };
    }
    const { serving } = this.client;
    for (const adapter of offersOf(model).adapters ?? []) await serving.addAdapter(adapter);
    return { serving, requested: model.requested };
  }

  private told(error: unknown, name: string): Error {
    const report = reportError(error);
    this.services.log.warn(`No answer in the chat: ${report.message} [${report.code}]`);
    const tooLong = [
      t('The chat is longer than what {name} can read.', { name }),
      t('Begin a new chat, or attach less.'),
    ];
    const said =
      report.code === 'chat-too-long'
        ? tooLong
        : [tTold(report.message), forButtons(tTold(report.next)).text];
    const shown = new Error(joined(said));
    // The chat would show it to the person.
    delete shown.stack;
    return shown;
  }

  dispose(): void {
    void this.client?.serving.dispose();
    this.changed.dispose();
  }
}

const idsOf = (models: readonly ChatModel[]) => models.map(({ information: { id } }) => id).join('\n');

const noTools = (name: string) =>
  new UserError(
    'bad-request',
    t("{name} can't call tools.", { name }),
    t('Ask without tools, or choose another model for this chat.'),
  );

/** Offers the models, if the editor has a chat for them. */
export function offerChatModels(services: ServicesWithCompletion): vscode.Disposable {
  const models = new ChatModels(services);
  const registered = registerChatProvider(VENDOR, models);
  if (!registered) return models;
  const throttle = new Throttle(EVERY_MS, () => void models.refresh());
  const refresh = () => throttle.run();
  return vscode.Disposable.from(
    registered,
    models,
    throttle,
    services.runs.onDidChange(refresh),
    services.completion.onDidChange(refresh),
  );
}
