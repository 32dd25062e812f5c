/**
 * Validates the numbers in a model file's metadata against their limits and against the file's tensors. llama.cpp sizes
 * its memory by these numbers and aborts the process if some are impossible, so every file is checked before it is
 * loaded.
 */
import { typeOf, type TypedMetadata } from '../gguf/index.ts';
import { msg, UserError } from '../text/errors.ts';
import {
  architectures,
  blockTensors,
  epsilonKey,
  isArchitecture,
  lastNormTensors,
  type ArchitectureName,
  type BlockSizes,
  sameForAll,
} from './architectures.ts';

/** The part of a GGUF file that describes the model. */
export interface ModelHeader {
  path?: string;
  metadata: Readonly<Record<string, unknown>>;
  tensors: ReadonlyMap<string, { shape: readonly number[] }>;
}

type Bounds = { whole: boolean; from: number; to: number };
const whole = (from: number, to: number): Bounds => ({ whole: true, from, to });
const real = (from: number, to: number): Bounds => ({ whole: false, from, to });

/** llama.cpp's own limit, LLAMA_MAX_LAYERS. */
const MAX_BLOCKS = 512;
/** Our server's limit: a smaller context has no room for a prompt and its answer. */
const MIN_CONTEXT = 64;
const MAX_CONTEXT_TOKENS = 2 ** 27;
const WIDEST = 2 ** 24;
const MAX_HEADS = 2 ** 16;
const LARGEST_EPSILON = 0.1;

/** Far above the values of any existing model, and far below what does harm. */
const bounds: Readonly<Record<string, Bounds>> = {
  block_count: whole(1, MAX_BLOCKS),
  context_length: whole(MIN_CONTEXT, MAX_CONTEXT_TOKENS),
  embedding_length: whole(1, WIDEST),
  feed_forward_length: whole(1, WIDEST),
  nextn_predict_layers: whole(0, MAX_BLOCKS),
  expert_count: whole(0, 4096),
  expert_used_count: whole(0, 4096),
  'attention.head_count': whole(1, MAX_HEADS),
  'attention.head_count_kv': whole(1, MAX_HEADS),
  'attention.key_length': whole(1, WIDEST),
  'attention.value_length': whole(1, WIDEST),
  'attention.scale': real(0, 1e6),
  'attention.sliding_window': whole(0, MAX_CONTEXT_TOKENS),
  // Granite; llama.cpp takes 0 for "none".
  embedding_scale: real(0, 1e6),
  residual_scale: real(0, 1e6),
  logit_scale: real(0, 1e6),
  'attention.layer_norm_epsilon': real(0, LARGEST_EPSILON),
  'attention.layer_norm_rms_epsilon': real(0, LARGEST_EPSILON),
  'rope.dimension_count': whole(1, WIDEST),
  'rope.freq_base': real(1, 1e15),
  'rope.freq_base_swa': real(1, 1e15),
  'rope.scaling.factor': real(0, 1e6),
  'rope.scaling.original_context_length': whole(0, MAX_CONTEXT_TOKENS),
  'rope.scale_linear': real(0, 1e6),
};

/** Keys that every model of a supported architecture must have. */
const required = [
  'block_count',
  'context_length',
  'embedding_length',
  'feed_forward_length',
  'attention.head_count',
] as const;

/**
 * Throws UserError `base-not-gguf` if the file is not a model or a number is impossible, `base-truncated` if one is
 * missing.
 */
export function checkHyperparameters(header: ModelHeader): void {
  const { metadata } = header;
  const kind = metadata['general.type'] ?? 'model';
  if (kind !== 'model')
    throw new UserError(
      'base-not-gguf',
      msg`${header.path ?? 'The file'} is not a model: its type is "${String(kind)}".`,
      msg`Give a whole model, not an adapter or a projector.`,
    );
  const architecture = String(metadata['general.architecture']);
  for (const [key, value] of Object.entries(metadata)) {
    if (!key.startsWith(`${architecture}.`) || value === undefined) continue;
    const name = key.slice(architecture.length + 1);
    // Some architectures have one number per block, which may be 0.
    const [values, lowest] = Array.isArray(value) ? [value as unknown[], 0] : [[value], -Infinity];
    for (const item of values) checkHyperparameter(header, key, item, bounds[name], lowest);
  }
  const sizes = readSizes(header);
  if (sizes) checkHeads(header, sizes);
}

function checkHyperparameter(
  header: ModelHeader,
  key: string,
  value: unknown,
  bound: Bounds | undefined,
  lowest: number,
): void {
  const number = typeof value === 'bigint' ? Number(value) : value;
  const isNumber = typeof number === 'number';
  if (bound ? !isNumber || !isWithin(number, bound, lowest) : isNumber && !Number.isFinite(number))
    throw damaged(header, `its "${key}" is ${describeValue(value)}`);
}

function isWithin(value: number, { whole: integer, from, to }: Bounds, lowest: number): boolean {
  const low = lowest === -Infinity ? from : Math.min(from, lowest);
  return Number.isFinite(value) && value >= low && value <= to && (!integer || Number.isInteger(value));
}

interface Sizes extends BlockSizes {
  architecture: ArchitectureName;
  blocks: number;
  /** Components of a head that RoPE rotates. */
  turned: number;
  /** A mixture of experts: several MLPs per block, with different names. */
  experts: boolean;
}

/** Undefined if the architecture is not supported, or if numbers differ from block to block. */
function readSizes(header: ModelHeader): Sizes | undefined {
  const { metadata } = header;
  const architecture = metadata['general.architecture'];
  if (!isArchitecture(architecture)) return undefined;
  const get = (name: string) => sameForAll(metadata[`${architecture}.${name}`]);
  const { required: extra = [] } = architectures[architecture];
  for (const name of [...required, epsilonKey(architecture), ...extra])
    if (get(name) === undefined) throw truncated(header, `has no usable "${architecture}.${name}"`);
  if (Object.keys(bounds).some((name) => Array.isArray(get(name)))) return undefined;
  const number = (name: string, otherwise?: number) => Number(get(name) ?? otherwise);
  const [width, heads] = [number('embedding_length'), number('attention.head_count')];
  const headSize = number('attention.key_length', width / heads);
  return {
    architecture,
    blocks: number('block_count'),
    width,
    heads,
    kvHeads: number('attention.head_count_kv', heads),
    headSize,
    valueSize: number('attention.value_length', headSize),
    turned: number('rope.dimension_count', headSize),
    hiddenWidth: number('feed_forward_length'),
    experts: number('expert_count', 0) > 0,
  };
}

function checkHeads(header: ModelHeader, { width, heads, kvHeads, headSize, turned }: Sizes): void {
  if (!Number.isInteger(headSize) || headSize % 2)
    throw damaged(header, `its width of ${width} can't be divided among ${heads} heads`);
  if (heads % kvHeads)
    throw damaged(header, `its ${heads} heads can't be divided among ${kvHeads} key heads`);
  if (turned > headSize || turned % 2)
    throw damaged(header, `its RoPE rotates ${turned} of a head's ${headSize} components`);
}

/**
 * Throws UserError `base-truncated` if a tensor of a supported architecture is missing or its shape does not match the
 * metadata; llama.cpp checks other architectures itself. Call checkHyperparameters first.
 */
export function checkTensors(header: ModelHeader): void {
  const sizes = readSizes(header);
  if (!sizes) return;
  const { blocks, width } = sizes;
  const rows = header.tensors.get('token_embd.weight')?.shape[0] ?? 0;
  checkShape(header, 'token_embd.weight', [rows, width]);
  for (const [name, shape] of lastNormTensors(sizes)) checkShape(header, name, shape);
  if (header.tensors.has('output.weight')) checkShape(header, 'output.weight', [rows, width]);
  if (sizes.experts && !header.tensors.has('blk.0.ffn_gate_inp.weight'))
    throw truncated(header, 'declares experts but has none');
  // Experts' MLPs have different names.
  const shapes = [...blockTensors(sizes)].filter(
    ([name]) => !(sizes.experts && /^ffn_(gate|up|down)\b/.test(name)),
  );
  for (let block = 0; block < blocks; block += 1)
    for (const [name, shape] of shapes) checkShape(header, `blk.${block}.${name}`, shape);
}

function checkShape(header: ModelHeader, name: string, shape: readonly number[]): void {
  const actual = header.tensors.get(name)?.shape;
  if (!actual) throw truncated(header, `has no tensor "${name}"`);
  if (actual.join() !== shape.join())
    throw truncated(header, `has a tensor "${name}" of ${actual.join(' x ')}, not ${shape.join(' x ')}`);
}

const MAX_TOKENS = 2 ** 22;
const MAX_TOKEN_LENGTH = 2 ** 16;

/**
 * Throws UserError `base-not-gguf` if the file has no vocabulary, or if the vocabulary's parts are inconsistent with
 * each other or with the embedding.
 */
export function checkVocabulary(header: ModelHeader): void {
  const { metadata, tensors } = header;
  const tokens = metadata['tokenizer.ggml.tokens'];
  if (!Array.isArray(tokens) || tokens.length === 0)
    throw new UserError(
      'base-not-gguf',
      msg`${nameOf(header)} contains no vocabulary.`,
      msg`Give a whole model, not an adapter or a projector.`,
    );
  if (!isStringList(tokens)) throw damaged(header, 'its vocabulary is not made of words');
  const merges = metadata['tokenizer.ggml.merges'] ?? [];
  if (!isStringList(merges) || merges.some((merge) => !merge.includes(' ', 1)))
    throw damaged(header, 'its "tokenizer.ggml.merges" are not made of pairs');
  for (const key of ['tokenizer.ggml.token_type', 'tokenizer.ggml.scores']) {
    const values = metadata[key];
    if (values === undefined) continue;
    const fits = Array.isArray(values) && values.length === tokens.length;
    if (!fits || values.some((value) => !Number.isFinite(value)))
      throw damaged(header, `its "${key}" is not a number for each of ${tokens.length} tokens`);
  }
  const rows = tensors.get('token_embd.weight')?.shape[0];
  if (rows !== undefined && rows !== tokens.length)
    throw damaged(header, `it has ${tokens.length} tokens and embeddings for ${rows}`);
}

/** llama.cpp assumes these types without checking, and reads past the end of a list of another type. */
const listTypes: Readonly<Record<string, readonly string[]>> = {
  'tokenizer.ggml.tokens': ['string[]'],
  'tokenizer.ggml.merges': ['string[]'],
  'tokenizer.ggml.scores': ['float32[]'],
  'tokenizer.ggml.token_type': ['int32[]', 'uint32[]'],
};

/** Throws UserError `base-not-gguf` if a list of the vocabulary has a type other than the one llama.cpp assumes. */
export function checkListTypes(header: ModelHeader, entries: TypedMetadata): void {
  for (const [key, types] of Object.entries(listTypes)) {
    const entry = entries.get(key);
    const type = entry && typeOf(entry);
    if (entry && !types.includes(type ?? '')) throw damaged(header, `its "${key}" has the type ${type}`);
  }
}

/**
 * Throws UserError `base-not-gguf` if two tokens have the same bytes, because llama.cpp would abort the process. `raw`
 * is the list as stored in the file: decoded as UTF-8, different bytes could become the same text.
 */
export function checkDistinct(header: ModelHeader, raw: Uint8Array): void {
  const view = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  const seen = new Set<string>();
  // After the list's type (4 bytes), the element type (4) and the length (8).
  for (let at = 16; at < view.length;) {
    const length = Number(view.readBigUInt64LE(at));
    const token = view.toString('latin1', at + 8, at + 8 + length);
    if (seen.has(token)) throw damaged(header, `its vocabulary has the token "${token.slice(0, 20)}" twice`);
    seen.add(token);
    at += 8 + length;
  }
}

const isStringList = (value: unknown): value is string[] =>
  Array.isArray(value) &&
  value.length <= MAX_TOKENS &&
  value.every((token) => typeof token === 'string' && token.length <= MAX_TOKEN_LENGTH);

const describeValue = (value: unknown) => (typeof value === 'string' ? 'a text' : String(value).slice(0, 40));
const nameOf = ({ path }: ModelHeader) => path ?? 'The base';

const fetchAgain = msg`Delete the file and download it again.`;
const truncated = (header: ModelHeader, what: string) =>
  new UserError('base-truncated', `${nameOf(header)} ${what}.`, fetchAgain);
const damaged = (header: ModelHeader, why: string) =>
  new UserError('base-not-gguf', msg`${nameOf(header)} is damaged: ${why}.`, fetchAgain);
