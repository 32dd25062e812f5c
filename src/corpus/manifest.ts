/** corpus/manifest.jsonl and corpus/summary.json: what was kept, what was left out, and why. */
import { z } from 'zod';
import { corpusPlanSchema, runSpecSchema } from '../protocol/run.ts';
import { kindOf, kinds, type Kind } from './kinds.ts';
import { reasons, type Reason } from './reasons.ts';
import { textsSchema } from '../text/message.ts';

export const splitNames = ['train', 'held-out'] as const;
export type Split = (typeof splitNames)[number];

const keptSchema = z.object({
  in: z.literal(true),
  /**
   * Path relative to the folder, with "/"; with several folders it begins with the folder's name. Or the name in a data
   * set, such as "row 12".
   */
  path: z.string(),
  split: z.enum(splitNames),
  /** Absent in older manifests: see `entryKind`. */
  kind: z.enum(kinds).optional(),
  /**
   * Number of tokens, including those added before and after: the end-of-text token, or a heading in its repository.
   */
  tokens: z.int().min(0),
  /** Index of its first token in the token file of its split. */
  offset: z.int().min(0),
  /** Its weight in training, in thousandths; 0 if it is not replayed in this run. Absent: 1000. */
  weight: z.int().min(0).max(1000).optional(),
  /** Size of the text as learned: UTF-8 with "\n" line ends. */
  bytes: z.int(),
  lines: z.int(),
  sha256: z.string(),
  /** If the file was cut in two: the first line of this part, from 1. */
  fromLine: z.int().optional(),
  /** The corpus continues an earlier one, which contained exactly this text. */
  known: z.literal(true).optional(),
  /** For files: hashes of some lines, by which a renamed and edited file is recognised. */
  sketch: z.string().optional(),
});
export type KeptEntry = z.infer<typeof keptSchema>;

export const entryKind = ({ kind, path }: Pick<KeptEntry, 'kind' | 'path'>): Kind => kind ?? kindOf(path);

/** The file or commit that an entry comes from: for an instruction pair (`src/a.py:12`), the path without the line. */
export const sourcePath = ({ path }: Pick<KeptEntry, 'path'>): string => path.replace(/:\d+$/, '');

const leftOutSchema = z.object({
  in: z.literal(false),
  path: z.string(),
  reason: z.enum(Object.keys(reasons) as [Reason, ...Reason[]]),
  /** A folder that was not entered; counted once. */
  folder: z.literal(true).optional(),
  /**
   * Details: the rule that found a secret, the other copy, the file that is held out, the system's error. Never the
   * secret itself.
   */
  detail: z.string().optional(),
  /** Line of the secret, from 1. */
  line: z.int().optional(),
});
export type LeftOutEntry = z.infer<typeof leftOutSchema>;

export const manifestLineSchema = z.discriminatedUnion('in', [keptSchema, leftOutSchema]);

export const CORPUS_FORMAT = 2;

export const corpusSummarySchema = z.object({
  format: z.literal(CORPUS_FORMAT),
  mode: corpusPlanSchema.shape.mode,
  /** The token after every document. */
  documentEnd: z.int(),
  /** See corpusPlanSchema, also for `fimLoss`. */
  fimRate: z.number(),
  /**
   * Files are cut for fill-in-the-middle per training window. Absent: an earlier version cut them in the token file.
   */
  fim: z.literal('windows').optional(),
  fimLoss: corpusPlanSchema.shape.fimLoss,
  repositoryContext: z.boolean(),
  /** Empty if there is none; with several folders, the first. */
  folder: z.string(),
  folders: runSpecSchema.shape.folders,
  /** The newest commit of each folder, by its path, when it was read. */
  heads: z.record(z.string(), z.string().regex(/^[0-9a-f]{40,64}$/)).optional(),
  seed: z.int(),
  heldOutShare: z.number(),
  /** Files and rows. */
  kept: z.int(),
  trainFiles: z.int(),
  heldOutFiles: z.int(),
  /** Number of files, rows and (not entered) folders, by reason. */
  leftOut: z.record(z.string(), z.int()),
  trainTokens: z.int(),
  heldOutTokens: z.int(),
  /** Number of these by kind; heldout.tokens is in this order of kinds. Absent in older summaries. */
  heldOutKinds: z.record(z.enum(kinds), z.int()).optional(),
  bytes: z.int(),
  lines: z.int(),
  /** SHA-256 of the settings and of what was kept: paths, contents and splits. */
  digest: z.string(),
  /** Whether there were so few files (of code) that each was cut in two. */
  cut: z.boolean(),
  /** If the corpus continues an earlier one: what is new or changed since. */
  changed: z
    .object({
      /** Number of new or changed documents; the three below are for those to train on. */
      files: z.int(),
      trainFiles: z.int(),
      trainBytes: z.int(),
      trainTokens: z.int(),
      /** Share of the training text that is unchanged, and so replayed. */
      replay: z.number(),
      /** Tokens in one pass over the training text, multiplied by their weights. */
      passTokens: z.int(),
      /** Number of documents whose text or name the earlier corpus contained. */
      kept: z.int(),
    })
    .optional(),
  /** Warnings for the user, such as skipped rows. */
  warnings: z.array(z.string()).default([]),
  texts: textsSchema,
});
export type CorpusSummary = z.infer<typeof corpusSummarySchema>;

/** A kept document, and the index of its (last) `keep` call. */
export interface KeptDocument {
  entry: Omit<KeptEntry, 'offset'> & { kind: Kind };
  call: number;
  row: boolean;
  unfinished: boolean;
  /** For a file: the split that it, or a near-duplicate, had in the continued corpus. */
  fixedSplit?: Split | undefined;
}
