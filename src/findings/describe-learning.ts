/** Describes what a run learns from. */
import { percent, t, whole } from '../text/l10n.ts';
import type { RunSnapshot } from '../protocol/panel.ts';
import type { CorpusPlan } from '../protocol/run.ts';

/** The word for what a corpus consists of: "file", "row", "instruction pair", or "document" for several kinds. */
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
  return [
    include.length > 0 && t('only {files}', { files: include.join(' ') }),
    exclude.length > 0 && t('without {files}', { files: exclude.join(' ') }),
    mode === 'instruct' && t('answers to instructions'),
    fimRate > 0 && t('{share} fill-in-the-middle', { share: percent(fimRate) }),
    repositoryContext && t('files joined to repositories'),
    replay && t('{share} replay of {source}', { share: percent(replay.rate), source: replay.source }),
  ]
    .filter(Boolean)
    .join(t(', '));
}

/** "12 new or changed since, 34,000 tokens to train on; 25% of training is replay of what was there". */
export const describeChanged = ({
  files,
  trainTokens,
  replay,
}: NonNullable<NonNullable<RunSnapshot['corpus']>['changed']>): string =>
  t(
    '{files} new or changed since, {tokens} tokens to train on; {share} of training is replay of what was there',
    { files: whole(files), tokens: whole(trainTokens), share: percent(replay) },
  );
