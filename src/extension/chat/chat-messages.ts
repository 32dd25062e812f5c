/** The editor's messages as those of OpenAI's chat. */
import * as vscode from 'vscode';
import { UserError } from '../../text/errors.ts';
import { t } from '../../text/l10n.ts';
import type { ChatRequestMessage } from './chat-api.ts';

export interface ChatTurn {
  role: 'system' | 'user' | 'assistant';
  content: string;
}

/** The editor's number of a role that its types do not have yet. */
const SYSTEM = 3;

/**
 * Text only; what follows in the same role becomes one turn, because some templates want turns. Where another model
 * called tools in the same chat, their results stay as text. Throws UserError `bad-request` for pictures and files.
 */
export function toChat(messages: readonly ChatRequestMessage[], name: string): ChatTurn[] {
  const turns: ChatTurn[] = [];
  for (const { role, content } of messages) {
    const said: ChatTurn = {
      role: roleOf(role),
      content: textIn(content, () => {
        throw textOnly(name);
      }),
    };
    if (!said.content) continue;
    const last = turns.at(-1);
    if (last?.role === said.role) last.content += `\n\n${said.content}`;
    else turns.push(said);
  }
  return turns;
}

/** The text of a message. `other` stands for pictures and files. */
export const textIn = (content: readonly unknown[], other: () => string): string =>
  content.map((part) => textOf(part, other)).join('');

const roleOf = (role: number): ChatTurn['role'] => {
  if (role === vscode.LanguageModelChatMessageRole.Assistant) return 'assistant';
  return role === SYSTEM ? 'system' : 'user';
};

function textOf(part: unknown, other: () => string): string {
  if (part instanceof vscode.LanguageModelTextPart) return part.value;
  if (part instanceof vscode.LanguageModelToolResultPart) return textIn(part.content, other);
  const { mimeType, data } = part as { mimeType?: unknown; data?: unknown };
  if (typeof mimeType === 'string' && data instanceof Uint8Array) {
    if (mimeType.startsWith('text/')) return new TextDecoder().decode(data);
    // Notes of the editor to providers, such as "cache_control".
    if (!mimeType.includes('/')) return '';
  }
  // Calls of tools, and kinds that are not known here.
  return data === undefined ? '' : other();
}

const textOnly = (name: string) =>
  new UserError(
    'bad-request',
    t('{name} understands text only.', { name }),
    t('Leave out pictures and files.'),
  );
