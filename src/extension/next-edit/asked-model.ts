/** Which model is asked for next edits. */
import type * as vscode from 'vscode';
import type { RunSnapshot } from '../../protocol/panel.ts';
import { ServingClient } from '../../serving/client/client.ts';
import type { CompletionService } from '../completion/completion-service.ts';
import { settings } from '../settings.ts';
import type { AskOptions } from '../../next-edit-finder/ask-model.ts';

/**
 * The model that completes this document, if it runs on this machine already: nothing is started or sent elsewhere for
 * next edits. By default only one that learned to make them.
 */
export function askedModel(
  completion: Pick<CompletionService, 'modelFor' | 'isServingHere' | 'serving'>,
  document: vscode.TextDocument,
): Pick<AskOptions, 'serving' | 'model' | 'asking'> | undefined {
  const when = settings.nextEditModel(document);
  const model = when === 'off' ? undefined : completion.modelFor(document);
  if (!model || !completion.isServingHere(model)) return undefined;
  const hasLearned = learnedEdits(model.run);
  const serving = completion.serving(model);
  if ((!hasLearned && when !== 'on') || !(serving instanceof ServingClient)) return undefined;
  return { serving, model: model.requested, asking: hasLearned ? 'task' : 'diff' };
}

/** Of fewer tasks, nothing is learned that would change what a model does (docs/science.md). */
const FEWEST_EDITS = 100;

/** Whether repeating edits was a part of what the run learned: a folder may have no history to learn it from. */
const learnedEdits = (run: RunSnapshot | undefined): boolean => (run?.corpus?.edits ?? 0) >= FEWEST_EDITS;
