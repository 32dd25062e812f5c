import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import {
  buildCorpus,
  chooseFolders,
  entryKind,
  readManifest,
  reasons,
  surveyCorpus,
  type CorpusSummary,
  type KeptEntry,
  type LeftOutEntry,
  type Reason,
  type Survey,
} from '../../../corpus/index.ts';
import { plannedSources } from '../../../corpus/build-from-plan.ts';
import { findSecret } from '../../../corpus/secrets/find.ts';
import type { SourceDocument } from '../../../corpus/reading/source.ts';
import { documentWord } from '../../../findings/describe-learning.ts';
import { foldersOf, type Folders } from '../../../protocol/folders.ts';
import { corpusPlanSchema } from '../../../protocol/run.ts';
import { dataOptions, type DataOptions } from '../../../training/options/data.ts';
import { withBase } from '../../../training/run-corpus.ts';
import { addOptions } from '../../options/add-options.ts';
import { checkData, toCorpusPlan } from '../../options/data-options.ts';
import { fetchBase } from '../../machine/fetch-base.ts';
import { stoppable } from '../../read-corpus.ts';
import { formatCount, formatTable, plural } from '../../view/format.ts';
import { print, printJson, printText } from '../../view/output.ts';
import { integer } from '../../../training/options/values.ts';
import { removeFolder } from '../../../platform/files/write-file.ts';

interface CorpusOptions extends DataOptions {
  base?: string;
  rows: number;
  sample: number;
  seed: number;
  files?: boolean;
  json?: boolean;
}

export function corpusCommand(): Command {
  const command = new Command('corpus')
    .description('show what training on folders or a data set would read, what it would leave out, and why')
    .argument('[folders...]', 'the folders that hold the code');
  return addOptions(command, dataOptions)
    .option(
      '--base <ref>',
      'count tokens with the tokenizer of this base, and write instructions in its chat template',
    )
    .option('--rows <n>', 'rows of a data set, or instruction pairs, to look at', integer(1), 1000)
    .option(
      '--sample <n>',
      'show the first rows or pairs as the model sees them, with the part to learn in brackets',
      integer(0),
      0,
    )
    .option('--seed <n>', 'random seed of the split into training and held-out files', integer(0), 0)
    .option('--files', 'list every file or row')
    .option('--json', 'print the result as JSON')
    .action(async (named: string[], options: CorpusOptions) => {
      const where = chooseFolders(named);
      await checkData(where, options);
      const { samples, ...survey } = await surveySamples(where, options);
      if (options.json)
        return printJson({
          ...toJson(survey, options.base !== undefined),
          samples: samples.map(({ path, text }) => `${path}\n${text}`),
        });
      print(describe(where, survey, options));
      for (const { path, text } of samples) {
        print('', path);
        printText(text);
      }
    });
}

/** A row or pair as the model sees it, with the learned part in brackets. */
interface Sample {
  path: string;
  text: string;
}

async function surveySamples(
  where: Folders,
  options: CorpusOptions,
): Promise<Survey & { samples: Sample[] }> {
  const { seed } = options;
  const samples: Sample[] = [];
  const documents = (all: AsyncIterable<SourceDocument>) => takeFirst(all, options, samples);
  if (!options.base) {
    const plan = corpusPlanSchema.parse({ ...options, fimRate: 0, repositoryContext: false });
    const survey = await stoppable(options, (stopping) => {
      const sources = plannedSources({ ...where, ...stopping, plan, metadata: {}, hasStartToken: false });
      const given = { ...sources, documents: documents(sources.documents), signal: stopping.signal };
      return surveyCorpus({ ...given, plan, seed });
    });
    return { ...survey, samples };
  }
  const base = await fetchBase(options.base, options);
  const out = await mkdtemp(join(tmpdir(), 'forget-me-not-corpus-'));
  return stoppable(options, (stopping) =>
    withBase(base.path, async ({ tokenizer, metadata }) => {
      const plan = toCorpusPlan(where.folder, options, tokenizer);
      const started = tokenizer.start !== undefined;
      const sources = plannedSources({ ...where, ...stopping, plan, metadata, hasStartToken: started });
      const given = { ...sources, documents: documents(sources.documents), signal: stopping.signal };
      const summary = await buildCorpus({ ...given, out, tokenizer, plan, seed });
      return { summary, ...readManifest(out), samples };
    }),
  ).finally(() => removeFolder(out));
}

const textOf = ({ pieces }: SourceDocument) => pieces.map(({ text }) => text).join('');

/** The first `rows` documents; a data set may be larger than the disk. */
async function* takeFirst(
  documents: AsyncIterable<SourceDocument>,
  { rows, sample }: CorpusOptions,
  samples: Sample[],
): AsyncGenerator<SourceDocument> {
  let count = 0;
  for await (const document of documents) {
    // Documents left out because of a secret are not shown either.
    if (samples.length < sample && !(await findSecret(document.path, textOf(document))))
      samples.push({
        path: document.path,
        text: document.pieces.map(({ text, learned }) => (learned ? `[${text}]` : text)).join(''),
      });
    yield document;
    if ((count += 1) >= rows) return;
  }
}

/** Without token counts unless they were counted. */
function toJson({ summary, kept, leftOut }: Survey, counted: boolean) {
  if (counted) return { ...summary, files: [...kept, ...leftOut] };
  const files = kept.map((entry) => ({ ...entry, tokens: undefined, offset: undefined }));
  return { ...summary, trainTokens: undefined, heldOutTokens: undefined, files: [...files, ...leftOut] };
}

function describe(where: Folders, { summary, kept, leftOut }: Survey, options: CorpusOptions): string[] {
  const { base, files } = options;
  const tokens = base
    ? `, ${formatCount(summary.trainTokens)} + ${formatCount(summary.heldOutTokens)} tokens`
    : '';
  const parts = [
    ...[...foldersOf(where).map(({ path }) => path), options.data].filter((path) => path !== undefined),
    `${formatCount(summary.kept)} ${plural(documentWord(where.folder, options), summary.kept)} in: ${describeSplit(summary, kept)}${tokens}; ${formatCount(summary.lines)} lines`,
  ];
  parts.push(...summary.warnings);
  if (leftOut.length) parts.push(`${formatCount(leftOut.length)} left out:`, ...reasonTable(leftOut));
  const secrets = leftOut.filter(({ reason }) => reason === 'secret');
  if (secrets.length)
    parts.push(
      'What looks like a secret:',
      ...secrets.map(({ path, line, detail }) => `  ${path}:${line} (${detail})`),
    );
  if (files)
    parts.push(
      '',
      ...formatTable([
        ...kept.map((entry) => [
          entry.path,
          entry.split,
          entryKind(entry),
          base ? formatCount(entry.tokens) : '',
        ]),
        ...leftOut.map(({ path, reason }) => [path, reason, '', '']),
      ]),
    );
  return parts;
}

/** "30 to train on, 4 held out (3 code, 1 prose)". */
function describeSplit(
  { cut, kept: count, trainFiles, heldOutFiles }: CorpusSummary,
  kept: KeptEntry[],
): string {
  if (cut && count === 1) return 'one file, cut in two';
  const heldOut = kept.filter(({ split }) => split === 'held-out').map(entryKind);
  const byKind = (['code', 'prose', 'data'] as const)
    .map((kind) => ({ kind, many: heldOut.filter((other) => other === kind).length }))
    .filter(({ many }) => many > 0 && many < heldOut.length);
  const kinds = byKind.map(({ kind, many }) => `${formatCount(many)} ${kind}`).join(', ');
  const parts = new Set(kept.flatMap(({ fromLine, path }) => (fromLine ? [path] : [])));
  const half = cut ? `; ${parts.size === 1 ? `${[...parts][0]} is` : `${parts.size} are`} cut in two` : '';
  return `${formatCount(trainFiles)} to train on, ${formatCount(heldOutFiles)} held out${kinds && ` (${kinds})`}${half}`;
}

/** The number of entries for each reason, with the first few names. */
function reasonTable(leftOut: LeftOutEntry[]): string[] {
  const byReason = new Map<Reason, string[]>();
  for (const { reason, path } of leftOut) byReason.set(reason, [...(byReason.get(reason) ?? []), path]);
  const width = Math.max(...[...byReason.keys()].map((reason) => reasons[reason].length));
  return [...byReason]
    .sort((a, b) => b[1].length - a[1].length)
    .map(([reason, paths]) => {
      const more = paths.length > 3 ? ', ...' : '';
      return `  ${formatCount(paths.length).padStart(6)}  ${reasons[reason].padEnd(width)}  ${paths.slice(0, 3).join(', ')}${more}`;
    });
}
