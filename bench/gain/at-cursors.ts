/** Scores models at a run's held-out cursors, with the editor's prompts, as when its strength is chosen. */
import { join } from 'node:path';
import { openCorpus } from '../../src/corpus/index.ts';
import type { Resources } from '../../src/evaluation/resources.ts';
import { scoreItems } from '../../src/evaluation/scoring/score-items.ts';
import { strengthTask, type StrengthItem } from '../../src/evaluation/strength/task.ts';
import type { EvaluatedModel, ItemScore } from '../../src/evaluation/task.ts';
import { readSpec } from '../../src/runs/index.ts';
import type { Working } from './default-run.ts';

/** The items are those of the run in `own`; cached scores are reused. Throws like readRun. */
export async function scoreAtCursors(
  own: string,
  resources: Pick<Resources, 'base' | 'sandbox'>,
  models: readonly EvaluatedModel[],
  { cursors, signal, tell }: Working & { cursors: number },
): Promise<{ items: StrengthItem[]; scores: ItemScore[][] }> {
  const spec = await readSpec(own);
  // Without retention texts and solutions.
  const evaluation = { ...spec.evaluation, retentionTexts: 0, humanevalProblems: 0 };
  const { items } = await strengthTask.plan({
    setting: 'quick',
    limit: cursors,
    base: resources.base,
    run: { spec: { ...spec, evaluation }, corpus: () => openCorpus(join(own, 'corpus')) },
    warn: tell,
    signal,
  });
  const context = { sandbox: () => resources.sandbox(), onScore: () => undefined, signal };
  const scores: ItemScore[][] = [];
  for (const model of models) scores.push(await scoreItems(strengthTask, items, model, context));
  return { items, scores };
}
