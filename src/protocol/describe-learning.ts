/** What a run learns from, in words. */
import type { RunSnapshot } from './panel.ts';
import type { CorpusPlan } from './run.ts';

/** What a corpus consists of, in one word: "file", "row", "instruction pair", or "document" for several kinds. */
export function documentWord(folder: string | undefined, plan: Pick<CorpusPlan, 'mode' | 'data'>): string {
  if (!folder) return 'row';
  if (plan.data !== undefined) return 'document';
  return plan.mode === 'instruct' ? 'instruction pair' : 'file';
}

/** How the run differs from learning all files as plain text: "answers to instructions, 25% replay of base". */
export function describeLearning({
  mode,
  include,
  exclude,
  fimRate,
  repositoryContext,
  replay,
}: CorpusPlan): string {
  const percent = (share: number) => `${Math.round(100 * share)}%`;
  return [
    include.length > 0 && `only ${include.join(' ')}`,
    exclude.length > 0 && `without ${exclude.join(' ')}`,
    mode === 'instruct' && 'answers to instructions',
    fimRate > 0 && `${percent(fimRate)} fill-in-the-middle`,
    repositoryContext && 'files joined to repositories',
    replay && `${percent(replay.rate)} replay of ${replay.source}`,
  ]
    .filter(Boolean)
    .join(', ');
}

/** "12 new or changed since, 34,000 tokens to train on; 25% of training is replay of what was there". */
export const describeChanged = ({
  files,
  trainTokens,
  replay,
}: NonNullable<NonNullable<RunSnapshot['corpus']>['changed']>): string =>
  `${files.toLocaleString('en')} new or changed since, ${trainTokens.toLocaleString('en')} tokens to train on; ${Math.round(100 * replay)}% of training is replay of what was there`;
