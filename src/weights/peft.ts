/** Writes a LoRA in the PEFT library's format: adapter_config.json and adapter_model.safetensors in a folder. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { adapterAlpha, type ModelConfig } from '../model/index.ts';
import type { Hyper } from '../protocol/run.ts';
import type { Adapter } from './adapter.ts';
import { joinGateUp, type ScaledLayer } from './gate-up.ts';
import { writeSafetensors } from './safetensors.ts';
import { linearPairs, rowsToTransformers, transformersName } from './transformers.ts';

export const PEFT_CONFIG = 'adapter_config.json';
export const PEFT_WEIGHTS = 'adapter_model.safetensors';
/** PEFT's prefix of a module's name in a model with a language head. */
export const PEFT_PREFIX = 'base_model.model.';

interface PeftOptions {
  config: ModelConfig;
  /** The run's settings: alpha and scaling are written if they apply to all layers. */
  hyper: Pick<Hyper, 'rank' | 'alpha' | 'scaling' | 'dropout'>;
  /** The name under which transformers loads the base. */
  baseName: string;
}

/** Creates `folder` and writes both files into it, in F32, with the rows of q and k in transformers' order. */
export async function writePeft(
  folder: string,
  adapter: Pick<Adapter, 'alpha' | 'layers'>,
  options: PeftOptions,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const tensors = new Map<string, { shape: number[]; data: Float32Array }>();
  const layers = toTransformersLayers(adapter, options.config);
  for (const { name, a, b, rank, in: width, out } of layers) {
    const module = PEFT_PREFIX + transformersName(name, options.config);
    tensors.set(`${module}.lora_A.weight`, { shape: [rank, width], data: a });
    const data = rowsToTransformers(name, b, rank, options.config);
    tensors.set(`${module}.lora_B.weight`, { shape: [out, rank], data });
  }
  // transformers and PEFT require this metadata.
  await writeSafetensors(join(folder, PEFT_WEIGHTS), tensors, { format: 'pt' });
  await writeFile(
    join(folder, PEFT_CONFIG),
    `${JSON.stringify(peftConfig({ ...adapter, layers }, options), null, 2)}\n`,
  );
}

function toTransformersLayers(
  { layers, alpha }: Pick<Adapter, 'alpha' | 'layers'>,
  { inTransformers }: ModelConfig,
): ScaledLayer[] {
  if (inTransformers === 'shared-mlp') return joinGateUp(layers, alpha);
  return layers.map((layer) => ({ ...layer, alpha }));
}

/** PEFT's LoraConfig; omitted keys get PEFT's defaults. */
function peftConfig(
  { alpha, layers }: { alpha: number; layers: readonly ScaledLayer[] },
  { config, hyper, baseName }: PeftOptions,
) {
  const rank = mostCommon(layers.map((layer) => layer.rank));
  const pattern = (matching: readonly ScaledLayer[], key: 'rank' | 'alpha') =>
    Object.fromEntries(matching.map((layer) => [transformersName(layer.name, config), layer[key]]));
  const others = layers.filter((layer) => layer.rank !== rank);
  const differingAlphas = layers.filter((layer) => layer.alpha !== alpha);
  // A GGUF file's alpha means alpha / rank. The run's own alpha and scaling are equivalent only if all ranks are equal.
  const keepsRunAlpha =
    !others.length &&
    !differingAlphas.length &&
    Math.fround(adapterAlpha({ ...hyper, rank })) === Math.fround(alpha);
  return {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: baseName,
    inference_mode: true,
    r: rank,
    lora_alpha: keepsRunAlpha ? hyper.alpha : alpha,
    use_rslora: keepsRunAlpha && hyper.scaling === 'rank-stabilised',
    lora_dropout: hyper.dropout,
    target_modules: targetModules(layers, config),
    rank_pattern: pattern(others, 'rank'),
    alpha_pattern: pattern(differingAlphas, 'alpha'),
    bias: 'none',
    fan_in_fan_out: false,
    init_lora_weights: true,
    modules_to_save: null,
    use_dora: false,
  };
}

function mostCommon(values: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].reduce((most, entry) => (entry[1] > most[1] ? entry : most))[0];
}

/**
 * `q_proj` if it is adapted in every layer and the model has no vision part, else the full names of the adapted
 * modules.
 */
function targetModules(layers: readonly ScaledLayer[], config: ModelConfig): string[] {
  const names = layers.map(({ name }) => transformersName(name, config));
  return linearPairs(config).flatMap(([, module]) => {
    const matching = names.filter((name) => name.endsWith(`.${module}`));
    const all = matching.length === config.layers && config.inTransformers !== 'language-model';
    return all ? [module.slice(module.indexOf('.') + 1)] : matching;
  });
}
