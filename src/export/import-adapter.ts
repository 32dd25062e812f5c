/**
 * Makes a run from an adapter that was trained elsewhere. It has a result, but no training, no corpus and no
 * checkpoints.
 */
import { stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { openGguf, type GgufFile } from '../gguf/index.ts';
import { modulesOf, moduleTensors } from '../base-models/architectures.ts';
import { linearNames, readConfig, type ModelConfig } from '../model/index.ts';
import { UserError } from '../text/errors.ts';
import { msg, type Text } from '../text/message.ts';
import type { Hyper, RunSpec } from '../protocol/run.ts';
import { createRun } from '../runs/index.ts';
import { exportAdapterGguf, readAdapterGguf, type Adapter, type AdapterLayer } from '../weights/adapter.ts';
import { PEFT_WEIGHTS } from '../weights/peft.ts';
import { readPeft } from '../weights/read-peft.ts';

export interface ImportAsked {
  /** Path of PEFT's folder or of a GGUF adapter. */
  path: string;
  base: RunSpec['base'];
  /** Default: the name of the file or folder. */
  name?: string | undefined;
  versions: Record<string, string>;
}

interface Found {
  adapter: Adapter;
  hyper: Pick<Hyper, 'rank' | 'alpha' | 'scaling' | 'dropout'>;
  format: 'peft' | 'gguf';
  /** The base that it names as the one it was trained on. */
  namedBase?: string;
}

/**
 * Creates the run atomically. Errors: adapter-damaged, adapter-unsupported, adapter-mismatch (names both), and those of
 * reading the base.
 */
export async function importAdapter(asked: ImportAsked): Promise<{ dir: string; id: string; spec: RunSpec }> {
  const { base, versions } = asked;
  const path = resolve(asked.path);
  const gguf = await openGguf(base.path);
  try {
    const { adapter, hyper, format, namedBase } = await find(path, gguf, base);
    checkNumbers(path, adapter);
    return await createRun(
      {
        name: asked.name ?? basename(path).replace(/\.gguf$/i, ''),
        folder: '',
        base: { id: base.id, path: base.path, sha256: base.sha256 },
        // Its training settings are unknown; the single step stands for all of its training.
        hyper: {
          method: 'lora',
          ...hyper,
          targets: targetsOf(adapter.layers, readConfig(gguf)),
          learningRate: 1,
          steps: 1,
        },
        backend: 'auto',
        evaluation: { completions: false },
        versions,
        imported: { from: path, format, ...(namedBase && { base: namedBase }) },
      },
      async (dir) => {
        await exportAdapterGguf(join(dir, 'adapter.gguf'), { ...adapter, baseSha256: base.sha256 });
        return { artefact: 'adapter.gguf' };
      },
    );
  } finally {
    await gguf.close();
  }
}

/**
 * A GGUF adapter from elsewhere, checked against the base: its linears, its numbers, and the base that it names. Errors:
 * adapter-damaged, adapter-unsupported, adapter-mismatch, and those of reading the base.
 */
export async function openForeignAdapter(
  path: string,
  base: RunSpec['base'],
): Promise<Pick<Found, 'adapter' | 'hyper'>> {
  const gguf = await openGguf(base.path);
  try {
    const found = await findGguf(path, gguf, base.sha256);
    checkNumbers(path, found.adapter);
    return found;
  } finally {
    await gguf.close();
  }
}

async function find(path: string, base: GgufFile, { sha256 }: RunSpec['base']): Promise<Found> {
  const facts = await stat(path).catch(() => undefined);
  if (!facts)
    throw new UserError(
      'adapter-damaged',
      msg`There is no adapter ${path}.`,
      msg`Give a folder that PEFT saved, or a GGUF adapter.`,
    );
  if (facts.isDirectory()) return findPeft(path, base);
  if (basename(path) === PEFT_WEIGHTS) return findPeft(dirname(path), base);
  return findGguf(path, base, sha256);
}

async function findPeft(folder: string, base: GgufFile): Promise<Found> {
  const { adapter, config } = await readPeft(folder, base);
  const even = adapter.layers.every(({ rank }) => rank === config.r);
  const stabilised = even && config.use_rslora === true;
  return {
    adapter,
    format: 'peft',
    hyper: {
      rank: largestRank(adapter.layers),
      alpha: stabilised ? config.lora_alpha : adapter.alpha,
      scaling: stabilised ? 'rank-stabilised' : 'standard',
      dropout: Math.min(0.9, config.lora_dropout ?? 0),
    },
    ...(config.base_model_name_or_path && { namedBase: config.base_model_name_or_path }),
  };
}

async function findGguf(path: string, base: GgufFile, sha256: string): Promise<Found> {
  const adapter = withAlpha(await readAdapterGguf(path, base));
  const known = new Set(linearNames(readConfig(base)));
  const strange = adapter.layers.find(({ name }) => !known.has(name));
  if (strange)
    throw new UserError(
      'adapter-unsupported',
      msg`The adapter ${path} changes "${strange.name}", which is not one of a block's linear layers.`,
      msg`Import an adapter that changes only linear layers.`,
    );
  if (adapter.baseSha256 && adapter.baseSha256 !== sha256)
    throw new UserError(
      'adapter-mismatch',
      msg`The adapter ${path} was trained on another base (sha256 ${adapter.baseSha256.slice(0, 12)}) than ${base.path} (${sha256.slice(0, 12)}).`,
      msg`Give the base that it was trained on with --base.`,
    );
  const rank = largestRank(adapter.layers);
  return {
    adapter,
    format: 'gguf',
    hyper: { rank, alpha: adapter.alpha, scaling: 'standard', dropout: 0 },
  };
}

const largestRank = (layers: readonly AdapterLayer[]) => Math.max(...layers.map(({ rank }) => rank));

/** In llama.cpp, an alpha of zero means B A without scaling; this sets an equivalent alpha. */
function withAlpha(adapter: Adapter): Adapter {
  if (adapter.alpha !== 0) return adapter;
  const alpha = largestRank(adapter.layers);
  const layers = adapter.layers.map((layer) => ({
    ...layer,
    b: layer.b.map((value) => (value * layer.rank) / alpha),
  }));
  return { ...adapter, alpha, layers };
}

/** Half precision's largest number. A LoRA's weights, and what it adds to the base's, are far below 100. */
const LARGEST = 65_504;

function checkNumbers(path: string, { layers, alpha }: Adapter): void {
  for (const { name, a, b } of layers) {
    const [largestA, largestB] = [a, b].map(largest) as [number, number];
    if (!Number.isFinite(largestA) || !Number.isFinite(largestB))
      throw unusable(msg`The adapter ${path} has values of "${name}" that are not finite numbers.`);
    // Each number of alpha / rank times B A is a sum of as many products as the rank.
    if (Math.max(largestA, largestB, alpha * largestA * largestB) > LARGEST)
      throw unusable(msg`The adapter ${path} has values of "${name}" that are too large for any model.`);
  }
}

/** NaN if there is one. */
const largest = (values: Float32Array) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

const unusable = (message: Text) =>
  new UserError(
    'adapter-damaged',
    message,
    msg`Save it again in the program that made it, then import the new file.`,
  );

/** Modules that are adapted in every block are listed by module name, others one by one. */
function targetsOf(layers: readonly AdapterLayer[], config: ModelConfig): string[] {
  return modulesOf(config).flatMap((module) => {
    const these = layers.filter(({ name }) => name.endsWith(`.${moduleTensors[module]}`));
    return these.length === config.layers ? [module] : these.map(({ name }) => name);
  });
}
