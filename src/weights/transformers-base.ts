/**
 * Converts a base to the files that transformers loads (config.json and model.safetensors), and weights trained from it
 * back to GGUF's names. Supports only architectures with Llama's blocks: others have additional scale factors or
 * linears.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ROPE_DIVISORS } from '../base-models/architectures.ts';
import { elementCount } from '../gguf/types.ts';
import type { GgufFile } from '../gguf/index.ts';
import { readConfig, type ModelConfig } from '../model/index.ts';
import { UserError } from '../text/errors.ts';
import { writeByRename } from '../platform/files/write-file.ts';
import { readSafetensors, writeSafetensors } from './safetensors.ts';
import { rowsToGguf, rowsToTransformers, transformersName } from './transformers.ts';
import type { LazyValues } from './values.ts';

const WEIGHTS = 'model.safetensors';

const classes: Partial<Record<ModelConfig['architecture'], string>> = {
  llama: 'LlamaForCausalLM',
  qwen2: 'Qwen2ForCausalLM',
  qwen3: 'Qwen3ForCausalLM',
};

/** Names of tensors within a block that are not linears. */
const blockNames: Readonly<Record<string, string>> = {
  attn_norm: 'input_layernorm',
  ffn_norm: 'post_attention_layernorm',
  attn_q_norm: 'self_attn.q_norm',
  attn_k_norm: 'self_attn.k_norm',
};
const topLevelNames: Readonly<Record<string, string>> = {
  'token_embd.weight': 'model.embed_tokens.weight',
  'output_norm.weight': 'model.norm.weight',
  'output.weight': 'lm_head.weight',
};

type Base = Pick<GgufFile, 'metadata' | 'tensors' | 'path' | 'readF32'>;

/**
 * Writes the base in F32 into `folder`, which it creates. Throws like readConfig, and UserError
 * `base-unsupported-architecture` for an unsupported architecture or variant.
 */
export async function writeTransformersBase(folder: string, base: Base): Promise<void> {
  const config = readConfig(base);
  const json = transformersConfig(config);
  await mkdir(folder, { recursive: true });
  const tensors = new Map<string, { shape: readonly number[]; data: LazyValues }>();
  for (const [name, { shape }] of base.tensors) {
    if (name === ROPE_DIVISORS) continue;
    const read = async () => {
      const [layer] = splitName(name);
      return rowsToTransformers(layer, await base.readF32(name), shape[1] ?? 1, config);
    };
    tensors.set(tensorName(name, config), { shape, data: { length: elementCount(shape), read } });
  }
  await writeSafetensors(join(folder, WEIGHTS), tensors, { format: 'pt' });
  await writeByRename(join(folder, 'config.json'), `${JSON.stringify(json, null, 2)}\n`);
}

/**
 * The values of model.safetensors in `folder`, by GGUF names and in GGUF's row order, each read lazily. Throws
 * UserError `run-damaged` if a tensor of the base is missing or has another shape.
 */
export async function readTransformersModel(folder: string, base: Base): Promise<Map<string, LazyValues>> {
  const config = readConfig(base);
  const trained = await readSafetensors(join(folder, WEIGHTS));
  const values = new Map<string, LazyValues>();
  for (const [name, { shape }] of base.tensors) {
    if (name === ROPE_DIVISORS) continue;
    const theirs = tensorName(name, config);
    const tensor = trained.get(theirs);
    if (tensor?.shape.join() !== shape.join())
      throw new UserError(
        'run-damaged',
        `The trained model in ${folder} has no "${theirs}" of the base's shape.`,
        'Train it again.',
      );
    const read = async () => rowsToGguf(splitName(name)[0], await tensor.data.read(), shape[1] ?? 1, config);
    values.set(name, { length: elementCount(shape), read });
  }
  return values;
}

/** `blk.0.attn_q.bias` -> `blk.0.attn_q`, `.bias`. */
function splitName(name: string): [layer: string, part: string] {
  const at = name.lastIndexOf('.');
  return [name.slice(0, at), name.slice(at)];
}

function tensorName(name: string, config: ModelConfig): string {
  const [layer, part] = splitName(name);
  const [, block, tensor] = /^blk\.(\d+)\.(\w+)$/.exec(layer) ?? [];
  if (!block) return topLevelNames[name]!;
  const other = blockNames[tensor!];
  return (other ? `model.layers.${block}.${other}` : transformersName(layer, config)) + part;
}

/** config.json of the base. */
function transformersConfig(config: ModelConfig): Record<string, unknown> {
  const { architecture, ropeFactor, ropeTheta, qkvBias } = config;
  const name = classes[architecture];
  if (!name) throw unsupported(`bases of the architecture ${architecture}`);
  // In transformers, Llama has biases on o as well, or none; Qwen2 always has them on q, k and v.
  if (Boolean(qkvBias) !== (architecture === 'qwen2'))
    throw unsupported(`a ${architecture} ${qkvBias ? 'with' : 'without'} biases on q, k and v`);
  return {
    architectures: [name],
    model_type: architecture,
    vocab_size: config.vocabularySize,
    hidden_size: config.width,
    intermediate_size: config.hiddenWidth,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    num_key_value_heads: config.kvHeads,
    head_dim: config.headSize,
    max_position_embeddings: config.contextLength,
    rms_norm_eps: config.normEpsilon,
    rope_parameters: {
      ...(ropeFactor === 1 ? { rope_type: 'default' } : { rope_type: 'linear', factor: ropeFactor }),
      rope_theta: ropeTheta,
    },
    tie_word_embeddings: config.tiedHead,
    hidden_act: 'silu',
  };
}

const unsupported = (what: string) =>
  new UserError(
    'base-unsupported-architecture',
    `PyTorch's side does not know ${what}.`,
    'Train it without --engine, or choose a Llama, a Qwen2 or a Qwen3.',
  );
