/** Converts the editor's messages into those of OpenAI's chat API. */
import * as vscode from 'vscode';
import { UserError } from '../../text/errors.ts';
import { t } from '../../text/l10n.ts';
import type { ChatRequestMessage } from './chat-api.ts';

export interface ChatTurn {
  role: 'system' | 'user' | 'assistant';
  content: string;
}

/** The editor's value for a role that its types lack. */
const SYSTEM = 3;

/**
 * Text only. Consecutive messages of the same role become one turn, because some templates require alternating roles.
 * If another model called tools in the same chat, their results stay as text. Throws UserError `bad-request` for
 * pictures and files.
 */
export function toChat(messages: readonly ChatRequestMessage[], name: string): ChatTurn[] {
  const turns: ChatTurn[] = [];
  for (const { role, content } of messages) {
    const turn: ChatTurn = {
      role: roleOf(role),
      content: textIn(content, () => {
        throw textOnly(name);
      }),
    };
    if (!turn.content) continue;
    const last = turns.at(-1);
    if (last?.role === turn.role) last.content += `\n\n${turn.content}`;
    else turns.push(turn);
  }
  return turns;
}

/** The text of a message. `other` supplies the text for pictures and files. */
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
    // Hints from the editor to providers, such as "cache_control".
    if (!mimeType.includes('/')) return '';
  }
  // Tool calls, and kinds that we don't know.
  return data === undefined ? '' : other();
}

const textOnly = (name: string) =>
  new UserError(
    'bad-request',
    t('{name} understands text only.', { name }),
    t('Leave out images and files.'),
  );
