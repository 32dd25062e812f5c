import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { openTokenizer } from '../../base-models/tokenizer.ts';
import {
  buildCorpus,
  readManifest,
  reasons,
  surveyFolder,
  type LeftOutEntry,
  type Reason,
  type Survey,
} from '../../corpus/index.ts';
import { fetchBase } from '../fetch-base.ts';
import { formatCount, formatTable } from '../format.ts';
import { printJson } from '../output.ts';

interface CorpusOptions {
  base?: string;
  seed: number;
  files?: boolean;
  json?: boolean;
}

export function corpusCommand(): Command {
  return new Command('corpus')
    .description('what training on a folder would read and what it would leave out, and why')
    .argument('<folder>', 'where the code is')
    .option('--base <ref>', 'count tokens as this base does')
    .option('--seed <n>', 'seed of the split', wholeNumber, 0)
    .option('--files', 'list every file')
    .option('--json', 'print the result as JSON')
    .action(async (folder: string, options: CorpusOptions) => {
      const survey = await surveyWith(resolve(folder), options);
      if (options.json) printJson(asJson(survey, options.base !== undefined));
      else console.log(describe(survey, options));
    });
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!text.trim() || !Number.isSafeInteger(value))
    throw new InvalidArgumentError('It must be a whole number.');
  return value;
}

async function surveyWith(folder: string, options: CorpusOptions): Promise<Survey> {
  const { seed } = options;
  if (!options.base) return await surveyFolder({ folder, seed });
  const base = await fetchBase(options.base, options);
  const out = await mkdtemp(join(tmpdir(), 'forget-me-not-corpus-'));
  const tokenizer = await openTokenizer(base.path);
  try {
    const summary = await buildCorpus({ folder, out, tokenizer, seed });
    return { summary, ...(await readManifest(out)) };
  } finally {
    await tokenizer.dispose();
    await rm(out, { recursive: true, force: true });
  }
}

/** Token counts only where they were counted. */
function asJson({ summary, kept, leftOut }: Survey, counted: boolean) {
  if (counted) return { ...summary, files: [...kept, ...leftOut] };
  const files = kept.map((entry) => ({ ...entry, tokens: undefined, offset: undefined }));
  return { ...summary, trainTokens: undefined, heldOutTokens: undefined, files: [...files, ...leftOut] };
}

function describe({ summary, kept, leftOut }: Survey, { base, files }: CorpusOptions): string {
  const tokens = base
    ? `, ${formatCount(summary.trainTokens)} + ${formatCount(summary.heldOutTokens)} tokens`
    : '';
  const split = summary.cut
    ? 'one file, cut in two: its end is held out'
    : `${formatCount(summary.trainFiles)} to train on, ${formatCount(summary.heldOutFiles)} held out`;
  const parts = [
    summary.folder,
    `${formatCount(summary.kept)} ${summary.kept === 1 ? 'file' : 'files'} in: ${split}${tokens}; ${formatCount(summary.lines)} lines`,
  ];
  if (leftOut.length) parts.push(`${formatCount(leftOut.length)} left out:`, reasonTable(leftOut));
  const secrets = leftOut.filter(({ reason }) => reason === 'secret');
  if (secrets.length)
    parts.push(
      'What looks like a secret:',
      ...secrets.map(({ path, line, detail }) => `  ${path}:${line} (${detail})`),
    );
  if (files)
    parts.push(
      '',
      formatTable([
        ...kept.map((entry) => [entry.path, entry.split, base ? formatCount(entry.tokens) : '']),
        ...leftOut.map(({ path, reason }) => [path, reason, '']),
      ]),
    );
  return parts.join('\n');
}

/** How many for each reason, with the first few names. */
function reasonTable(leftOut: LeftOutEntry[]): string {
  const byReason = new Map<Reason, string[]>();
  for (const { reason, path } of leftOut) byReason.set(reason, [...(byReason.get(reason) ?? []), path]);
  const width = Math.max(...[...byReason.keys()].map((reason) => reasons[reason].length));
  return [...byReason]
    .sort((a, b) => b[1].length - a[1].length)
    .map(([reason, paths]) => {
      const more = paths.length > 3 ? ', ...' : '';
      return `  ${formatCount(paths.length).padStart(6)}  ${reasons[reason].padEnd(width)}  ${paths.slice(0, 3).join(', ')}${more}`;
    })
    .join('\n');
}
