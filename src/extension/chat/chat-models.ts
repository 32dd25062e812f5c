/** Which models the editor's chat offers: checked results and their bases, if the base was taught to chat. */
import { existsSync } from 'node:fs';
import { chatFacts } from '../../base-models/chat-facts.ts';
import { findKnownBase } from '../../base-models/registry.ts';
import { joined, t } from '../../text/l10n.ts';
import { ofBase, ofRun, type LocalModel } from '../completion/completion-model.ts';
import type { ServicesWithCompletion } from '../completion/completion-service.ts';
import { isChecked, shortTime, whyNotServable } from '../texts.ts';
import type { ChatModelInformation } from './chat-api.ts';
import { plain } from '../plain.ts';

/** Tokens of a chat and its answer. Larger than for completion: the editor adds instructions and files. */
const LONGEST_CONTEXT = 8192;
/** For a file that does not say; most have more. */
const USUAL_CONTEXT = 4096;
/** Most tokens of an answer; see chatRequestSchema. */
const ANSWER_TOKENS = 1024;
/**
 * What the chat counts for the tools that it offers with each question (5,400 for asking in VS Code 1.139). They are
 * left out, so a model reads that much more; else the chat would find no room for its instructions and give up.
 */
const TOOL_TOKENS = 6000;

export interface ChatModel {
  model: LocalModel;
  contextSize: number;
  information: ChatModelInformation;
}

/** Results that completion may use too, the newest first, then the bases. */
export async function chatModels({
  runs,
  store,
}: Pick<ServicesWithCompletion, 'runs' | 'store'>): Promise<ChatModel[]> {
  const results = runs.all
    .filter((run) => isChecked(run) && !whyNotServable(run, runs.standing(run)))
    .map((run) => ofRun(run));
  const bases = [...results.map(({ base }) => base), ...(store.baseInUse ? [store.baseInUse] : [])];
  const once = new Map(bases.map((base) => [base.path, ofBase(base)]));
  const all = [...results, ...once.values()].filter(({ base }) => existsSync(base.path));
  const chats = await Promise.all(
    all.map(async (model) => {
      const { hasTemplate, contextLength } = await chatFacts(model.base.path);
      return hasTemplate ? [toChatModel(model, contextLength)] : [];
    }),
  );
  const models = chats.flat();
  // Results of one folder have its name: the list shows the detail beside it.
  for (const { model, information } of models)
    if (
      model.run &&
      models.some((other) => other.model !== model && other.information.name === information.name)
    )
      information.detail = `${information.detail}, ${shortTime(model.run.spec.createdAt)}`;
  return models;
}

function toChatModel(model: LocalModel, contextLength = USUAL_CONTEXT): ChatModel {
  const { base, run } = model;
  const contextSize = Math.min(LONGEST_CONTEXT, contextLength);
  const maxOutputTokens = Math.min(ANSWER_TOKENS, Math.floor(contextSize / 4));
  return {
    model,
    contextSize,
    information: {
      id: model.id,
      name: plain(model.name),
      family: base.id,
      version: run ? run.spec.createdAt : base.sha256.slice(0, 12),
      detail: run ? (findKnownBase(base.id)?.name ?? plain(base.id)) : t('not fine-tuned'),
      tooltip: joined([
        t('Answers on this machine: nothing leaves it.'),
        t('It writes text only: it edits no files and runs no commands.'),
      ]),
      maxInputTokens: contextSize - maxOutputTokens + TOOL_TOKENS,
      maxOutputTokens,
      // Each of the chat's modes, even the one for asking, shows only models that say so; see the provider.
      capabilities: { imageInput: false, toolCalling: true },
    },
  };
}
