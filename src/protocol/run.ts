/** run.json (the run's settings) and state.json (its progress). See docs/file-formats.md. */
import { z } from 'zod';
import { textOf, textsSchema, withTexts } from '../text/message.ts';
import { errorTexts } from '../text/errors.ts';
import { namedFolderSchema } from './folders.ts';
import { fetchedSchema } from './sharing.ts';

/** The newest format. A run directory written by a newer version is refused rather than guessed at. */
export const RUN_FORMAT = 2;

export const moduleNames = ['q', 'k', 'v', 'o', 'gate', 'up', 'down'] as const;
export type ModuleName = (typeof moduleNames)[number];

export const hyperSchema = z.object({
  method: z.enum(['lora', 'full']).default('lora'),
  rank: z.int().min(1).default(16),
  /** LoRA's scale is alpha / rank. Paper: alpha = 2r. */
  alpha: z.number().positive().default(32),
  dropout: z.number().min(0).max(0.9).default(0.05),
  /**
   * LoRA's target modules: module names, or patterns over GGUF's names of linears such as "blk.0.attn_q" or
   * "blk.*.ffn_*". Each must match something.
   */
  targets: z
    .array(z.string().min(1))
    .min(1)
    .default([...moduleNames]),
  /** LoRA's scale: alpha / rank, or alpha / sqrt(rank) (Kalajdzievski 2023). */
  scaling: z.enum(['standard', 'rank-stabilised']).default('standard'),
  /** Dropout on attention probabilities, in training only: one of the paper's regularisers. */
  attentionDropout: z.number().min(0).max(0.9).default(0),
  /** Peak learning rate of the schedule. */
  learningRate: z.number().positive(),
  optimizer: z.enum(['lionw', 'adamw']).default('lionw'),
  schedule: z.enum(['cosine', 'inverse-sqrt', 'constant']).default('cosine'),
  /** Share of all steps used for warm-up. */
  warmup: z.number().min(0).max(1).default(0.1),
  /** Share of all steps at the end in which an inverse square root or constant schedule falls to zero. */
  cooldown: z.number().min(0).max(1).default(0),
  weightDecay: z.number().min(0).default(0),
  /** Global gradient norm above which gradients are scaled down; 0 turns it off. */
  clip: z.number().min(0).default(1),
  /** Optimiser steps. */
  steps: z.int().min(1),
  /** Tokens per sequence. */
  sequenceLength: z.int().min(8).default(512),
  /** Sequences per forward pass. */
  batch: z.int().min(1).default(1),
  /** Forward passes per optimiser step. */
  accumulate: z.int().min(1).default(1),
  /** bf16: applies to weights and activations. f16: only the operands of large products; everything else is f32. */
  precision: z.enum(['f32', 'bf16', 'f16']).default('f32'),
  /** Blocks save only their input and recompute the rest in the backward pass: less memory, a third more work. */
  recompute: z.boolean().default(false),
  /** Steps between held-out evaluations; a checkpoint is written with each. */
  evalEvery: z.int().min(1).default(20),
  seed: z.int().default(0),
});
export type Hyper = z.infer<typeof hyperSchema>;

/** Tokens per optimiser step. */
export const tokensPerStep = ({
  batch,
  accumulate,
  sequenceLength,
}: Pick<Hyper, 'batch' | 'accumulate' | 'sequenceLength'>): number => batch * accumulate * sequenceLength;

export const backendNames = ['tensorflow', 'webgpu', 'wasm'] as const;
export type BackendName = (typeof backendNames)[number];

export const pairKinds = ['functions', 'commits'] as const;

/** What the corpus is made of. */
export const corpusPlanSchema = z.object({
  /** `instruct`: conversations in the base's chat template; only the answers are learned. */
  mode: z.enum(['pretrain', 'instruct']).default('pretrain'),
  /** A data set: a .jsonl or .parquet file, or owner/name[:path] on the hub. */
  data: z.string().optional(),
  /** Instruction pairs taken from a folder: documented functions, and commits with their diffs. */
  pairs: z.preprocess(
    // Runs of 1 December 2026 and before may have learned "edits" as well.
    (kinds) => (Array.isArray(kinds) ? kinds.filter((kind) => kind !== 'edits') : kinds),
    z.array(z.enum(pairKinds)).default([...pairKinds]),
  ),
  /** Which files of the folder are read: patterns as in .gitignore. Without patterns in `include`, all are. */
  include: z.array(z.string().min(1)).default([]),
  exclude: z.array(z.string().min(1)).default([]),
  /** Share of the files in a training window that are turned into fill-in-the-middle: prefix, suffix, middle. */
  fimRate: z.number().min(0).max(1).default(0),
  /** Which part of those files counts in the loss: all of their text, or only the middle. */
  fimLoss: z.enum(['all', 'middle']).default('all'),
  /** Whether files are joined into repositories with the base's own separators. */
  repositoryContext: z.boolean().default(false),
  /**
   * Half-life, in days since its last change, of a file's training weight, which is at least a quarter. 0: equal
   * weights.
   */
  halfLifeDays: z.number().min(0).default(0),
  /** Training tokens to read of each data set and kind of pairs: a run needs no more than its budget. */
  maxTokens: z.int().min(1).optional(),
  /** Source-domain text mixed in: a file, a hub set, or "base" for text that the base itself writes. */
  replay: z.object({ source: z.string().min(1), rate: z.number().min(0).max(0.9) }).optional(),
});
export type CorpusPlan = z.infer<typeof corpusPlanSchema>;

export const evaluationPlanSchema = z.object({
  /** Held-out windows of `sequenceLength` tokens. */
  heldOutWindows: z.int().min(1).default(16),
  /** HumanEval problems, spread evenly over the 164; 0 turns it off. */
  humanevalProblems: z.int().min(0).max(164).default(20),
  /** Texts sampled from the base for KL; 0 turns it off. */
  retentionTexts: z.int().min(0).default(8),
  /** Whether to also complete lines and blocks at held-out cursors, which takes longer than all losses together. */
  completions: z.boolean().default(true),
  /** Tasks that are also measured at checkpoints, and first on the base; empty turns it off. */
  checkpointTasks: z.array(z.string()).default([]),
  /** Steps between such checkpoints, rounded up to a multiple of `evalEvery`. Default: `evalEvery`. */
  checkpointEvery: z.int().min(1).optional(),
  /** Maximum time for measuring checkpoints, as a share of training time; measuring the base is extra. */
  checkpointShare: z.number().min(0).default(0.1),
  /** The most that the result may forget, in its metric's unit: see findings/forgetting-metric.ts. */
  forgettingLimit: z.number().min(0).optional(),
  /** Training ends after this many held-out evaluations in a row without improvement; absent: never. */
  patience: z.int().min(1).optional(),
  /** Which checkpoint becomes the result: see training/checkpoints/best.ts. */
  keep: z.enum(['last', 'best']).default('last'),
  /** Maximum time for measuring the result, as a share of training time; absent: no limit. */
  share: z.number().positive().optional(),
  /** The factor on the trained change when it is used: `measured` is chosen after training. 1: as trained. */
  strength: z.union([z.literal('measured'), z.number().positive().max(1)]).default(1),
  /** The largest KL from the base that a measured strength may have, in nats per token. */
  strengthLimit: z.number().min(0).default(0.1),
});
export type EvaluationPlan = z.infer<typeof evaluationPlanSchema>;

/** PyTorch under Ray Train instead of our own trainer: training/ray-train. */
export const rayTrainEngineSchema = z.object({
  name: z.literal('ray-train'),
  /** Processes that train together. */
  workers: z.int().min(1),
  /** Whether each has a GPU; otherwise they compute on processors. */
  gpus: z.boolean(),
  /** Processors of each of them, if more than one. */
  cpus: z.number().positive().optional(),
  /** Whether each worker has a full copy of the model or a shard of it. */
  parallel: z.enum(['ddp', 'fsdp']),
});
export type RayTrainEngine = z.infer<typeof rayTrainEngineSchema>;

export const runSpecSchema = z.object({
  /** See `foldersFormat`. */
  format: z.literal([1, RUN_FORMAT]),
  id: z.string(),
  name: z.string(),
  createdAt: z.string(),
  /** Absolute path of the folder that the corpus is read from; empty if there is only a data set. */
  folder: z.string(),
  /** All folders if there are several; `folder` is the first. */
  folders: z.array(namedFolderSchema).min(2).optional(),
  corpus: corpusPlanSchema.prefault({}),
  /** An adapter trained elsewhere. Its training is unknown: learning rate and steps in `hyper` are meaningless. */
  imported: z
    .object({
      from: z.string(),
      format: z.enum(['peft', 'gguf']),
      /** The base that the adapter claims to be for. */
      base: z.string().optional(),
    })
    .optional(),
  /**
   * A fetched adapter that somebody published. It is also `imported`; its training settings are known, but its corpus
   * is not here.
   */
  fetched: fetchedSchema.optional(),
  /**
   * The run that it continues, whose result its own is compared with. That adapter, as served at that time, is kept as
   * earlier.gguf and has this SHA-256.
   */
  continues: z.object({ run: z.string(), sha256: z.string() }).optional(),
  /**
   * The base's reference adapter, if training begins with it. The result is compared with it on the user's code, since
   * it completes without any training. Kept as earlier.gguf, at the run's rank.
   */
  reference: z.object({ sha256: z.string() }).optional(),
  /** Where the learning rate comes from, for display: "given", "sweep ...", "10x rule ...". */
  learningRateReason: z.string().optional(),
  texts: textsSchema,
  /**
   * Whether `hyper.learningRate` is the default, since nothing was measured on the base: see
   * training/learning-rate/settle-rate.ts.
   */
  learningRateAssumed: z.boolean().optional(),
  base: z.object({ id: z.string(), path: z.string(), sha256: z.string() }),
  hyper: hyperSchema,
  /** Time limit for training, if given: `hyper.steps` is then an estimate, and the state's `steps` are fitted. */
  minutes: z.number().positive().optional(),
  /**
   * Announced durations in seconds: everything before the first step, the steps, and measuring the result, which keeps
   * to its time.
   */
  expected: z.object({ preparing: z.number(), training: z.number(), measuring: z.number() }).optional(),
  backend: z.enum(['auto', ...backendNames]),
  /** Trained while nobody used the machine, after all other programs on it. */
  background: z.boolean().optional(),
  /** The external trainer, if any. */
  engine: rayTrainEngineSchema.optional(),
  /** The requested GPU, by number or name: see tensor/devices/choose-device.ts. */
  device: z.string().min(1).optional(),
  /** What `auto` meant when the run was planned: the run uses it if it starts. */
  planned: z.enum(backendNames).optional(),
  evaluation: evaluationPlanSchema,
  versions: z.record(z.string(), z.string()),
});
export type RunSpec = z.infer<typeof runSpecSchema>;

/** The result's name within the run directory. */
export const artefactName = ({ hyper }: { hyper: Pick<Hyper, 'method'> }) =>
  hyper.method === 'full' ? 'model.gguf' : 'adapter.gguf';

/** In the directory of a run trained under Ray Train: the folder that its workers read and write. */
export const RAY_TRAIN = 'ray-train';

/**
 * In a run's directory: the adapter that completed before, from the run that it continues or the base's reference
 * adapter.
 */
export const EARLIER_ADAPTER = 'earlier.gguf';

/**
 * In the directory of a run that began with an adapter: its own adapter as trained, while the served one has another
 * strength.
 */
export const TRAINED_ADAPTER = 'trained.gguf';

/** The reference adapter's name in requests. */
export const REFERENCE_MODEL = 'reference';

/** That adapter's name: a run's id, or REFERENCE_MODEL; undefined if the base alone completed before. */
export const earlierAdapterName = ({
  continues,
  reference,
}: Pick<RunSpec, 'continues' | 'reference'>): string | undefined =>
  continues?.run ?? (reference && REFERENCE_MODEL);

export const runStatusNames = ['queued', 'running', 'evaluating', 'done', 'failed', 'cancelled'] as const;
export type RunStatus = (typeof runStatusNames)[number];

export const runStateSchema = z.object({
  status: z.enum(runStatusNames),
  /** The process that owns the run while running or evaluating. */
  pid: z.int().min(1).optional(),
  /** When that process started, to distinguish it from a later one with the same pid; only for comparing. */
  pidStarted: z.string().optional(),
  /** The machine or container with that process; only for comparing. */
  machine: z.string().optional(),
  /** ISO time, renewed every few seconds while the owner lives. */
  heartbeat: z.string().optional(),
  step: z.int().default(0),
  steps: z.int(),
  /** The peak rate that the run settled on by itself, and why; otherwise it is the spec's. */
  learningRate: z.object({ rate: z.number().positive(), why: z.string(), texts: textsSchema }).optional(),
  /** Seconds left of the owner's current phase. */
  etaSeconds: z.number().optional(),
  /** ISO times at which its owner started, and at which everything is expected to be done. */
  begun: z.string().optional(),
  ends: z.string().optional(),
  /** ISO time at which it was queued again to be resumed. */
  queuedAt: z.string().optional(),
  /** What the owner is doing now, for display: "Reading files", "Training", "HumanEval 4 of 20". */
  phase: z.string().optional(),
  /** Host and port of the cluster on which it runs or ran. */
  cluster: z.string().optional(),
  /** Why it failed. */
  error: z.object({ code: z.string(), ...errorTexts }).optional(),
});
export type RunState = z.infer<typeof runStateSchema>;

/** The spec with the learning rate that the run actually uses. */
export const settledSpec = (spec: RunSpec, { learningRate }: Pick<RunState, 'learningRate'>): RunSpec =>
  learningRate
    ? {
        ...spec,
        hyper: { ...spec.hyper, learningRate: learningRate.rate },
        ...withTexts({ learningRateReason: textOf(learningRate, 'why') }),
      }
    : spec;
