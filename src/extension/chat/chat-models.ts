/** Which models the editor's chat offers: checked results and their bases, if the base was taught to chat. */
import { existsSync } from 'node:fs';
import { hasChatTemplate } from '../../base-models/has-chat-template.ts';
import { findKnownBase } from '../../base-models/registry.ts';
import { t } from '../../protocol/l10n.ts';
import { ofBase, ofRun, type LocalModel } from '../completion/completion-model.ts';
import type { ServicesWithCompletion } from '../completion/completion-service.ts';
import { isChecked, whyNotServable } from '../texts.ts';
import type { ChatModelInformation } from './chat-api.ts';

/** Tokens of a chat and its answer. Larger than for completion: the editor adds instructions and files. */
const LONGEST_CONTEXT = 8192;
/** For bases that are not known; most have more. */
const USUAL_CONTEXT = 4096;
/** Most tokens of an answer; see chatRequestSchema. */
const ANSWER_TOKENS = 1024;

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
  const chats = await Promise.all(all.map(({ base }) => hasChatTemplate(base.path)));
  return all.filter((_, index) => chats[index]).map(toChatModel);
}

function toChatModel(model: LocalModel): ChatModel {
  const { base, run } = model;
  const contextSize = Math.min(LONGEST_CONTEXT, findKnownBase(base.id)?.contextLength ?? USUAL_CONTEXT);
  const maxOutputTokens = Math.min(ANSWER_TOKENS, Math.floor(contextSize / 4));
  return {
    model,
    contextSize,
    information: {
      id: model.id,
      name: model.name,
      family: base.id,
      version: run ? run.spec.createdAt : base.sha256.slice(0, 12),
      detail: run ? (findKnownBase(base.id)?.name ?? base.id) : t('not fine-tuned'),
      tooltip: t('Answers on this machine: nothing leaves it.'),
      maxInputTokens: contextSize - maxOutputTokens,
      maxOutputTokens,
      capabilities: { imageInput: false, toolCalling: false },
    },
  };
}
