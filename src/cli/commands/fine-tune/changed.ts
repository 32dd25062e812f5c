import { Command } from 'commander';
import { surveyCorpus, type Survey } from '../../../corpus/index.ts';
import { plannedSources } from '../../../corpus/build-from-plan.ts';
import type { Changed } from '../../../protocol/changed.ts';
import { UserError } from '../../../text/errors.ts';
import { corpusPlanSchema } from '../../../protocol/run.ts';
import { findLearned, type Learned } from '../../options/continue-run.ts';
import { globOptions, type GlobOptions } from '../../../training/options/data.ts';
import { addOptions } from '../../options/add-options.ts';
import { formatCount, plural } from '../../view/format.ts';
import { print, printJson } from '../../view/output.ts';

/** Training again is worthwhile from this many changed files, or this share of the training text. */
const CONTINUE_THRESHOLD = { files: 20, share: 0.1 };

export function changedCommand(): Command {
  return addOptions(
    new Command('changed')
      .description('show what has changed since a run: what train --continue would learn')
      .argument('<run>', 'id of a run, the start of one, or latest')
      .option('--json', 'print the result as JSON'),
    globOptions,
  ).action(async (wanted: string, options: GlobOptions & { json?: boolean }) => {
    const learned = await findLearned(wanted);
    const changed = toResult(learned, await survey(learned, options));
    if (options.json) printJson(changed);
    else print(describe(learned, changed));
  });
}

/** Reads only the folders; a data set is not read for this. */
function survey(
  { spec, corpus: earlier }: Learned,
  { include = spec.corpus.include, exclude = spec.corpus.exclude }: GlobOptions,
): Promise<Survey> {
  if (!spec.folder)
    throw new UserError(
      'bad-argument',
      `Run ${spec.id} learned from a data set, not from a folder, so no files can have changed.`,
      'Name a run that was trained on a folder.',
    );
  const plan = corpusPlanSchema.parse({ include, exclude });
  const { folder, folders } = spec;
  const sources = plannedSources({ plan, folder, folders, metadata: {}, hasStartToken: false });
  return surveyCorpus({ ...sources, documents: undefined, plan, seed: spec.hyper.seed, earlier });
}

function toResult({ spec }: Learned, { kept, summary: { changed } }: Survey): Changed {
  const { files, trainFiles, trainBytes } = changed!;
  const bytes = kept.reduce((sum, entry) => sum + (entry.split === 'train' ? entry.bytes : 0), 0);
  const share = bytes > 0 ? trainBytes / bytes : 0;
  const enough = trainFiles > 0 && (files >= CONTINUE_THRESHOLD.files || share >= CONTINUE_THRESHOLD.share);
  return { run: spec.id, files, share, enough };
}

function describe(
  { spec: { id, continues }, isOffered }: Learned & { isOffered: boolean },
  { files, share, enough }: Changed,
): string {
  if (files === 0) return `Nothing has changed since run ${id}.`;
  // What is not offered can't be continued, but what it began with can.
  const continued = isOffered ? id : continues?.run;
  const next = enough
    ? `Learn it with: forget-me-not train${continued ? ` --continue ${continued}` : ''}`
    : 'That is too little to be worth a training.';
  return `Since run ${id} ${formatCount(files)} ${plural('file', files)} ${files === 1 ? 'is' : 'are'} new or changed: ${Math.round(100 * share)}% of the text to learn. ${next}`;
}
