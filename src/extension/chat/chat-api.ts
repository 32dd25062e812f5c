/**
 * The editor's API for chat models, of VS Code 1.104; `engines.vscode` and the types are older. The only file that asks
 * for it: in an editor without it, there are no models in the chat, and everything else works.
 */
import * as vscode from 'vscode';

/** As LanguageModelChatInformation of 1.104. */
export interface ChatModelInformation {
  id: string;
  name: string;
  family: string;
  version: string;
  tooltip?: string;
  detail?: string;
  maxInputTokens: number;
  maxOutputTokens: number;
  capabilities: { imageInput?: boolean; toolCalling?: boolean | number };
}

/** Parts may be of any kind, also of ones that are not known here. */
export interface ChatRequestMessage {
  role: vscode.LanguageModelChatMessageRole;
  content: readonly unknown[];
}

export interface ChatResponseOptions {
  tools?: readonly unknown[];
  toolMode?: vscode.LanguageModelChatToolMode;
  modelOptions?: Readonly<Record<string, unknown>>;
}

export interface ChatProvider {
  onDidChangeLanguageModelChatInformation?: vscode.Event<void>;
  provideLanguageModelChatInformation(
    options: ChatInformationOptions,
    token: vscode.CancellationToken,
  ): vscode.ProviderResult<ChatModelInformation[]>;
  provideLanguageModelChatResponse(
    model: ChatModelInformation,
    messages: readonly ChatRequestMessage[],
    options: ChatResponseOptions,
    progress: vscode.Progress<vscode.LanguageModelTextPart>,
    token: vscode.CancellationToken,
  ): Promise<void>;
  provideTokenCount(
    model: ChatModelInformation,
    text: string | ChatRequestMessage,
    token: vscode.CancellationToken,
  ): Promise<number>;
}

export interface ChatInformationOptions {
  silent: boolean;
  /** Of a group of models that the person has added in the editor's list of models; newer than 1.104. */
  configuration?: unknown;
}

type Register = (vendor: string, provider: ChatProvider) => vscode.Disposable;

/** Offers the models; undefined in an editor that has no such API. */
export function registerChatProvider(vendor: string, provider: ChatProvider): vscode.Disposable | undefined {
  // Forks may lack all of it.
  const api = (vscode as { lm?: { registerLanguageModelChatProvider?: Register } }).lm;
  return api?.registerLanguageModelChatProvider?.(vendor, provider);
}
