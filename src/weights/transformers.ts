/** Names of GGUF's linears in transformers, and the order of their rows there. */
import { GEMMA_WITH_PICTURES, moduleTensors } from '../base-models/architectures.ts';
import {
  allLinearsInTransformers,
  linearsInTransformers,
  type LinearInTransformers,
} from '../base-models/transformers-names.ts';
import type { ModelConfig } from '../model/index.ts';
import { msg, UserError } from '../text/errors.ts';
import type { PeftNames } from '../protocol/export.ts';

/** Gate and up as one linear, a name of our own: GGUF has them apart. */
export const GATE_UP = 'ffn_gate_up';

type Named = Pick<ModelConfig, 'architecture' | 'inTransformers'>;

const pairOf = ({ name, modules }: LinearInTransformers) =>
  [modules.length > 1 ? GATE_UP : moduleTensors[modules[0]!], name] as const;

/** Each linear's name in GGUF within `blk.N.`, and in transformers within a block. */
export const linearPairs = (config: Named): (readonly [gguf: string, transformers: string])[] =>
  linearsInTransformers(config).map(pairOf);

/**
 * `blk.3.attn_q` -> `model.layers.3.self_attn.q_proj`. Throws RangeError if the name is not a linear there: of a shared
 * MLP, GATE_UP is one, and gate and up are none.
 */
export function transformersName(name: string, config: Named): string {
  const [, block, tensor] = /^blk\.(\d+)\.(\w+)$/.exec(name) ?? [];
  const [, module] = linearPairs(config).find(([gguf]) => gguf === tensor) ?? [];
  if (!module) throw new RangeError(`"${name}" is not a linear`);
  const within = config.inTransformers === 'language-model' ? 'model.language_model' : 'model';
  return `${within}.layers.${block}.${module}`;
}

/**
 * `model.layers.3.self_attn.q_proj` -> `blk.3.attn_q`; undefined if it is not a linear. Takes all names that a base of
 * the architecture can have: with or without `model.`, in a language model (also in transformers' order of before
 * 4.52), of a shared MLP.
 */
export function ggufName(name: string, { architecture }: Named): string | undefined {
  const place = /^(?:model\.)?(?:language_model\.)?(?:model\.)?layers\.(\d+)\.(\w+\.\w+)$/;
  const [, block, module] = place.exec(name) ?? [];
  const known = allLinearsInTransformers(architecture).map(pairOf);
  const [tensor] = known.find(([, theirs]) => theirs === module) ?? [];
  return tensor && `blk.${Number(block)}.${tensor}`;
}

/** Gemma 3 of this size exists with pictures and without, and transformers names the blocks of each otherwise. */
const isNamedTwice = ({ architecture, layers }: Pick<ModelConfig, 'architecture' | 'layers'>) =>
  architecture === 'gemma3' && layers >= GEMMA_WITH_PICTURES;

/** The configuration with the names that were asked for. Errors: bad-argument where there is nothing to choose. */
export function withNames<C extends Pick<ModelConfig, 'architecture' | 'layers' | 'inTransformers'>>(
  config: C,
  names: PeftNames | undefined,
): C {
  if (names === undefined) return config;
  if (!isNamedTwice(config))
    throw new UserError(
      'bad-argument',
      `--names is for a Gemma 3 of ${GEMMA_WITH_PICTURES} blocks or more; this base has one kind of names.`,
      msg`Leave --names out.`,
    );
  const named = { ...config };
  if (names === 'pictures') named.inTransformers = 'language-model';
  else delete named.inTransformers;
  return named;
}

/** What to know of the names of a PEFT folder, if there is a choice. */
export function noteOfNames(config: Pick<ModelConfig, 'architecture' | 'layers' | 'inTransformers'>) {
  if (!isNamedTwice(config)) return undefined;
  return config.inTransformers === 'language-model'
    ? msg`Its names fit a Gemma 3 that sees pictures (Gemma3ForConditionalGeneration). If transformers loads this base for text only (Gemma3ForCausalLM), export it with --names text.`
    : msg`Its names fit a Gemma 3 for text only (Gemma3ForCausalLM). If transformers loads this base with its part for pictures (Gemma3ForConditionalGeneration), export it with --names pictures.`;
}

type Heads = Pick<ModelConfig, 'ropePairing' | 'headSize'>;

/** Whether GGUF has the rows of a linear in another order: q and k, if RoPE pairs neighbours. */
const isPermuted = (name: string, { ropePairing }: Heads) =>
  ropePairing === 'neighbours' && /\.attn_[qk]$/.test(name);

/**
 * Changes the rows of `name` (its weights, or LoRA's B), [rows, columns], from GGUF's order to transformers'. In
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

/** The reverse of rowsToTransformers. */
export function rowsToGguf(name: string, values: Float32Array, columns: number, heads: Heads): Float32Array {
  return isPermuted(name, heads) ? moveRows(values, columns, heads.headSize, 'together') : values;
}

function moveRows(
  values: Float32Array,
  columns: number,
  headSize: number,
  pairs: 'apart' | 'together',
): Float32Array {
  const moved = new Float32Array(values.length);
  const half = headSize / 2;
  for (let row = 0; row < values.length / columns; row++) {
    const within = row % headSize;
    const neighbours = 2 * (within % half) + Math.floor(within / half);
    const [from, to] = [row - within + neighbours, row];
    const [source, target] = pairs === 'apart' ? [from, to] : [to, from];
    moved.set(values.subarray(source * columns, (source + 1) * columns), target * columns);
  }
  return moved;
}
