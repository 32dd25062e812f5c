/** Which model suggests next edits. */
import type * as vscode from 'vscode';
import type { RunSnapshot } from '../../protocol/panel.ts';
import { ServingClient } from '../../serving/client/client.ts';
import type { CompletionService } from '../completion/completion-service.ts';
import { settings } from '../settings.ts';
import type { AskOptions } from '../../next-edit-finder/ask-model.ts';

/**
 * The model that completes this document, if it already runs on this machine: next edits never start a server or send
 * code elsewhere. By default only a model that was trained to make them.
 */
export function modelForNextEdits(
  completion: Pick<CompletionService, 'modelFor' | 'isServedLocally' | 'serving'>,
  document: vscode.TextDocument,
): Pick<AskOptions, 'serving' | 'model' | 'asking'> | undefined {
  const when = settings.nextEditModel(document);
  const model = when === 'off' ? undefined : completion.modelFor(document);
  if (!model || !completion.isServedLocally(model)) return undefined;
  const hasLearned = learnedEdits(model.run);
  const serving = completion.serving(model);
  if ((!hasLearned && when !== 'on') || !(serving instanceof ServingClient)) return undefined;
  return { serving, model: model.requested, asking: hasLearned ? 'task' : 'diff' };
}

/** Fewer training examples don't change what a model does (docs/science.md). */
const MIN_EDITS = 100;

/** Whether the run was trained to repeat edits: a folder may have no history to learn that from. */
const learnedEdits = (run: RunSnapshot | undefined): boolean => (run?.corpus?.edits ?? 0) >= MIN_EDITS;
