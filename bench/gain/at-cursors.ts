/** What is counted at a run's held-out cursors, with the editor's prompts, when its strength is chosen: bits, lines. */
import { join } from 'node:path';
import { openCorpus } from '../../src/corpus/index.ts';
import type { Resources } from '../../src/evaluation/resources.ts';
import { scoreItems } from '../../src/evaluation/scoring/score-items.ts';
import { strengthTask, type StrengthItem } from '../../src/evaluation/strength/task.ts';
import type { Replacements } from '../../src/evaluation/measure.ts';
import type { EvaluatedModel, ItemScore } from '../../src/evaluation/task.ts';
import { readSpec } from '../../src/runs/index.ts';
import type { Working } from './default-run.ts';

/**
 * The items are of the run in `own`; what was scored before is read from the cache. `instead`: models for the files that
 * the last model must not be measured on. Errors: those of reading the run.
 */
export async function scoreAtCursors(
  own: string,
  resources: Pick<Resources, 'base' | 'sandbox'>,
  models: readonly EvaluatedModel[],
  { cursors, instead, signal, tell }: Working & { cursors: number; instead?: Replacements },
): Promise<{ items: StrengthItem[]; scores: ItemScore[][] }> {
  const spec = await readSpec(own);
  // Neither the base's own texts nor solutions.
  const evaluation = { ...spec.evaluation, retentionTexts: 0, humanevalProblems: 0 };
  const { items } = await strengthTask.plan({
    setting: 'quick',
    limit: cursors,
    base: resources.base,
    run: { spec: { ...spec, evaluation }, corpus: () => openCorpus(join(own, 'corpus')) },
    warn: tell,
    signal,
  });
  const score = (some: readonly StrengthItem[], model: EvaluatedModel) =>
    scoreItems(strengthTask, some, model, {
      sandbox: () => resources.sandbox(),
      onScore: () => undefined,
      signal,
    });
  const scores: ItemScore[][] = [];
  for (const model of models) scores.push(await score(items, model));
  for (const [file, model] of instead ?? [])
    for (const [at, item] of items.entries())
      if (item.document === file) scores.at(-1)![at] = (await score([item], model))[0]!;
  return { items, scores };
}
