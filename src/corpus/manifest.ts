/** corpus/manifest.jsonl and corpus/summary.json: what went in, what was left out, and why. */
import { z } from 'zod';
import { corpusPlanSchema } from '../protocol/run.ts';
import { kindOf, kinds, type Kind } from './reading/kinds.ts';
import { reasons, type Reason } from './reading/reasons.ts';

export const splitNames = ['train', 'held-out'] as const;
export type Split = (typeof splitNames)[number];

const keptSchema = z.object({
  in: z.literal(true),
  /** Relative to the folder, with "/" between names; or what its source calls it, such as "row 12". */
  path: z.string(),
  split: z.enum(splitNames),
  /** Missing in older ones: see `kindOfEntry`. */
  kind: z.enum(kinds).optional(),
  /** With what stands before and after it: the end-of-text token, or a heading in its repository. */
  tokens: z.int().min(0),
  /** Where its tokens begin in the token file of its split. */
  offset: z.int().min(0),
  /** How much it counts in training, in thousandths. Missing where all of it counts. */
  weight: z.int().min(1).max(1000).optional(),
  /** Of the text as it was learned: UTF-8, "\n" at line ends. */
  bytes: z.int(),
  lines: z.int(),
  sha256: z.string(),
  /** Only when this file had to be cut in two: the first of its lines, from 1. */
  fromLine: z.int().optional(),
  /** Of a corpus that continues an earlier one, which held this very text. */
  known: z.literal(true).optional(),
});
export type KeptEntry = z.infer<typeof keptSchema>;

export const kindOfEntry = ({ kind, path }: Pick<KeptEntry, 'kind' | 'path'>): Kind => kind ?? kindOf(path);

const leftOutSchema = z.object({
  in: z.literal(false),
  path: z.string(),
  reason: z.enum(Object.keys(reasons) as [Reason, ...Reason[]]),
  /** A folder that was not walked; counts once. */
  folder: z.literal(true).optional(),
  /** What exactly: the rule that found a secret, the other copy, the system's error. Never the secret. */
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
  /** See corpusPlanSchema; so is `fimLoss`. */
  fimRate: z.number(),
  /** Files are cut for fill-in-the-middle in each training window. Without it, an earlier version has cut them in the token file. */
  fim: z.literal('windows').optional(),
  fimLoss: corpusPlanSchema.shape.fimLoss,
  repositoryContext: z.boolean(),
  /** Empty where there is none. */
  folder: z.string(),
  seed: z.int(),
  heldOutShare: z.number(),
  /** Files and rows. */
  kept: z.int(),
  trainFiles: z.int(),
  heldOutFiles: z.int(),
  /** Files, rows and unwalked folders by reason. */
  leftOut: z.record(z.string(), z.int()),
  trainTokens: z.int(),
  heldOutTokens: z.int(),
  /** Of these, how many are of each kind: so they lie in heldout.tokens, one kind after another. Missing in older ones. */
  heldOutKinds: z.record(z.enum(kinds), z.int()).optional(),
  bytes: z.int(),
  lines: z.int(),
  /** sha256 over how it was made and what was kept: paths, contents and splits. */
  digest: z.string(),
  /** True when there was one file only, or one of code, which was cut in two. */
  cut: z.boolean(),
  /** Of a corpus that continues an earlier one: what that one did not hold. */
  changed: z
    .object({
      /** Documents that are new or have another text; of them, those to train on. */
      files: z.int(),
      trainFiles: z.int(),
      trainBytes: z.int(),
      trainTokens: z.int(),
      /** Share of the training text that is as it was: replayed. */
      replay: z.number(),
      /** Tokens of one pass over the training text, each as much as it counts. */
      passTokens: z.int(),
      /** Documents whose text or name the earlier one held. */
      kept: z.int(),
    })
    .optional(),
  /** What the person should know: rows that were skipped. */
  warnings: z.array(z.string()).default([]),
});
export type CorpusSummary = z.infer<typeof corpusSummarySchema>;
