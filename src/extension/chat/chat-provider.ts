/** The models of this machine in the editor's chat, answered by the completion server in the base's own chat template. */
import * as vscode from 'vscode';
import { reportError, UserError } from '../../text/errors.ts';
import { forButtons } from '../../text/next-step.ts';
import { joined, t, translate } from '../../text/l10n.ts';
import { ServingClient } from '../../serving/client/client.ts';
import type { ServicesWithCompletion } from '../completion/completion-service.ts';
import { nextStepText } from '../log.ts';
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
import { textIn, toChat } from './chat-messages.ts';
import { textOf } from '../../text/message.ts';

/** Same as in package.json. */
const VENDOR = 'forget-me-not';
/** A slow machine takes minutes to read a long chat; the user can stop it. */
const TIMEOUT_SECONDS = '1800';
/** Completion changes several times in every pause in typing, and listing the models reads the disk. */
const REFRESH_MS = 2000;
/** The server accepts at most 4 MB, and far less is too long for any model here. */
const MAX_COUNTED_CHARACTERS = 1_000_000;
/** An estimate for code. */
const CHARACTERS_PER_TOKEN = 3;

/** `running`: number of requests in progress. */
interface Client {
  serving: ServingClient;
  running: number;
}

export class ChatModels implements ChatProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeLanguageModelChatInformation = this.changed.event;
  /** By what they serve: the one used last, and those with requests in progress. */
  private readonly clients = new Map<string, Client>();
  private offeredIds = '';
  private refreshing: Promise<void> | undefined;

  constructor(private readonly services: ServicesWithCompletion) {}

  /**
   * Notifies the editor when the list of models has changed. One listing at a time, because each keeps a thread while a
   * folder hangs.
   */
  async refresh(): Promise<void> {
    this.refreshing ??= this.listAgain().finally(() => (this.refreshing = undefined));
    await this.refreshing;
  }

  private async listAgain(): Promise<void> {
    const offeredIds = idsOf(await this.models());
    if (offeredIds === this.offeredIds) return;
    this.offeredIds = offeredIds;
    this.changed.fire();
  }

  private async models(): Promise<ChatModel[]> {
    return vscode.workspace.isTrusted ? chatModels(this.services) : [];
  }

  /**
   * The editor asks once for all models, and once more for each group that the user has added. A group has no models of
   * its own: it exists because the editor does not open its chat without a group or an account.
   */
  async provideLanguageModelChatInformation({ configuration }: Partial<ChatInformationOptions> = {}): Promise<
    ChatModelInformation[]
  > {
    if (configuration) return [];
    const models = await this.models();
    this.offeredIds = idsOf(models);
    return models.map(({ information }) => information);
  }

  /**
   * Tools in the request are ignored: the chat sends some in every mode, and a model that refused them could not be
   * picked at all. The editor shows the message of a thrown error: one sentence and what to do.
   */
  async provideLanguageModelChatResponse(
    information: ChatModelInformation,
    messages: readonly ChatRequestMessage[],
    { toolMode, modelOptions = {} }: ChatResponseOptions,
    progress: vscode.Progress<vscode.LanguageModelTextPart>,
    token: vscode.CancellationToken,
  ): Promise<void> {
    const { name, maxOutputTokens } = information;
    const controller = new AbortController();
    const cancelled = token.onCancellationRequested(() => controller.abort());
    try {
      if (toolMode === vscode.LanguageModelChatToolMode.Required) throw noTools(name);
      const chat = toChat(messages, name);
      if (chat.length === 0) throw noText();
      const { temperature } = modelOptions;
      await this.withServer(information, async (serving, model) => {
        if (token.isCancellationRequested) return;
        const request = {
          model,
          messages: chat,
          max_tokens: maxOutputTokens,
          ...(typeof temperature === 'number' && { temperature }),
        };
        const report = (piece: string) => progress.report(new vscode.LanguageModelTextPart(piece));
        await serving.chat(request, report, controller.signal);
      });
    } catch (error) {
      if (!controller.signal.aborted) throw this.toChatError(error, name);
    } finally {
      cancelled.dispose();
    }
  }

  /** The chat calls this for each part of what it is about to send, even for messages without text. */
  async provideTokenCount(
    information: ChatModelInformation,
    content: string | ChatRequestMessage,
  ): Promise<number> {
    const text = typeof content === 'string' ? content : textIn(content.content, () => '');
    if (!text) return 0;
    if (text.length > MAX_COUNTED_CHARACTERS) return Math.ceil(text.length / CHARACTERS_PER_TOKEN);
    try {
      return await this.withServer(information, (serving) => serving.countTokens(text));
    } catch (error) {
      throw this.toChatError(error, information.name);
    }
  }

  /** Sends a request to the model's server: not the one for completion, because chats need a longer context. */
  private async withServer<T>(
    { id, name }: ChatModelInformation,
    ask: (serving: ServingClient, requested: string) => Promise<T>,
  ): Promise<T> {
    requireTrust();
    const chatModel = (await this.models()).find(({ information }) => information.id === id);
    if (!chatModel)
      throw new UserError(
        'run-not-found',
        t('{name} is no longer there.', { name }),
        t('Choose another one.'),
      );
    const { model } = chatModel;
    const client = this.clientFor(chatModel);
    client.running += 1;
    try {
      return await ask(client.serving, model.requested);
    } finally {
      client.running -= 1;
    }
  }

  private clientFor({ model, contextSize }: ChatModel): Client {
    const { serves, options } = this.services.completion.serverOptions(model);
    // Only one model is kept in memory, but no answer is cut off.
    for (const [other, { serving, running }] of this.clients)
      if (other !== serves && running === 0) {
        this.clients.delete(other);
        void serving.dispose();
      }
    const existing = this.clients.get(serves);
    existing?.serving.registerAdapters(options.adapters ?? []);
    if (existing) return existing;
    const args = [...(options.args ?? []), '--context', String(contextSize), '--timeout', TIMEOUT_SECONDS];
    const client = { serving: new ServingClient({ ...options, args }), running: 0 };
    this.clients.set(serves, client);
    return client;
  }

  private toChatError(error: unknown, name: string): Error {
    const report = reportError(error);
    const { stack } = error as { stack?: string };
    const details = report.code === 'internal' && stack ? `\n${stack}` : '';
    this.services.log.warn(`No answer in the chat: ${report.message} [${report.code}]${details}`);
    const tooLong = [
      t('The chat is longer than what {name} can read.', { name }),
      t('Begin a new chat, or attach less.'),
    ];
    const sentences =
      report.code === 'chat-too-long'
        ? tooLong
        : [translate(textOf(report, 'message')), forButtons(nextStepText(report)).text];
    const chatError = new Error(joined(sentences));
    // The chat would show the stack to the user.
    delete chatError.stack;
    return chatError;
  }

  dispose(): void {
    for (const { serving } of this.clients.values()) void serving.dispose();
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

const noText = () =>
  new UserError(
    'bad-request',
    t('There is no text in this chat to answer.'),
    t('Write what you want to know, then send it again.'),
  );

/** Registers the models, if the editor's chat accepts any. */
export function offerChatModels(services: ServicesWithCompletion): vscode.Disposable {
  const models = new ChatModels(services);
  const registered = registerChatProvider(VENDOR, models);
  if (!registered) return models;
  const throttle = new Throttle(REFRESH_MS, () => void models.refresh());
  const refresh = () => throttle.run();
  return vscode.Disposable.from(
    registered,
    models,
    throttle,
    services.runs.onDidChange(refresh),
    services.completion.onDidChange(refresh),
  );
}
