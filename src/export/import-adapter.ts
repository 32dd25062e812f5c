/**
 * Creates a run from an adapter that was trained elsewhere: it has a result, but no training, corpus or checkpoints.
 */
import { stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { withGguf, type GgufFile } from '../gguf/index.ts';
import { blockModules, moduleTensors } from '../base-models/architectures.ts';
import { linearNames, readConfig, type ModelConfig } from '../model/index.ts';
import { UserError } from '../text/errors.ts';
import { msg, type Text } from '../text/message.ts';
import type { Hyper, RunSpec } from '../protocol/run.ts';
import { createRun } from '../runs/index.ts';
import {
  exportAdapterGguf,
  largestRank,
  readAdapterGguf,
  type Adapter,
  type AdapterLayer,
} from '../weights/adapter.ts';
import { PEFT_WEIGHTS } from '../weights/peft.ts';
import { readPeft } from '../weights/read-peft.ts';

export interface ImportRequest {
  /** Path of PEFT's folder or of a GGUF adapter. */
  path: string;
  base: RunSpec['base'];
  /** Default: the name of the file or folder. */
  name?: string | undefined;
  versions: Record<string, string>;
}

interface ReadAdapter {
  adapter: Adapter;
  hyper: Pick<Hyper, 'rank' | 'alpha' | 'scaling' | 'dropout'>;
  format: 'peft' | 'gguf';
  /** The base it claims to have been trained on. */
  namedBase?: string;
}

/**
 * Creates the run atomically. Errors: adapter-damaged, adapter-unsupported, adapter-mismatch (names both), and those of
 * reading the base.
 */
export async function importAdapter(
  request: ImportRequest,
): Promise<{ dir: string; id: string; spec: RunSpec }> {
  const { base, versions } = request;
  const path = resolve(request.path);
  return withGguf(base.path, async (gguf) => {
    const { adapter, hyper, format, namedBase } = await readAdapter(path, gguf, base);
    checkNumbers(path, adapter);
    return await createRun(
      {
        name: request.name ?? basename(path).replace(/\.gguf$/i, ''),
        folder: '',
        base: { id: base.id, path: base.path, sha256: base.sha256 },
        // The training settings are unknown; a single step stands for the whole training.
        hyper: {
          method: 'lora',
          ...hyper,
          targets: adaptedModules(adapter.layers, readConfig(gguf)),
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
  });
}

/**
 * Opens a foreign GGUF adapter and checks it against the base: its linears, its numbers, and the base it names. Errors:
 * adapter-damaged, adapter-unsupported, adapter-mismatch, and those of reading the base.
 */
export async function openForeignAdapter(
  path: string,
  base: RunSpec['base'],
): Promise<Pick<ReadAdapter, 'adapter' | 'hyper'>> {
  return withGguf(base.path, async (gguf) => {
    const result = await readGgufAdapter(path, gguf, base.sha256);
    checkNumbers(path, result.adapter);
    return result;
  });
}

async function readAdapter(path: string, base: GgufFile, { sha256 }: RunSpec['base']): Promise<ReadAdapter> {
  const facts = await stat(path).catch(() => undefined);
  if (!facts)
    throw new UserError(
      'adapter-damaged',
      msg`There is no adapter ${path}.`,
      msg`Give a folder that PEFT saved, or a GGUF adapter.`,
    );
  if (facts.isDirectory()) return readPeftAdapter(path, base);
  if (basename(path) === PEFT_WEIGHTS) return readPeftAdapter(dirname(path), base);
  return readGgufAdapter(path, base, sha256);
}

async function readPeftAdapter(folder: string, base: GgufFile): Promise<ReadAdapter> {
  const { adapter, config } = await readPeft(folder, base);
  const uniformRank = adapter.layers.every(({ rank }) => rank === config.r);
  const rankStabilised = uniformRank && config.use_rslora === true;
  return {
    adapter,
    format: 'peft',
    hyper: {
      rank: largestRank(adapter.layers),
      alpha: rankStabilised ? config.lora_alpha : adapter.alpha,
      scaling: rankStabilised ? 'rank-stabilised' : 'standard',
      dropout: Math.min(0.9, config.lora_dropout ?? 0),
    },
    ...(config.base_model_name_or_path && { namedBase: config.base_model_name_or_path }),
  };
}

async function readGgufAdapter(path: string, base: GgufFile, sha256: string): Promise<ReadAdapter> {
  const adapter = await readAdapterGguf(path, base);
  const linears = new Set(linearNames(readConfig(base)));
  const unsupportedLayer = adapter.layers.find(({ name }) => !linears.has(name));
  if (unsupportedLayer)
    throw new UserError(
      'adapter-unsupported',
      msg`The adapter ${path} changes "${unsupportedLayer.name}", which is not one of a block's linear layers.`,
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

/** Largest half-precision number. A LoRA's weights, and what it adds to the base's, are far below 100. */
const LARGEST = 65_504;

function checkNumbers(path: string, { layers, alpha }: Adapter): void {
  for (const { name, a, b } of layers) {
    const [largestA, largestB] = [a, b].map(largest) as [number, number];
    if (!Number.isFinite(largestA) || !Number.isFinite(largestB))
      throw unusable(msg`The adapter ${path} has values of "${name}" that are not finite numbers.`);
    // Each element of alpha / rank times B A is a sum of `rank` products.
    if (Math.max(largestA, largestB, alpha * largestA * largestB) > LARGEST)
      throw unusable(msg`The adapter ${path} has values of "${name}" that are too large for any model.`);
  }
}

/** Largest absolute value; NaN if there is one. */
const largest = (values: Float32Array) =>
  values.reduce((maximum, value) => Math.max(maximum, Math.abs(value)), 0);

const unusable = (message: Text) =>
  new UserError(
    'adapter-damaged',
    message,
    msg`Save it again in the program that made it, then import the new file.`,
  );

/** Modules that are adapted in every block are listed by module name, the others individually. */
function adaptedModules(layers: readonly AdapterLayer[], config: ModelConfig): string[] {
  return blockModules(config).flatMap((module) => {
    const matching = layers.filter(({ name }) => name.endsWith(`.${moduleTensors[module]}`));
    return matching.length === config.layers ? [module] : matching.map(({ name }) => name);
  });
}
