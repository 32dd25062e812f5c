/** Reads a LoRA saved by PEFT or by another tool in its format. The files are untrusted. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { GgufFile } from '../gguf/index.ts';
import { adapterAlpha, readConfig, type ModelConfig } from '../model/index.ts';
import { reportError, UserError } from '../text/errors.ts';
import { msg, type Text } from '../text/message.ts';
import type { Adapter, AdapterLayer } from './adapter.ts';
import { PEFT_CONFIG, PEFT_PREFIX, PEFT_WEIGHTS } from './peft.ts';
import { readSafetensors, type Tensor } from './safetensors.ts';
import { splitGateUp } from './gate-up.ts';
import { GATE_UP, ggufName, rowsToGguf } from './transformers.ts';
import { readText } from '../platform/files/regular-file.ts';

/** The keys of PEFT's LoraConfig that determine the meaning of the weights; the others concern training. */
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
type PeftConfig = z.infer<typeof configSchema>;

/** Keys that change the meaning of the weights in an unsupported way: the feature's name, and for which values. */
const unsupported: Record<string, [what: Text, when: (value: unknown) => boolean]> = {
  use_dora: ['DoRA', Boolean],
  use_qalora: ['QA-LoRA', Boolean],
  use_bdlora: [msg`block-diagonal LoRA`, Boolean],
  bias: ['trained biases (bias)', (value) => value !== undefined && value !== null && value !== 'none'],
  lora_bias: ['LoRA biases (lora_bias)', Boolean],
  modules_to_save: ['fully trained modules (modules_to_save)', isNonEmpty],
  trainable_token_indices: ['trained tokens (trainable_token_indices)', isNonEmpty],
  target_parameters: ['parameters that are not linears (target_parameters)', isNonEmpty],
  layer_replication: ['repeated layers (layer_replication)', isNonEmpty],
  fan_in_fan_out: ['transposed weights (fan_in_fan_out)', Boolean],
  alora_invocation_tokens: ['activated LoRA (alora_invocation_tokens)', isNonEmpty],
  kasa_config: ['KaSA (kasa_config)', isNonEmpty],
  monteclora_config: ['MonteCLoRA (monteclora_config)', isNonEmpty],
  arrow_config: ['Arrow routing (arrow_config)', isNonEmpty],
  init_lora_weights: [
    'a modified base (init_lora_weights)',
    (value) => typeof value === 'string' && /^(pissa|olora|corda|loftq|lora_ga)/i.test(value),
  ],
};

function isNonEmpty(value: unknown): boolean {
  return Array.isArray(value)
    ? value.length > 0
    : typeof value === 'object' && value !== null && Object.keys(value).length > 0;
}

/**
 * Reads the adapter in `folder` for `base`, with rows in GGUF's order. If layers differ in alpha or rank, B is scaled
 * so that one alpha holds for all. Throws UserError `adapter-damaged`, `adapter-unsupported` (names the feature) or
 * `adapter-mismatch` (names both), and like readConfig.
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
    for (const [name, { a, b, module }] of pairs(await readSafetensors(path), path, shape)) {
      const asked = config.base_model_name_or_path;
      const layer = checkFit({ name, module }, [a.shape, b.shape], { path, base, asked });
      const values = rowsToGguf(name, await b.data.read(), layer.rank, shape);
      const scale = layerScale(layer.rank, module, config);
      const complete = { ...layer, a: await a.data.read(), b: values };
      for (const part of name.endsWith(GATE_UP) ? splitGateUp(complete) : [complete])
        layers.push({ ...part, b: scaleValues(part.b, scale / (alpha / part.rank)) });
    }
    if (layers.length === 0) throw damaged(folder, msg`it is empty`);
    // For example, separate gate and up in addition to the joined ones.
    const duplicate = layers.find(({ name }, i) => layers.findIndex((other) => other.name === name) < i);
    if (duplicate) throw damaged(folder, `it has weights of "${duplicate.name}" twice`);
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
  const isObject = typeof json === 'object' && json !== null && !Array.isArray(json);
  const raw = isObject ? (json as Record<string, unknown>) : {};
  const type = raw['peft_type'];
  if (typeof type === 'string' && type !== 'LORA') throw notSupported(folder, `the method ${type}`);
  for (const [key, [what, isUnsupported]] of Object.entries(unsupported))
    if (isUnsupported(raw[key])) throw notSupported(folder, what);
  const parsed = configSchema.safeParse(raw);
  if (parsed.success) return parsed.data;
  throw damaged(folder, `"${parsed.error.issues[0]?.path.join('.')}" in its ${PEFT_CONFIG} is not valid`);
}

/** A and B of each layer, by GGUF name, in file order, with the file's own name of the module. */
function pairs(
  tensors: Map<string, Tensor>,
  path: string,
  shape: ModelConfig,
): Map<string, { a: Tensor; b: Tensor; module: string }> {
  const halves = new Map<string, { a?: Tensor; b?: Tensor; module: string }>();
  for (const [name, tensor] of tensors) {
    const bare = name.startsWith(PEFT_PREFIX) ? name.slice(PEFT_PREFIX.length) : name;
    const [, module, half] = /^(.+)\.lora_([AB])(?:\.default)?\.weight$/.exec(bare) ?? [];
    const ggufModule = module && ggufName(module, shape);
    if (!ggufModule) throw notSupported(path, `weights of "${bare}", which is not a linear of a block`);
    halves.set(ggufModule, { ...halves.get(ggufModule), module, [half === 'A' ? 'a' : 'b']: tensor });
  }
  return new Map(
    [...halves].map(([name, { a, b, module }]) => {
      if (!a || !b) throw damaged(path, `it lacks one half of "${module}"`);
      return [name, { a, b, module }];
    }),
  );
}

interface FitContext {
  path: string;
  base: Pick<GgufFile, 'tensors' | 'path'>;
  /** The base named in the adapter's configuration. */
  asked: string | null | undefined;
}

function checkFit(
  { name, module }: { name: string; module: string },
  [a, b]: [number[], number[]],
  { path, base, asked }: FitContext,
): Pick<AdapterLayer, 'name' | 'rank' | 'in' | 'out'> {
  const [rank, width] = a as [number, number];
  const [out, inner] = b as [number, number];
  if (a.length !== 2 || b.length !== 2 || rank !== inner || rank === 0)
    throw damaged(path, `the two halves of "${module}" do not fit each other`);
  const shape = baseShape(base, name);
  if (shape?.[0] === out && shape[1] === width) return { name, rank, in: width, out };
  const why = shape
    ? `"${module}" is ${out} x ${width} in the adapter and ${shape.join(' x ')} in the base`
    : msg`the base has no "${module}"`;
  throw new UserError(
    'adapter-mismatch',
    asked
      ? msg`The adapter ${path}, made for "${asked}", does not fit the base ${base.path}: ${why}.`
      : msg`The adapter ${path} does not fit the base ${base.path}: ${why}.`,
    msg`Name the base that it was made for with --base.`,
  );
}

/** [out, in] of a linear in the base, including joined gate and up. */
function baseShape({ tensors }: FitContext['base'], name: string): readonly number[] | undefined {
  const tensorShape = (linear: string) => tensors.get(`${linear}.weight`)?.shape;
  if (!name.endsWith(GATE_UP)) return tensorShape(name);
  const [gate, up] = ['ffn_gate', 'ffn_up'].map((part) => tensorShape(name.replace(GATE_UP, part)));
  return gate && up && [gate[0]! + up[0]!, gate[1]!];
}

function layerScale(
  rank: number,
  module: string,
  { lora_alpha: alpha, use_rslora: stabilised, alpha_pattern: alphas, rank_pattern: ranks, r }: PeftConfig,
): number {
  if (rank !== (matchPattern(ranks, module) ?? r))
    throw new Error(`"${module}" has the rank ${rank}, which differs from its ${PEFT_CONFIG}`);
  return (matchPattern(alphas, module) ?? alpha) / (stabilised ? Math.sqrt(rank) : rank);
}

/** The value of the first key that equals the module's name or its end, as in PEFT. Only names, no patterns. */
function matchPattern(
  pattern: Record<string, number> | null | undefined,
  module: string,
): number | undefined {
  for (const [key, value] of Object.entries(pattern ?? {})) {
    // In PEFT, keys are regular expressions; those of an untrusted file are not executed.
    const name = key.replace(/^\^|\$$/g, '').replace(/\\\./g, '.');
    if (!/^[\w.]+$/.test(name)) throw notSupported(key, `the pattern "${key}" in place of a module's name`);
    if (module === name || (!key.startsWith('^') && module.endsWith(`.${name}`))) return value;
  }
  return undefined;
}

const scaleValues = (values: Float32Array, by: number) =>
  Math.abs(by - 1) < 1e-12 ? values : values.map((value) => value * by);

function noWeights(folder: string): UserError {
  const pickle = existsSync(join(folder, 'adapter_model.bin'));
  if (pickle)
    return notSupported(folder, 'a pickle (adapter_model.bin), which can run arbitrary code when opened');
  return damaged(folder, `it has no ${PEFT_WEIGHTS}`);
}

const damaged = (path: string, why: Text, cause?: unknown) =>
  new UserError(
    'adapter-damaged',
    msg`The adapter ${path} can't be read: ${why}.`,
    msg`Save it again with PEFT (save_pretrained), then import the new folder.`,
    { cause },
  );

const notSupported = (path: string, what: Text) =>
  new UserError(
    'adapter-unsupported',
    msg`The adapter ${path} has ${what}, which is not supported.`,
    msg`Import a plain LoRA on the linears of the blocks. Or merge this adapter with PEFT, and use the result as a base.`,
  );
