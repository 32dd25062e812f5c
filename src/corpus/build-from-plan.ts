/** Builds a corpus from a plan, out of folders and a data set, in each mode. */
import type { ResolveOptions } from '../base-models/resolve-options.ts';
import { UserError } from '../text/errors.ts';
import { msg, type Text } from '../text/message.ts';
import type { Folders } from '../protocol/folders.ts';
import type { CorpusPlan } from '../protocol/run.ts';
import { buildCorpus, type BuildOptions } from './build.ts';
import { dataSetDocuments } from './datasets/documents.ts';
import { workspacePairs } from './instruct/pairs.ts';
import { Globs } from './reading/globs.ts';
import { loadChatTemplate, type ChatTemplate } from './datasets/chat-template.ts';
import type { CorpusSummary } from './manifest.ts';
import type { SourceDocument } from './reading/source.ts';

/** `folder` is empty or undefined if the plan has only a data set. */
export interface PlannedOptions extends Omit<BuildOptions, 'plan' | 'globs' | 'documents' | 'warnings'> {
  plan: CorpusPlan;
  /** Metadata of the base's GGUF file, for its chat template. */
  metadata: Readonly<Record<string, unknown>>;
  /** Callbacks for the progress and confirmation of a data set's download. */
  fetching?: Pick<ResolveOptions, 'onProgress' | 'confirm'> | undefined;
  signal?: AbortSignal | undefined;
}

/** Builds the corpus of a plan. Errors: those of buildCorpus, of dataSetDocuments and of workspacePairs. */
export async function buildPlanned(options: PlannedOptions): Promise<CorpusSummary> {
  const sources = plannedSources({ ...options, hasStartToken: options.tokenizer.start !== undefined });
  return await buildCorpus({ ...options, folder: undefined, folders: undefined, ...sources });
}

type Sources = Pick<PlannedOptions, keyof Folders | 'plan' | 'metadata' | 'fetching' | 'signal'>;

/**
 * The sources of a plan, for buildCorpus or surveyCorpus. `hasStartToken`: see `started` of loadChatTemplate. Errors:
 * bad-argument.
 */
export function plannedSources(options: Sources & { hasStartToken: boolean }): Folders & {
  globs: Globs;
  documents: AsyncIterable<SourceDocument>;
  warnings: readonly Text[];
} {
  const { plan, folders } = options;
  const folder = options.folder || undefined;
  if (folder === undefined && plan.data === undefined)
    throw new UserError(
      'bad-argument',
      msg`There is neither a folder nor a data set to learn from.`,
      msg`Give the folder that holds the code, or --data, or both.`,
    );
  const warnings: Text[] = [];
  const globs = new Globs(
    plan,
    folders?.map(({ name }) => name),
  );
  return {
    ...(folder !== undefined && plan.mode === 'pretrain' ? { folder, ...(folders && { folders }) } : {}),
    globs,
    documents: suppliedDocumentsFor({ ...options, globs }, (message) => void warnings.push(message)),
    warnings,
  };
}

/** Measured: docs/science.md, "Instructions from a folder". */
const PAIRS_HURT_COMPLETION = msg`Instruction pairs are for a model that answers: for completion, train on the files themselves (--mode pretrain), which in our trials kept more of what the base could do.`;

/** Everything except the folders' own files. */
async function* suppliedDocumentsFor(
  options: Sources & { hasStartToken: boolean; globs: Globs },
  onWarning: (message: Text) => void,
): AsyncGenerator<SourceDocument> {
  const { plan, folder, hasStartToken, metadata, fetching, signal } = options;
  const template: ChatTemplate | undefined =
    plan.mode === 'instruct' ? await loadChatTemplate(metadata, { started: hasStartToken }) : undefined;
  if (folder && template) {
    onWarning(PAIRS_HURT_COMPLETION);
    const isFollowed = plan.data !== undefined;
    yield* workspacePairs({ ...options, kinds: plan.pairs, template, isFollowed, onWarning });
  }
  if (plan.data !== undefined)
    yield* dataSetDocuments(plan.data, { ...fetching, mode: plan.mode, template, onWarning, signal });
}
