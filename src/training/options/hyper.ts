/** The options of `train` that say how long it trains and how: the budget, the adapter, the optimiser. */
import { hyperSchema, moduleNames, type Hyper, type ModuleName } from '../../protocol/run.ts';
import type { OptionTable } from './option.ts';
import { between, list, positive, integer } from './values.ts';

export interface BudgetOptions {
  minutes?: number;
  steps?: number;
  epochs?: number;
  tokens?: number;
  seq: number;
  batch: number;
  accumulate: number;
}

export interface HyperOptions {
  base: string;
  method: Hyper['method'];
  lr?: number;
  rank: number;
  alpha?: number;
  targets: string[];
  rankStabilised?: boolean;
  dropout: number;
  attentionDropout: number;
  reference: boolean;
  optimizer: Hyper['optimizer'];
  schedule: Hyper['schedule'];
  warmup: number;
  cooldown?: number;
  weightDecay: number;
  clip: number;
}

/** The cool-down at the end of an inverse square root schedule, as a share of the run (paper, section 3: 20%). */
const DEFAULT_COOLDOWN = 0.2;
export const hyperDefaults = hyperSchema.parse({ learningRate: 1, steps: 1 });

const groups: Record<string, ModuleName[]> = {
  all: [...moduleNames],
  mlp: ['gate', 'up', 'down'],
  attention: ['q', 'k', 'v', 'o'],
};
/** Names are checked later, against the base. */
const targets = (text: string): string[] => groups[text] ?? list(text).filter(Boolean);

/** The final length of the run depends on the corpus and the machine: they determine `hyper.steps`. */
export const budgetOptions: OptionTable<BudgetOptions> = {
  minutes: {
    flags: '--minutes <n>',
    help: 'budget in minutes of training; the number of steps is fitted to it',
    parse: positive,
    spec: 'run.minutes',
    support: { sweep: false, continue: 'own', workspace: true, cluster: true, rayTrain: false },
  },
  steps: {
    flags: '--steps <n>',
    help: 'budget in optimiser steps',
    parse: integer(1),
    spec: 'hyper.steps',
    support: { sweep: false, continue: 'own', workspace: true, cluster: true, rayTrain: true },
  },
  epochs: {
    flags: '--epochs <n>',
    help: 'budget in passes over the corpus (default: 4)',
    parse: positive,
    spec: null,
    support: { sweep: false, continue: 'own', workspace: true, cluster: true, rayTrain: true },
  },
  tokens: {
    flags: '--tokens <n>',
    help: 'budget in tokens',
    parse: integer(1),
    spec: null,
    support: { sweep: false, continue: 'own', workspace: true, cluster: true, rayTrain: true },
  },
  seq: {
    flags: '--seq <tokens>',
    help: 'sequence length in tokens',
    parse: integer(8),
    default: hyperDefaults.sequenceLength,
    spec: 'hyper.sequenceLength',
    support: { sweep: true, continue: 'inherited', workspace: true, cluster: true, rayTrain: true },
  },
  batch: {
    flags: '--batch <n>',
    help: 'sequences per forward pass',
    parse: integer(1),
    default: hyperDefaults.batch,
    spec: 'hyper.batch',
    support: { sweep: true, continue: 'inherited', workspace: true, cluster: true, rayTrain: true },
  },
  accumulate: {
    flags: '--accumulate <n>',
    help: 'forward passes per optimiser step',
    parse: integer(1),
    default: hyperDefaults.accumulate,
    spec: 'hyper.accumulate',
    support: { sweep: true, continue: 'inherited', workspace: true, cluster: true, rayTrain: true },
  },
};

export const hyperOptions: OptionTable<HyperOptions> = {
  base: {
    flags: '--base <ref>',
    help: 'the model to start from: a known base, a .gguf file, owner/name[:file] on Hugging Face, or auto: chosen for this machine',
    default: 'auto',
    spec: 'base.id',
    support: { sweep: true, continue: 'same', workspace: false, cluster: true, rayTrain: true },
  },
  method: {
    flags: '--method <method>',
    help: 'lora: train a small adapter; full: train all weights',
    choices: ['lora', 'full'],
    default: hyperDefaults.method,
    spec: 'hyper.method',
    // A sweep can try both.
    support: { sweep: false, continue: 'same', workspace: true, cluster: true, rayTrain: true },
  },
  lr: {
    flags: '--lr <rate>',
    help: 'peak learning rate (default: found by an earlier sweep, else by the size of the base and the length of the run)',
    parse: positive,
    spec: 'hyper.learningRate',
    support: { sweep: false, continue: 'own', workspace: true, cluster: true, rayTrain: true },
  },
  rank: {
    flags: '--rank <r>',
    help: 'rank of the LoRA adapter',
    parse: integer(1),
    default: hyperDefaults.rank,
    spec: 'hyper.rank',
    support: { sweep: true, continue: 'same', workspace: true, cluster: true, rayTrain: true },
  },
  alpha: {
    flags: '--alpha <alpha>',
    help: 'LoRA alpha (default: twice the rank)',
    parse: positive,
    spec: 'hyper.alpha',
    settle: ({ alpha, rank }) => alpha ?? 2 * rank,
    support: { sweep: true, continue: 'same', workspace: true, cluster: true, rayTrain: true },
  },
  targets: {
    flags: '--targets <list>',
    help: 'target modules of LoRA: all, mlp, attention, or a list of q,k,v,o,gate,up,down or patterns such as "blk.*.ffn_*"',
    parse: targets,
    default: hyperDefaults.targets,
    spec: 'hyper.targets',
    support: { sweep: true, continue: 'same', workspace: true, cluster: true, rayTrain: true },
  },
  rankStabilised: {
    flags: '--rank-stabilised',
    help: 'scale LoRA by alpha / sqrt(rank) instead of alpha / rank, for high ranks',
    spec: 'hyper.scaling',
    settle: ({ rankStabilised }): Hyper['scaling'] => (rankStabilised ? 'rank-stabilised' : 'standard'),
    read: (scaling: Hyper['scaling']) => scaling === 'rank-stabilised',
    support: { sweep: true, continue: 'same', workspace: true, cluster: true, rayTrain: true },
  },
  dropout: {
    flags: '--dropout <p>',
    help: 'dropout on the input of LoRA modules',
    parse: between(0, 0.9),
    default: hyperDefaults.dropout,
    spec: 'hyper.dropout',
    support: { sweep: true, continue: 'inherited', workspace: true, cluster: true, rayTrain: true },
  },
  attentionDropout: {
    flags: '--attention-dropout <p>',
    help: 'dropout on attention probabilities',
    parse: between(0, 0.9),
    default: hyperDefaults.attentionDropout,
    spec: 'hyper.attentionDropout',
    support: { sweep: true, continue: 'inherited', workspace: true, cluster: true, rayTrain: true },
  },
  reference: {
    flags: '--no-reference',
    help: 'begin with the base alone, without its reference adapter',
    spec: null,
    support: { sweep: false, continue: 'own', workspace: true, cluster: true, rayTrain: true },
  },
  optimizer: {
    flags: '--optimizer <name>',
    help: 'optimiser',
    choices: ['lionw', 'adamw'],
    default: hyperDefaults.optimizer,
    spec: 'hyper.optimizer',
    support: { sweep: true, continue: 'inherited', workspace: true, cluster: true, rayTrain: true },
  },
  schedule: {
    flags: '--schedule <name>',
    help: 'how the learning rate changes over the run',
    choices: ['cosine', 'inverse-sqrt', 'constant'],
    default: hyperDefaults.schedule,
    spec: 'hyper.schedule',
    support: { sweep: true, continue: 'own', workspace: true, cluster: true, rayTrain: true },
  },
  warmup: {
    flags: '--warmup <share>',
    help: 'share of the run, at its start, in which the learning rate rises to its peak',
    parse: between(0, 1),
    default: hyperDefaults.warmup,
    spec: 'hyper.warmup',
    support: { sweep: true, continue: 'own', workspace: true, cluster: true, rayTrain: true },
  },
  cooldown: {
    flags: '--cooldown <share>',
    help: `share of the run, at its end, in which the learning rate falls to zero; not with cosine (default: ${DEFAULT_COOLDOWN} with inverse-sqrt)`,
    parse: between(0, 1),
    spec: 'hyper.cooldown',
    // The default is shorter if a long warm-up leaves less of the run.
    settle: ({ cooldown, schedule, warmup }) =>
      cooldown ?? (schedule === 'inverse-sqrt' ? Math.min(DEFAULT_COOLDOWN, 1 - warmup) : 0),
    support: { sweep: true, continue: 'own', workspace: true, cluster: true, rayTrain: true },
  },
  weightDecay: {
    flags: '--weight-decay <rate>',
    help: 'weight decay: the share of a weight that a step takes off is learning rate x this (AdamW), or this at the peak rate (LionW)',
    parse: between(0, Infinity),
    default: hyperDefaults.weightDecay,
    spec: 'hyper.weightDecay',
    support: { sweep: true, continue: 'inherited', workspace: true, cluster: true, rayTrain: true },
  },
  clip: {
    flags: '--clip <norm>',
    help: 'largest gradient norm; 0: no clipping',
    parse: between(0, Infinity),
    default: hyperDefaults.clip,
    spec: 'hyper.clip',
    support: { sweep: true, continue: 'inherited', workspace: true, cluster: true, rayTrain: true },
  },
};
