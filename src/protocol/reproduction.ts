/** reproductions/<id>/: plan.json (what was asked), results.json (what was run), claims.json (the verdicts). */
import { z } from 'zod';
import { corpusPlanSchema, hyperSchema, runSpecSchema, type Hyper } from './run.ts';

export const REPRODUCTION_FORMAT = 1;

export const claimIds = [
  'forgetting',
  'rates',
  'targets',
  'rank',
  'spectrum',
  'diversity',
  'regularisers',
  'replay',
  'instruction',
] as const;
export type ClaimId = (typeof claimIds)[number];

const perMethod = <T extends z.ZodType>(value: T) => z.object({ lora: value, full: value });

/** What was asked; never changed. */
export const reproductionSpecSchema = z.object({
  format: z.literal(REPRODUCTION_FORMAT),
  id: z.string(),
  createdAt: z.string(),
  /** Absolute path of the folder whose text is learned. */
  folder: z.string(),
  /** What the corpus was read from. */
  corpus: corpusPlanSchema,
  corpusDigest: z.string(),
  base: runSpecSchema.shape.base,
  budgetMinutes: z.number().positive(),
  claims: z.array(z.enum(claimIds)).min(1),
  /** By task name: data files that the main runs are measured on as well. */
  data: z.record(z.string(), z.string()),
  /** Tokens. */
  sequenceLength: z.int(),
  /** Number of items on which learning and forgetting are measured. */
  heldOutWindows: z.int().min(1),
  retentionTexts: z.int().min(1),
  recompute: z.boolean(),
  precision: perMethod(hyperSchema.shape.precision.unwrap()),
  backend: runSpecSchema.shape.backend,
  /** It runs on a cluster. */
  elsewhere: z.literal(true).optional(),
  versions: z.record(z.string(), z.string()),
});
export type ReproductionSpec = z.infer<typeof reproductionSpecSchema>;

/** What was decided and run so far; kept so that a stopped reproduction can be continued. */
export const reproductionStateSchema = z.object({
  /** Folder name under sweeps/. */
  sweep: z.string().optional(),
  /** Peak learning rates of all runs, and where they come from. */
  rates: perMethod(z.number().positive()).extend({ why: z.string() }).optional(),
  /** Optimiser steps of a run of the usual length. */
  steps: z.int().optional(),
  /** Ids of runs, by variant. */
  runs: z.record(z.string(), z.string()).default({}),
  /** Finished stages, without the runs. */
  done: z.array(z.string()).default([]),
});
export type ReproductionState = z.infer<typeof reproductionStateSchema>;

/** A figure with its 95% interval, and the range in which the claim expects it. */
export const effectSchema = z.object({
  name: z.string(),
  unit: z.string(),
  value: z.number(),
  low: z.number(),
  high: z.number(),
  /** The claim is that the value lies above `above` and below `below`; without either, the figure decides nothing. */
  above: z.number().optional(),
  below: z.number().optional(),
});
export type Effect = z.infer<typeof effectSchema>;

export const verdicts = ['holds', 'does not hold', "can't tell", 'not run'] as const;
export type Verdict = (typeof verdicts)[number];

export const claimResultSchema = z.object({
  claim: z.enum(claimIds),
  /** What is claimed, in one sentence. */
  title: z.string(),
  /** What the paper found. */
  paper: z.string(),
  verdict: z.enum(verdicts),
  /** The reason for the verdict, if the effects do not show it: "budget". */
  why: z.string().optional(),
  /** What was run, for people. */
  run: z.array(z.string()),
  effects: z.array(effectSchema),
  notes: z.array(z.string()),
});
export type ClaimResult = z.infer<typeof claimResultSchema>;

export type Method = Hyper['method'];

/** What the follower of a reproduction's runs on a cluster says on stdout. `task` names the run: "lora-mlp". */
export const reproducerMessageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('note'), message: z.string() }),
  z.object({
    type: z.literal('progress'),
    task: z.string(),
    step: z.int().optional(),
    steps: z.int().optional(),
    phase: z.string().optional(),
  }),
  /** A run has ended, and is as it will be; `message`: what it failed with. */
  z.object({
    type: z.literal('run'),
    task: z.string(),
    status: z.enum(['done', 'failed']),
    message: z.string().optional(),
  }),
  /** A program that was to follow the training failed: "spectrum.mjs". */
  z.object({ type: z.literal('leftOut'), task: z.string(), of: z.string(), message: z.string() }),
  z.object({ type: z.literal('failed'), code: z.string(), message: z.string(), next: z.string() }),
]);
export type ReproducerMessage = z.infer<typeof reproducerMessageSchema>;
