/** The options of `train` that say where it computes: a device of this machine, a cluster, or Ray Train's workers. */
import { backendNames, type BackendName, type Hyper, type RayTrainEngine } from '../../protocol/run.ts';
import { hyperDefaults } from './hyper.ts';
import type { OptionTable } from './option.ts';
import { InvalidValue, positive, integer } from './values.ts';

export interface MachineOptions {
  backend: 'auto' | BackendName;
  device?: string;
  precision: 'auto' | Hyper['precision'];
  recompute?: boolean;
  whenIdle?: boolean;
  seed: number;
}

export interface ClusterOptions {
  on?: string;
  storage?: string;
  cpus?: number;
}

export interface EngineOptions {
  engine?: RayTrainEngine['name'];
  workers?: number;
  workerGpus?: boolean;
  parallel?: RayTrainEngine['parallel'];
}

function device(text: string): string {
  if (text.trim()) return text.trim();
  throw new InvalidValue('It must be the name of a GPU, or its number.');
}

export const machineOptions: OptionTable<MachineOptions> = {
  backend: {
    flags: '--backend <name>',
    help: 'library that trains',
    choices: ['auto', ...backendNames],
    default: 'auto',
    spec: 'run.backend',
    support: {
      sweep: true,
      continue: 'own',
      workspace: false,
      cluster: { not: 'webgpu' },
      rayTrain: true,
    },
  },
  device: {
    flags: '--device <name|number>',
    help: 'GPU that trains, as doctor lists them; without it, the largest',
    parse: device,
    spec: 'run.device',
    support: { sweep: true, continue: 'own', workspace: false, cluster: false, rayTrain: true },
  },
  precision: {
    flags: '--precision <p>',
    help: 'precision of frozen weights and large matrix products (f16: of products only, on a GPU); auto: the fastest on this machine',
    choices: ['auto', 'f32', 'bf16', 'f16'],
    default: 'auto',
    spec: 'hyper.precision',
    support: { sweep: true, continue: 'own', workspace: true, cluster: true, rayTrain: { not: 'f16' } },
  },
  recompute: {
    flags: '--recompute',
    help: 'recompute activations in the backward pass: less memory, a third more work (on by itself when memory is short)',
    spec: 'hyper.recompute',
    support: { sweep: true, continue: 'own', workspace: true, cluster: true, rayTrain: true },
  },
  whenIdle: {
    flags: '--when-idle',
    help: 'as VS Code begins it while the machine is idle: all other programs go first, it is stopped once somebody is back, and deleted when later ones replace it',
    spec: 'run.background',
    support: { sweep: false, continue: 'own', workspace: false, cluster: false, rayTrain: false },
  },
  seed: {
    flags: '--seed <n>',
    help: 'random seed',
    parse: integer(0),
    default: hyperDefaults.seed,
    spec: 'hyper.seed',
    support: { sweep: true, continue: 'inherited', workspace: true, cluster: true, rayTrain: true },
  },
};

export const clusterOptions: OptionTable<ClusterOptions> = {
  on: {
    flags: '--on <address>',
    help: "run on a Ray cluster: the address of its dashboard, such as http://127.0.0.1:8265; RAY_AUTH_TOKEN holds the cluster's token",
    spec: null,
    support: { sweep: true, continue: 'own', workspace: false, cluster: true, rayTrain: true },
  },
  storage: {
    flags: '--storage <place>',
    help: 'with --on: where checkpoints go, so that work goes on after a lost node: a folder that all nodes share, or an address such as s3://bucket/folder',
    spec: null,
    support: { sweep: true, continue: 'own', workspace: false, cluster: true, rayTrain: true },
  },
  cpus: {
    flags: '--cpus <n>',
    help: 'with --on: processors for each task (default: 2; for a trial of a sweep 1)',
    parse: positive,
    spec: 'engine.cpus',
    support: { sweep: true, continue: 'own', workspace: false, cluster: true, rayTrain: true },
  },
};

export const engineOptions: OptionTable<EngineOptions> = {
  engine: {
    flags: '--engine <name>',
    help: 'train with PyTorch and PEFT under Ray Train, for bases that fit no single device and for many GPUs; here, or with --on on a cluster whose Python has them; needs --steps, --epochs or --tokens as the budget',
    choices: ['ray-train'],
    spec: 'engine.name',
    support: { sweep: false, continue: 'own', workspace: false, cluster: true, rayTrain: true },
  },
  workers: {
    flags: '--workers <n>',
    help: 'with --engine: processes that train together (default: 2); on a cluster, each has --cpus processors (default: 1)',
    parse: integer(1),
    spec: 'engine.workers',
    settle: ({ workers }) => workers ?? 2,
    support: { sweep: false, continue: 'own', workspace: false, cluster: true, rayTrain: true },
  },
  workerGpus: {
    flags: '--worker-gpus',
    help: 'with --engine: each of them has a GPU',
    spec: 'engine.gpus',
    settle: ({ workerGpus }) => workerGpus ?? false,
    support: { sweep: false, continue: 'own', workspace: false, cluster: true, rayTrain: true },
  },
  parallel: {
    flags: '--parallel <how>',
    help: 'with --engine: fsdp: each worker keeps its share of the model; ddp: each has all of it (default: fsdp)',
    choices: ['fsdp', 'ddp'],
    spec: 'engine.parallel',
    settle: ({ parallel }) => parallel ?? 'fsdp',
    support: { sweep: false, continue: 'own', workspace: false, cluster: true, rayTrain: true },
  },
};
