/** Maps GGUF's linears to transformers: names and row order. */
import { GEMMA_WITH_PICTURES, moduleTensors } from '../base-models/architectures.ts';
import {
  allLinearsInTransformers,
  linearsInTransformers,
  type LinearInTransformers,
} from '../base-models/transformers-names.ts';
import type { ModelConfig } from '../model/index.ts';
import { msg, UserError } from '../text/errors.ts';
import type { PeftNames } from '../protocol/export.ts';

/** Our own name for gate and up as one linear, which GGUF stores separately. */
export const GATE_UP = 'ffn_gate_up';

type NamingConfig = Pick<ModelConfig, 'architecture' | 'inTransformers'>;

const toPair = ({ name, modules }: LinearInTransformers) =>
  [modules.length > 1 ? GATE_UP : moduleTensors[modules[0]!], name] as const;

/** Each linear's name within a block, in GGUF (`blk.N.`) and in transformers. */
export const linearPairs = (config: NamingConfig): (readonly [gguf: string, transformers: string])[] =>
  linearsInTransformers(config).map(toPair);

/**
 * `blk.3.attn_q` -> `model.layers.3.self_attn.q_proj`. Throws RangeError if there is no such linear: a shared MLP has
 * GATE_UP, but neither gate nor up.
 */
export function transformersName(name: string, config: NamingConfig): string {
  const [, block, tensor] = /^blk\.(\d+)\.(\w+)$/.exec(name) ?? [];
  const [, module] = linearPairs(config).find(([gguf]) => gguf === tensor) ?? [];
  if (!module) throw new RangeError(`"${name}" is not a linear`);
  const prefix = config.inTransformers === 'language-model' ? 'model.language_model' : 'model';
  return `${prefix}.layers.${block}.${module}`;
}

/**
 * `model.layers.3.self_attn.q_proj` -> `blk.3.attn_q`; undefined if it is not a linear. Accepts all names that a base
 * of the architecture can have: with or without `model.`, within a language model (also in the order used by
 * transformers before 4.52), or of a shared MLP.
 */
export function ggufName(name: string, { architecture }: NamingConfig): string | undefined {
  const pattern = /^(?:model\.)?(?:language_model\.)?(?:model\.)?layers\.(\d+)\.(\w+\.\w+)$/;
  const [, block, module] = pattern.exec(name) ?? [];
  const pairs = allLinearsInTransformers(architecture).map(toPair);
  const [tensor] = pairs.find(([, theirs]) => theirs === module) ?? [];
  return tensor && `blk.${Number(block)}.${tensor}`;
}

/** A Gemma 3 of this size exists with and without vision, with different block names in transformers. */
const hasTwoNamings = ({ architecture, layers }: Pick<ModelConfig, 'architecture' | 'layers'>) =>
  architecture === 'gemma3' && layers >= GEMMA_WITH_PICTURES;

/** The configuration with the requested names. Throws UserError bad-argument if there is nothing to choose. */
export function applyNaming<C extends Pick<ModelConfig, 'architecture' | 'layers' | 'inTransformers'>>(
  config: C,
  names: PeftNames | undefined,
): C {
  if (names === undefined) return config;
  if (!hasTwoNamings(config))
    throw new UserError(
      'bad-argument',
      `--names is for a Gemma 3 with ${GEMMA_WITH_PICTURES} blocks or more; this base has only one kind of names.`,
      msg`Leave --names out.`,
    );
  const named = { ...config };
  if (names === 'pictures') named.inTransformers = 'language-model';
  else delete named.inTransformers;
  return named;
}

/** A note for the user about the names in a PEFT folder, if there is a choice. */
export function namingNote(config: Pick<ModelConfig, 'architecture' | 'layers' | 'inTransformers'>) {
  if (!hasTwoNamings(config)) return undefined;
  return config.inTransformers === 'language-model'
    ? msg`Its names fit a Gemma 3 that takes images (Gemma3ForConditionalGeneration). If transformers loads this base for text only (Gemma3ForCausalLM), export it with --names text.`
    : msg`Its names fit a Gemma 3 for text only (Gemma3ForCausalLM). If transformers loads this base with its part for images (Gemma3ForConditionalGeneration), export it with --names pictures.`;
}

type Heads = Pick<ModelConfig, 'ropePairing' | 'headSize'>;

/** Whether GGUF stores a linear's rows in a different order: those of q and k if RoPE pairs neighbours. */
const isPermuted = (name: string, { ropePairing }: Heads) =>
  ropePairing === 'neighbours' && /\.attn_[qk]$/.test(name);

/**
 * Reorders the rows of `name` (its weights, or LoRA's B), [rows, columns], from GGUF's order to transformers'. In
 * transformers, RoPE rotates component i of a head with i + headSize / 2. For architectures whose pairs are neighbours,
 * llama.cpp's converter interleaves the two halves (`permute` in convert_hf_to_gguf.py).
 */
export function rowsToTransformers(
  name: string,
  values: Float32Array,
  columns: number,
  heads: Heads,
): Float32Array {
  return isPermuted(name, heads) ? moveRows(values, columns, heads.headSize, 'apart') : values;
}

/** Inverse of rowsToTransformers. */
export function rowsToGguf(name: string, values: Float32Array, columns: number, heads: Heads): Float32Array {
  return isPermuted(name, heads) ? moveRows(values, columns, heads.headSize, 'together') : values;
}

function moveRows(
  values: Float32Array,
  columns: number,
  headSize: number,
  pairs: 'apart' | 'together',
): Float32Array {
  const reordered = new Float32Array(values.length);
  const half = headSize / 2;
  for (let row = 0; row < values.length / columns; row++) {
    const within = row % headSize;
    const neighbours = 2 * (within % half) + Math.floor(within / half);
    const [from, to] = [row - within + neighbours, row];
    const [source, target] = pairs === 'apart' ? [from, to] : [to, from];
    reordered.set(values.subarray(source * columns, (source + 1) * columns), target * columns);
  }
  return reordered;
}
