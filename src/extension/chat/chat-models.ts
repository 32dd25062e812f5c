/** Which models the editor's chat offers: checked results and their bases, if the base has a chat template. */
import { chatFacts } from '../../base-models/chat-facts.ts';
import { findKnownBase } from '../../base-models/registry.ts';
import { joined, t } from '../../text/l10n.ts';
import { modelFromBase, modelFromRun, type LocalModel } from '../completion/completion-model.ts';
import type { ServicesWithCompletion } from '../completion/completion-service.ts';
import { isChecked, shortTime, whyNotServable } from '../texts.ts';
import type { ChatModelInformation } from './chat-api.ts';
import { plain } from '../plain.ts';

/** Tokens of a chat and its answer. More than for completion, because the editor adds instructions and files. */
const MAX_CONTEXT = 8192;
/** For a file that doesn't state its context length; most have more. */
const DEFAULT_CONTEXT = 4096;
/** Tokens of an answer; see chatRequestSchema. */
const MAX_ANSWER_TOKENS = 1024;
/**
 * Tokens that the chat reserves for the tools it sends with each request (5,400 in Ask mode of VS Code 1.139). We drop
 * the tools, so the model has this much more room; otherwise the chat would find no room for its instructions and give
 * up.
 */
const TOOL_TOKENS = 6000;

export interface ChatModel {
  model: LocalModel;
  contextSize: number;
  information: ChatModelInformation;
}

/** Results that completion may use too, newest first, then the bases. */
export async function chatModels({
  runs,
  store,
}: Pick<ServicesWithCompletion, 'runs' | 'store'>): Promise<ChatModel[]> {
  const results = runs.all
    .filter((run) => isChecked(run) && !whyNotServable(run, runs.statusOf(run)))
    .map((run) => modelFromRun(run));
  const bases = [...results.map(({ base }) => base), ...(store.baseInUse ? [store.baseInUse] : [])];
  const basesByPath = new Map(bases.map((base) => [base.path, modelFromBase(base)]));
  const all = [...results, ...basesByPath.values()];
  const chatModelLists = await Promise.all(
    all.map(async (model) => {
      const { hasTemplate, contextLength } = await chatFacts(model.base.path);
      return hasTemplate ? [toChatModel(model, contextLength)] : [];
    }),
  );
  const models = chatModelLists.flat();
  // Results of the same folder share its name; the detail tells them apart in the list.
  for (const { model, information } of models)
    if (
      model.run &&
      models.some((other) => other.model !== model && other.information.name === information.name)
    )
      information.detail = `${information.detail}, ${shortTime(model.run.spec.createdAt)}`;
  return models;
}

function toChatModel(model: LocalModel, contextLength = DEFAULT_CONTEXT): ChatModel {
  const { base, run } = model;
  const contextSize = Math.min(MAX_CONTEXT, contextLength);
  const maxOutputTokens = Math.min(MAX_ANSWER_TOKENS, Math.floor(contextSize / 4));
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
      // Every chat mode, even Ask, only lists models that claim to call tools; see the provider.
      capabilities: { imageInput: false, toolCalling: true },
    },
  };
}
