import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import type { CorpusPlan } from '../protocol/run.ts';
import { shareOf, type Collected, type CollectOptions } from './collect.ts';
import { describeChange } from './earlier.ts';
import { measuredKind } from './kinds.ts';
import { CORPUS_FORMAT, kindOfEntry, type CorpusSummary, type KeptEntry, type Split } from './manifest.ts';

interface Making {
  options: Pick<CollectOptions, 'folder' | 'seed' | 'heldOutShare' | 'earlier'> & {
    warnings?: readonly string[] | undefined;
  };
  plan: Pick<CorpusPlan, 'mode' | 'fimRate' | 'fimLoss' | 'repositoryContext' | 'halfLifeDays'>;
  documentEnd: number;
}

export function summarise(
  kept: readonly KeptEntry[],
  { leftOut, cut }: Pick<Collected, 'leftOut' | 'cut'>,
  { options, plan, documentEnd }: Making,
): CorpusSummary {
  const { mode, fimRate, fimLoss, repositoryContext } = plan;
  const of = (split: Split) => kept.filter((entry) => entry.split === split);
  const sum = (entries: readonly KeptEntry[], key: 'tokens' | 'bytes' | 'lines') =>
    entries.reduce((total, entry) => total + entry[key], 0);
  return {
    format: CORPUS_FORMAT,
    mode,
    documentEnd,
    fimRate,
    ...(fimRate > 0 && { fim: 'windows' as const }),
    fimLoss,
    repositoryContext,
    folder: options.folder === undefined ? '' : resolve(options.folder),
    seed: options.seed,
    heldOutShare: shareOf(options),
    kept: kept.length - (cut ? 1 : 0),
    trainFiles: of('train').length,
    heldOutFiles: of('held-out').length,
    leftOut,
    trainTokens: sum(of('train'), 'tokens'),
    heldOutTokens: sum(of('held-out'), 'tokens'),
    heldOutKinds: heldOutKinds(of('held-out')),
    bytes: sum(kept, 'bytes'),
    lines: sum(kept, 'lines'),
    digest: digestOf(kept, plan),
    cut,
    ...(options.earlier && { changed: describeChange(kept, options.earlier) }),
    warnings: [...(options.warnings ?? []), ...measuredNote(of('held-out'))],
  };
}

/** What the person should know where figures are not of code. */
function measuredNote(heldOut: readonly KeptEntry[]): string[] {
  const measured = measuredKind((kind) => heldOut.some((entry) => kindOfEntry(entry) === kind)) ?? 'code';
  return measured === 'code' ? [] : [`No code is held out, so what is learned is measured on ${measured}.`];
}

function heldOutKinds(heldOut: readonly KeptEntry[]): CorpusSummary['heldOutKinds'] {
  const tokens = { code: 0, prose: 0, data: 0 };
  for (const entry of heldOut) tokens[kindOfEntry(entry)] += entry.tokens;
  return tokens;
}

function digestOf(
  kept: readonly KeptEntry[],
  { mode, fimRate, fimLoss, repositoryContext, halfLifeDays }: Making['plan'],
): string {
  const fim = fimRate > 0 ? `${fimRate} windows ${fimLoss}` : '0';
  const hash = createHash('sha256').update(
    `${mode}\0${fim}\0${repositoryContext}${halfLifeDays > 0 ? ` half-life ${halfLifeDays}` : ''}\n`,
  );
  for (const { split, path, sha256, fromLine, known } of kept)
    hash.update(`${split}\0${path}\0${sha256}\0${fromLine ?? 0}${known ? ' known' : ''}\n`);
  return hash.digest('hex');
}
