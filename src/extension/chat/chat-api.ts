/**
 * The editor's API for chat models, added in VS Code 1.104; `engines.vscode` and the installed types are older. Only
 * this file uses it: in an editor without it, the chat has no models of ours and everything else works.
 */
import * as vscode from 'vscode';

/** Same as LanguageModelChatInformation in VS Code 1.104. */
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

/** Parts may be of any kind, including ones we don't know. */
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
  /** Set for a group of models that the user added in the editor's model list; newer than 1.104. */
  configuration?: unknown;
}

type Register = (vendor: string, provider: ChatProvider) => vscode.Disposable;

/** Registers the models; undefined in an editor without this API. */
export function registerChatProvider(vendor: string, provider: ChatProvider): vscode.Disposable | undefined {
  // Forks may lack `lm` altogether.
  const api = (vscode as { lm?: { registerLanguageModelChatProvider?: Register } }).lm;
  return api?.registerLanguageModelChatProvider?.(vendor, provider);
}
