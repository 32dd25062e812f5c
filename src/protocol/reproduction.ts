/** reproductions/<id>/: plan.json (the request), results.json (what was run), claims.json (the verdicts). */
import { z } from 'zod';
import { errorTexts } from '../text/errors.ts';
import { corpusPlanSchema, hyperSchema, runSpecSchema, type Hyper } from './run.ts';

/** The newest format. In format 1, claims were judged by one seed and by one point of each run. */
export const REPRODUCTION_FORMAT = 2;

/** In order of importance, which is also the order in which they get time. */
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

/** The request; never changed. */
export const reproductionSpecSchema = z.object({
  format: z.literal([1, REPRODUCTION_FORMAT]),
  id: z.string(),
  createdAt: z.string(),
  /** Absolute path of the folder whose text is learned. */
  folder: z.string(),
  /** The source of the corpus. */
  corpus: corpusPlanSchema,
  corpusDigest: z.string(),
  base: runSpecSchema.shape.base,
  budgetMinutes: z.number().positive(),
  /** Number of seeds; absent: three if there is time for them, else one. */
  seeds: z.int().min(1).optional(),
  claims: z.array(z.enum(claimIds)).min(1),
  /** By task name: data files on which the main runs are measured as well. */
  data: z.record(z.string(), z.string()),
  /** Tokens. */
  sequenceLength: z.int(),
  /** Number of items for measuring learning and forgetting. */
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

/** What was decided and run so far, so that a stopped reproduction can be resumed. */
export const reproductionStateSchema = z.object({
  /** Folder name under sweeps/ of the sweep that finds the rates. */
  sweep: z.string().optional(),
  /** The same sweep with other seeds, by stage: "sweep-seed-1". */
  furtherSweeps: z.record(z.string(), z.string()).default({}),
  /** Peak learning rates of all runs, and where they come from. */
  rates: perMethod(z.number().positive()).extend({ why: z.string() }).optional(),
  /** Optimiser steps of a run of normal length. */
  steps: z.int().optional(),
  /** Ids of runs, by variant and seed: "lora", "lora-seed-1". */
  runs: z.record(z.string(), z.string()).default({}),
  /** Finished stages other than runs. */
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
  /**
   * The claim is that the value lies above `above` and below `below`; without either, it does not count towards the
   * verdict.
   */
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
  /** The reason for the verdict, if not apparent from the effects: "budget", or a sentence. */
  why: z.string().optional(),
  /** More time would allow the missing runs. */
  left: z.literal(true).optional(),
  /** What was run, for display. */
  run: z.array(z.string()),
  effects: z.array(effectSchema),
  notes: z.array(z.string()),
});
export type ClaimResult = z.infer<typeof claimResultSchema>;

export type Method = Hyper['method'];

/** Messages on stdout from the follower of a reproduction's runs on a cluster. `task` names the run: "lora-mlp". */
export const reproducerMessageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('note'), message: z.string() }),
  z.object({
    type: z.literal('progress'),
    task: z.string(),
    step: z.int().optional(),
    steps: z.int().optional(),
    phase: z.string().optional(),
  }),
  /** A run has ended and is in its final state; `message`: the error if it failed. */
  z.object({
    type: z.literal('run'),
    task: z.string(),
    status: z.enum(['done', 'failed']),
    message: z.string().optional(),
  }),
  /** A program that was to run after the training failed: "spectrum.mjs". */
  z.object({ type: z.literal('leftOut'), task: z.string(), of: z.string(), message: z.string() }),
  z.object({ type: z.literal('failed'), code: z.string(), ...errorTexts }),
]);
export type ReproducerMessage = z.infer<typeof reproducerMessageSchema>;
