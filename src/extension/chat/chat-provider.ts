/** The models of this machine in the editor's chat, answered by the completion server in the base's own chat template. */
import * as vscode from 'vscode';
import { reportError, UserError } from '../../text/errors.ts';
import { forButtons } from '../../text/next-step.ts';
import { joined, t, translate } from '../../text/l10n.ts';
import { ServingClient } from '../../serving/client/client.ts';
import type { ServicesWithCompletion } from '../completion/completion-service.ts';
import { nextOf } from '../log.ts';
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

/** As in package.json. */
const VENDOR = 'forget-me-not';
/** A long chat takes minutes to read on a slow machine; whoever does not want to wait stops it. */
const TIMEOUT_SECONDS = '1800';
/** Completion changes several times at each pause in typing, and looking for models asks the disk. */
const EVERY_MS = 2000;
/** Characters; the server takes no more than 4 MB, and far less is too long for any model here. */
const MOST_COUNTED = 1_000_000;
/** Of code; an estimate. */
const CHARACTERS_PER_TOKEN = 3;

/** `running`: requests that it has. */
interface Client {
  serving: ServingClient;
  running: number;
}

export class ChatModels implements ChatProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeLanguageModelChatInformation = this.changed.event;
  /** By what they serve. Beside the one that was asked last, those whose answers are not over. */
  private readonly clients = new Map<string, Client>();
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
      if (chat.length === 0) throw noText();
      const { temperature } = modelOptions;
      await this.asking(information, async (serving, model) => {
        if (token.isCancellationRequested) return;
        const request = {
          ...{ model, messages: chat, max_tokens: maxOutputTokens },
          ...(typeof temperature === 'number' && { temperature }),
        };
        const report = (piece: string) => progress.report(new vscode.LanguageModelTextPart(piece));
        await serving.chat(request, report, stop.signal);
      });
    } catch (error) {
      if (!stop.signal.aborted) throw this.told(error, name);
    } finally {
      cancelled.dispose();
    }
  }

  /** The chat asks this of each part of what it wants to send, also of messages that have no text yet. */
  async provideTokenCount(
    information: ChatModelInformation,
    counted: string | ChatRequestMessage,
  ): Promise<number> {
    const text = typeof counted === 'string' ? counted : textIn(counted.content, () => '');
    if (!text) return 0;
    if (text.length > MOST_COUNTED) return Math.ceil(text.length / CHARACTERS_PER_TOKEN);
    try {
      return await this.asking(information, (serving) => serving.countTokens(text));
    } catch (error) {
      throw this.told(error, information.name);
    }
  }

  /** Asks the server of a model, with its adapter: another one than for completion, because chats are longer. */
  private async asking<T>(
    { id, name }: ChatModelInformation,
    ask: (serving: ServingClient, requested: string) => Promise<T>,
  ): Promise<T> {
    requireTrust();
    const found = (await this.models()).find(({ information }) => information.id === id);
    if (!found)
      throw new UserError(
        'run-not-found',
        t('{name} is no longer there.', { name }),
        t('Choose another one.'),
      );
    const { model } = found;
    const client = this.clientOf(found);
    client.running += 1;
    try {
      return await ask(client.serving, model.requested);
    } finally {
      client.running -= 1;
    }
  }

  private clientOf({ model, contextSize }: ChatModel): Client {
    const { serves, options } = this.services.completion.serverOf(model);
    // Memory is for one model, but nobody's answer is cut off.
    for (const [other, { serving, running }] of this.clients)
      if (other !== serves && running === 0) {
        this.clients.delete(other);
        void serving.dispose();
      }
    const known = this.clients.get(serves);
    known?.serving.knows(options.adapters ?? []);
    if (known) return known;
    const args = [...(options.args ?? []), '--context', String(contextSize), '--timeout', TIMEOUT_SECONDS];
    const client = { serving: new ServingClient({ ...options, args }), running: 0 };
    this.clients.set(serves, client);
    return client;
  }

  private told(error: unknown, name: string): Error {
    const report = reportError(error);
    const { stack } = error as { stack?: string };
    const details = report.code === 'internal' && stack ? `\n${stack}` : '';
    this.services.log.warn(`No answer in the chat: ${report.message} [${report.code}]${details}`);
    const tooLong = [
      t('The chat is longer than what {name} can read.', { name }),
      t('Begin a new chat, or attach less.'),
    ];
    const said =
      report.code === 'chat-too-long'
        ? tooLong
        : [translate(textOf(report, 'message')), forButtons(nextOf(report)).text];
    const shown = new Error(joined(said));
    // The chat would show it to the person.
    delete shown.stack;
    return shown;
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
