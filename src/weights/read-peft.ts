/** Reads a LoRA that the PEFT library, or another tool in its format, has saved. It is untrusted input. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { GgufFile } from '../gguf/index.ts';
import { adapterAlpha, readConfig, type ModelConfig } from '../model/index.ts';
import { reportError, UserError } from '../protocol/errors.ts';
import type { Adapter, AdapterLayer } from './adapter.ts';
import { PEFT_CONFIG, PEFT_PREFIX, PEFT_WEIGHTS } from './peft.ts';
import { readSafetensors, type Tensor } from './safetensors.ts';
import { ggufName, rowsToGguf, transformersName } from './transformers.ts';
import { readText } from '../protocol/regular-file.ts';

/** The keys of PEFT's LoraConfig that determine the meaning of the weights; the others are about its training. */
const configSchema = z.object({
  peft_type: z.string(),
  r: z.int().min(1),
  lora_alpha: z.number().positive(),
  lora_dropout: z.number().min(0).max(1).nullish(),
  use_rslora: z.boolean().nullish(),
  rank_pattern: z.record(z.string(), z.int().min(1)).nullish(),
  alpha_pattern: z.record(z.string(), z.number().positive()).nullish(),
  base_model_name_or_path: z.string().nullish(),
});
export type PeftConfig = z.infer<typeof configSchema>;

/** Keys that change the meaning of the weights in an unsupported way: what it is called, and with which values. */
const unsupported: Record<string, [what: string, when: (value: unknown) => boolean]> = {
  use_dora: ['DoRA', Boolean],
  use_qalora: ['QA-LoRA', Boolean],
  use_bdlora: ['block-diagonal LoRA', Boolean],
  bias: ['trained biases (bias)', (value) => value !== undefined && value !== null && value !== 'none'],
  lora_bias: ['biases of its own (lora_bias)', Boolean],
  modules_to_save: ['whole modules trained beside it (modules_to_save)', isFilled],
  trainable_token_indices: ['trained tokens (trainable_token_indices)', isFilled],
  target_parameters: ['parameters that are not linears (target_parameters)', isFilled],
  layer_replication: ['repeated layers (layer_replication)', isFilled],
  fan_in_fan_out: ['transposed weights (fan_in_fan_out)', Boolean],
  alora_invocation_tokens: ['activated LoRA (alora_invocation_tokens)', isFilled],
  kasa_config: ['KaSA (kasa_config)', isFilled],
  monteclora_config: ['MonteCLoRA (monteclora_config)', isFilled],
  arrow_config: ['Arrow routing (arrow_config)', isFilled],
  init_lora_weights: [
    'a changed base (init_lora_weights)',
    (value) => typeof value === 'string' && /^(pissa|olora|corda|loftq|lora_ga)/i.test(value),
  ],
};

function isFilled(value: unknown): boolean {
  return Array.isArray(value)
    ? value.length > 0
    : typeof value === 'object' && value !== null && Object.keys(value).length > 0;
}

/**
 * Reads the adapter in `folder` for `base`, with rows in GGUF's order. Each layer keeps its own alpha and rank: if they
 * differ, B is scaled so that one alpha serves all layers. Throws UserError `adapter-damaged`, `adapter-unsupported`
 * (names the feature) or `adapter-mismatch` (names both), and like readConfig.
 */
export async function readPeft(
  folder: string,
  base: Pick<GgufFile, 'metadata' | 'tensors' | 'path'>,
): Promise<{ adapter: Adapter; config: PeftConfig }> {
  const config = await readPeftConfig(folder);
  const path = join(folder, PEFT_WEIGHTS);
  if (!existsSync(path)) throw noWeights(folder);
  const shape = readConfig(base);
  const alpha = adapterAlpha({
    alpha: config.lora_alpha,
    rank: config.r,
    scaling: config.use_rslora ? 'rank-stabilised' : 'standard',
  });
  try {
    const layers: AdapterLayer[] = [];
    for (const [name, { a, b }] of pairs(await readSafetensors(path), path, shape)) {
      const layer = fitting(name, [a.shape, b.shape], {
        path,
        base,
        shape,
        asked: config.base_model_name_or_path,
      });
      const values = rowsToGguf(name, await b.data.read(), layer.rank, shape);
      layers.push({
        ...layer,
        a: await a.data.read(),
        b: scaled(values, factor(layer, config, { alpha, shape })),
      });
    }
    if (layers.length === 0) throw damaged(folder, 'it is empty');
    return { adapter: { architecture: shape.architecture, alpha, layers }, config };
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw damaged(folder, reportError(error).message.replace(/\.$/, ''), error);
  }
}

async function readPeftConfig(folder: string): Promise<PeftConfig> {
  let json: unknown;
  try {
    json = JSON.parse(await readText(join(folder, PEFT_CONFIG)));
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw damaged(folder, missing ? `it has no ${PEFT_CONFIG}` : `its ${PEFT_CONFIG} can't be read`, error);
  }
  const raw = typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : {};
  const type = raw['peft_type'];
  if (typeof type === 'string' && type !== 'LORA') throw notSupported(folder, `the method ${type}`);
  for (const [key, [what, when]] of Object.entries(unsupported))
    if (when(raw[key])) throw notSupported(folder, what);
  const parsed = configSchema.safeParse(raw);
  if (parsed.success) return parsed.data;
  throw damaged(folder, `"${parsed.error.issues[0]?.path.join('.')}" in its ${PEFT_CONFIG} is not valid`);
}

/** The two halves of each layer, by GGUF's name, in the file's order. */
function pairs(
  tensors: Map<string, Tensor>,
  path: string,
  shape: ModelConfig,
): Map<string, { a: Tensor; b: Tensor }> {
  const halves = new Map<string, { a?: Tensor; b?: Tensor }>();
  for (const [name, tensor] of tensors) {
    const bare = name.startsWith(PEFT_PREFIX) ? name.slice(PEFT_PREFIX.length) : name;
    const [, module, half] = /^(.+)\.lora_([AB])(?:\.default)?\.weight$/.exec(bare) ?? [];
    const known = module && ggufName(module, shape);
    if (!known) throw notSupported(path, `weights of "${bare}", which is not a linear of a block`);
    halves.set(known, { ...halves.get(known), [half === 'A' ? 'a' : 'b']: tensor });
  }
  return new Map(
    [...halves].map(([name, { a, b }]) => {
      if (!a || !b) throw damaged(path, `it lacks one half of "${transformersName(name, shape)}"`);
      return [name, { a, b }];
    }),
  );
}

interface Wanted {
  path: string;
  base: Pick<GgufFile, 'tensors' | 'path'>;
  shape: ModelConfig;
  /** The base that the adapter says it was made for. */
  asked: string | null | undefined;
}

function fitting(
  name: string,
  [a, b]: [number[], number[]],
  { path, base, shape: config, asked }: Wanted,
): Pick<AdapterLayer, 'name' | 'rank' | 'in' | 'out'> {
  const [rank, width] = a as [number, number];
  const [out, inner] = b as [number, number];
  if (a.length !== 2 || b.length !== 2 || rank !== inner || rank === 0)
    throw damaged(path, `the two halves of "${transformersName(name, config)}" do not fit each other`);
  const shape = base.tensors.get(`${name}.weight`)?.shape;
  if (shape?.[0] === out && shape[1] === width) return { name, rank, in: width, out };
  const module = transformersName(name, config);
  const why = shape
    ? `"${module}" is ${out} x ${width} in the adapter and ${shape.join(' x ')} in the base`
    : `the base has no "${module}"`;
  throw new UserError(
    'adapter-mismatch',
    `The adapter ${path}${asked ? `, made for "${asked}",` : ''} does not fit the base ${base.path}: ${why}.`,
    'Name the base that it was made for with --base.',
  );
}

/** The factor for B with which the file's alpha / rank gives the layer's own scale. */
function factor(
  { name, rank }: Pick<AdapterLayer, 'name' | 'rank'>,
  { lora_alpha: alpha, use_rslora: stabilised, alpha_pattern: alphas, rank_pattern: ranks, r }: PeftConfig,
  { alpha: fileAlpha, shape }: { alpha: number; shape: ModelConfig },
): number {
  const module = transformersName(name, shape);
  if (rank !== (matching(ranks, module) ?? r))
    throw new Error(`"${module}" has the rank ${rank}, which differs from its ${PEFT_CONFIG}`);
  const own = matching(alphas, module) ?? alpha;
  const scale = own / (stabilised ? Math.sqrt(rank) : rank);
  const given = fileAlpha / rank;
  return Math.abs(scale / given - 1) < 1e-12 ? 1 : scale / given;
}

/** The value of the first key that is the module's name or its end, which is PEFT's rule. Only names, no patterns. */
function matching(pattern: Record<string, number> | null | undefined, module: string): number | undefined {
  for (const [key, value] of Object.entries(pattern ?? {})) {
    // For PEFT, keys are regular expressions. We do not run expressions from an untrusted file.
    const name = key.replace(/^\^|\$$/g, '').replace(/\\\./g, '.');
    if (!/^[\w.]+$/.test(name)) throw notSupported(key, `the pattern "${key}" in place of a module's name`);
    if (module === name || (!key.startsWith('^') && module.endsWith(`.${name}`))) return value;
  }
  return undefined;
}

const scaled = (values: Float32Array, by: number) => (by === 1 ? values : values.map((value) => value * by));

function noWeights(folder: string): UserError {
  const pickle = existsSync(join(folder, 'adapter_model.bin'));
  if (pickle)
    return notSupported(folder, 'a pickle (adapter_model.bin), which can run any code when it is opened');
  return damaged(folder, `it has no ${PEFT_WEIGHTS}`);
}

const damaged = (path: string, why: string, cause?: unknown) =>
  new UserError(
    'adapter-damaged',
    `The adapter ${path} can't be read: ${why}.`,
    'Save it again with PEFT (save_pretrained), then import the new folder.',
    { cause },
  );

const notSupported = (path: string, what: string) =>
  new UserError(
    'adapter-unsupported',
    `The adapter ${path} has ${what}, which is not supported.`,
    'Import a plain LoRA on the linears of the blocks. Or merge this adapter with PEFT, and use the result as a base.',
  );
