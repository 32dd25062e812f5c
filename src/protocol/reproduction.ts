/** reproductions/<id>/: plan.json (what was asked), results.json (what was run), claims.json (the verdicts). */
import { z } from 'zod';
import { errorTexts } from '../text/errors.ts';
import { corpusPlanSchema, hyperSchema, runSpecSchema, type Hyper } from './run.ts';

/** The newest format. In format 1, claims were judged by one seed and by one point of each run. */
export const REPRODUCTION_FORMAT = 2;

/** In order of importance, in which time is planned for them. */
export const claimIds = [
  'forgetting',
  'learning',
  'targets',
  'rank',
  'spectrum',
  'rates',
  'regularisers',
  'replay',
  'instruction',
  'diversity',
] as const;
export type ClaimId = (typeof claimIds)[number];

const perMethod = <T extends z.ZodType>(value: T) => z.object({ lora: value, full: value });

/** What was asked; never changed. */
export const reproductionSpecSchema = z.object({
  format: z.literal([1, REPRODUCTION_FORMAT]),
  id: z.string(),
  createdAt: z.string(),
  /** Absolute path of the folder whose text is learned. */
  folder: z.string(),
  /** What the corpus was read from. */
  corpus: corpusPlanSchema,
  corpusDigest: z.string(),
  base: runSpecSchema.shape.base,
  budgetMinutes: z.number().positive(),
  /** How many seeds; absent: three where there is time for them, else one. */
  seeds: z.int().min(1).optional(),
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
  /** Folder name under sweeps/ of the sweep that finds the rates. */
  sweep: z.string().optional(),
  /** Those of the same sweep with other seeds, by stage: "sweep-seed-1". */
  furtherSweeps: z.record(z.string(), z.string()).default({}),
  /** Peak learning rates of all runs, and where they come from. */
  rates: perMethod(z.number().positive()).extend({ why: z.string() }).optional(),
  /** Optimiser steps of a run of the usual length. */
  steps: z.int().optional(),
  /** Ids of runs, by variant and seed: "lora", "lora-seed-1". */
  runs: z.record(z.string(), z.string()).default({}),
  /** Finished stages, without the runs. */
  done: z.array(z.string()).default([]),
});
export type ReproductionState = z.infer<typeof reproductionStateSchema>;

/** A value with its 95% interval, and the range in which the claim expects it. */
export const effectSchema = z.object({
  name: z.string(),
  unit: z.string(),
  value: z.number(),
  low: z.number(),
  high: z.number(),
  /** The claim is that the value lies above `above` and below `below`; without either, it decides nothing. */
  above: z.number().optional(),
  below: z.number().optional(),
  /** The value of each seed, if there are several: `value` is their mean. */
  bySeed: z.array(z.number()).optional(),
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
  /** The reason for the verdict, if the effects do not show it: "budget", or a sentence. */
  why: z.string().optional(),
  /** More time would add runs that it lacks. */
  left: z.literal(true).optional(),
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
  z.object({ type: z.literal('failed'), code: z.string(), ...errorTexts }),
]);
export type ReproducerMessage = z.infer<typeof reproducerMessageSchema>;
