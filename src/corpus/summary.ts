import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import type { NamedFolder } from '../protocol/folders.ts';
import type { CorpusPlan } from '../protocol/run.ts';
import { heldOutShareOf, type CollectedCorpus, type CollectOptions } from './collect.ts';
import { describeChange } from './earlier-corpus.ts';
import { describeGlobs } from './reading/globs.ts';
import { measuredKind, type Kind } from './kinds.ts';
import { CORPUS_FORMAT, entryKind, type CorpusSummary, type KeptEntry, type Split } from './manifest.ts';
import { msg, type Text, withAllTexts } from '../text/message.ts';

interface SummaryInput {
  options: Pick<CollectOptions, 'folder' | 'folders' | 'seed' | 'heldOutShare' | 'earlier'> & {
    warnings?: readonly Text[] | undefined;
  };
  plan: Pick<CorpusPlan, 'mode' | 'fimRate' | 'fimLoss' | 'repositoryContext' | 'halfLifeDays' | 'include'>;
  documentEnd: number;
}

export function summarise(
  kept: readonly KeptEntry[],
  { leftOut, cut, unknownLanguage, emptyFolders }: Omit<CollectedCorpus, 'parts'>,
  { options, plan, documentEnd }: SummaryInput,
): CorpusSummary {
  const { mode, fimRate, fimLoss, repositoryContext } = plan;
  const inSplit = (split: Split) => kept.filter((entry) => entry.split === split);
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
    ...(options.folders && { folders: [...options.folders] }),
    seed: options.seed,
    heldOutShare: heldOutShareOf(options),
    kept: kept.length - (cut ? heldOutHalves(kept).length : 0),
    trainFiles: inSplit('train').length,
    heldOutFiles: inSplit('held-out').length,
    leftOut,
    trainTokens: sum(inSplit('train'), 'tokens'),
    heldOutTokens: sum(inSplit('held-out'), 'tokens'),
    heldOutKinds: heldOutKinds(inSplit('held-out')),
    bytes: sum(kept, 'bytes'),
    lines: sum(kept, 'lines'),
    digest: computeDigest(kept, plan, options.folders),
    cut,
    ...(options.earlier && { changed: describeChange(kept, options.earlier) }),
    ...withAllTexts([
      ...(options.warnings ?? []),
      ...emptyFolders.map(({ folder, why }) => msg`There is nothing to learn from in ${folder}: ${why}.`),
      ...unknownNote(unknownLanguage, plan),
      ...measuredNote(kept),
      ...cutNote(kept, options.folder),
    ]),
  };
}

/** A warning about left-out files that may be code in an unknown language. */
function unknownNote(
  unknown: CollectedCorpus['unknownLanguage'],
  { include }: Pick<CorpusPlan, 'include'>,
): Text[] {
  if (!unknown) return [];
  const { extension, files } = unknown;
  const globs = [...(include.length > 0 ? include : ['*']), `*.${extension}`].map((glob) => `"${glob}"`);
  return [
    msg`${files} .${extension} files are left out, more than there are of any known language. If they are code, ${describeGlobs({ include: globs, exclude: [] })} learns them, too (in VS Code, the setting forgetMeNot.training.include).`,
  ];
}

/** A warning if the metrics are not about code. */
function measuredNote(kept: readonly KeptEntry[]): Text[] {
  const has = (entries: readonly KeptEntry[]) => (kind: Kind) =>
    entries.some((entry) => entryKind(entry) === kind);
  const measured = measuredKind(has(kept.filter(({ split }) => split === 'held-out'))) ?? 'code';
  if (measured === 'code') return [];
  return [
    has(kept)('code')
      ? msg`There is too little code here to hold out a part of it, so learning is measured on ${measured}.`
      : msg`There is no code here: ${measured} is learned and measured. For better completions of code, choose a folder that holds some.`,
  ];
}

const heldOutHalves = (kept: readonly KeptEntry[]) =>
  kept.filter(({ split, fromLine }) => split === 'held-out' && fromLine !== undefined);

/** A warning if the metrics are about the ends of the training files. */
function cutNote(kept: readonly KeptEntry[], folder: string | undefined): Text[] {
  const [half, ...others] = heldOutHalves(kept);
  if (!half) return [];
  const kind = entryKind(half);
  const what = folder === undefined ? 'text' : kind;
  if (others.length === 0)
    return [
      msg`${half.path} is the only ${what} here, so it is split: everything from line ${half.fromLine!} on is held out, and learning is measured on that alone.`,
    ];
  const cut = others.length + 1;
  const files = kept.filter((entry) => entry.split === 'train' && entryKind(entry) === kind).length;
  return [
    cut === files
      ? msg`There are only ${files} files of ${what}, so each is split: its end is held out, and learning is measured on these ends.`
      : msg`There are only ${files} files of ${what}, so ${cut} of them are split: their ends are held out, and learning is measured on these ends.`,
  ];
}

function heldOutKinds(heldOut: readonly KeptEntry[]): CorpusSummary['heldOutKinds'] {
  const tokens = { code: 0, prose: 0, data: 0 };
  for (const entry of heldOut) tokens[entryKind(entry)] += entry.tokens;
  return tokens;
}

function computeDigest(
  kept: readonly KeptEntry[],
  { mode, fimRate, fimLoss, repositoryContext, halfLifeDays }: SummaryInput['plan'],
  folders: readonly NamedFolder[] | undefined,
): string {
  const fim = fimRate > 0 ? `${fimRate} windows ${fimLoss}` : '0';
  const hash = createHash('sha256').update(
    `${mode}\0${fim}\0${repositoryContext}${halfLifeDays > 0 ? ` half-life ${halfLifeDays}` : ''}\n`,
  );
  // The same paths could also belong to a single folder, which is one repository.
  if (folders) hash.update(`folders ${folders.map(({ name }) => name).join('\0')}\n`);
  for (const { split, path, sha256, fromLine, known } of kept)
    hash.update(`${split}\0${path}\0${sha256}\0${fromLine ?? 0}${known ? ' known' : ''}\n`);
  return hash.digest('hex');
}
