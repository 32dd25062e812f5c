/** LoRA adapters as GGUF files, which llama.cpp loads on top of a base. Format: llama.cpp's convert_lora_to_gguf.py. */
import { reportError, UserError } from '../text/errors.ts';
import { msg, type Text } from '../text/message.ts';
import {
  openGguf,
  typeOf,
  writeGguf,
  type GgufFile,
  type MetadataEntry,
  type TensorSource,
} from '../gguf/index.ts';

/** One adapted matrix W [out, in]: W + (alpha / rank) B A. */
export interface AdapterLayer {
  /** Name of the base's tensor without ".weight", such as `blk.0.attn_q`. */
  name: string;
  /** Row-major [rank, in]. */
  a: Float32Array;
  /** Row-major [out, rank]. */
  b: Float32Array;
  rank: number;
  in: number;
  out: number;
}

interface NewAdapter {
  architecture: string;
  alpha: number;
  layers: readonly AdapterLayer[];
  /** SHA-256 of the base it was trained on. */
  baseSha256?: string;
}
/** For the result of a run that began with an adapter: its strength, if not 1 (strength.ts). Copies do not keep it. */
interface StrengthOf {
  strength?: number | undefined;
}
export type Adapter = Omit<NewAdapter, 'layers'> & { layers: AdapterLayer[] };

const keys = {
  base: 'forget_me_not.base_sha256',
  strength: 'forget_me_not.strength',
  alpha: 'adapter.lora.alpha',
};

/** Writes the adapter, deterministically. Throws like writeGguf. */
export async function exportAdapterGguf(
  path: string,
  { architecture, alpha, layers, baseSha256, strength }: NewAdapter & StrengthOf,
  type: 'F32' | 'F16' = 'F32',
): Promise<void> {
  const text = (value: string): MetadataEntry => ({ type: 'string', value });
  const metadata: [string, MetadataEntry][] = [
    ['general.architecture', text(architecture)],
    ['general.type', text('adapter')],
    ['adapter.type', text('lora')],
    [keys.alpha, { type: 'float32', value: alpha }],
  ];
  if (baseSha256) metadata.push([keys.base, text(baseSha256)]);
  if (strength !== undefined) metadata.push([keys.strength, { type: 'float64', value: strength }]);
  const tensors = layers.flatMap((layer): TensorSource[] => [
    { name: `${layer.name}.weight.lora_a`, shape: [layer.rank, layer.in], type, data: layer.a },
    { name: `${layer.name}.weight.lora_b`, shape: [layer.out, layer.rank], type, data: layer.b },
  ]);
  await writeGguf(path, { metadata, tensors });
}

/**
 * Reads an adapter written by us or another tool and checks that it fits `base`, if given. Throws UserError
 * `adapter-damaged` if it is not a complete LoRA adapter, `adapter-mismatch` if it is for another base.
 */
export async function readAdapterGguf(
  path: string,
  base?: Pick<GgufFile, 'metadata' | 'tensors' | 'path'>,
): Promise<Adapter> {
  const file = await openAdapter(path);
  try {
    const { metadata } = file;
    await checkTypes(file);
    const alpha = getAlpha(file);
    const text = (key: string) => (typeof metadata[key] === 'string' ? metadata[key] : undefined);
    const pairs = pairTensors(file);
    const architecture = text('general.architecture') ?? '';
    if (base) checkBase(path, architecture, pairs, base);
    const layers: AdapterLayer[] = [];
    for (const pair of pairs) {
      const a = await file.readF32(`${pair.name}.weight.lora_a`);
      const b = await file.readF32(`${pair.name}.weight.lora_b`);
      layers.push({ ...pair, a, b });
    }
    const baseSha256 = text(keys.base);
    return { architecture, ...asScaled(alpha, layers), ...(baseSha256 ? { baseSha256 } : {}) };
  } finally {
    await file.close();
  }
}

/** The adapter's alpha (a layer's scale is alpha / rank) and its strength. Reads no weights. Errors: adapter-damaged. */
export async function readAdapterScale(path: string): Promise<Pick<Adapter, 'alpha'> & StrengthOf> {
  const file = await openAdapter(path);
  await file.close();
  const strength = file.metadata[keys.strength];
  return { alpha: getAlpha(file), ...(typeof strength === 'number' && { strength }) };
}

const openAdapter = (path: string): Promise<GgufFile> =>
  openGguf(path).catch((error: unknown) => {
    throw damaged(path, reportError(error).message, error);
  });

/** llama.cpp aborts the process if one of these has another type. */
const requiredTypes = {
  'general.type': 'string',
  'general.architecture': 'string',
  'adapter.type': 'string',
  [keys.alpha]: 'float32',
} as const;

async function checkTypes(file: GgufFile): Promise<void> {
  const entries = await file.copyMetadata();
  for (const [key, type] of Object.entries(requiredTypes)) {
    const entry = entries.get(key);
    if (entry && typeOf(entry) !== type)
      throw damaged(file.path, msg`In the adapter ${file.path}, "${key}" is not of the type ${type}.`);
  }
}

function getAlpha({ path, metadata }: GgufFile): number {
  if (metadata['general.type'] !== 'adapter' || metadata['adapter.type'] !== 'lora')
    throw damaged(path, msg`${path} is a GGUF file but not a LoRA adapter.`);
  const alpha = Number(metadata[keys.alpha]);
  if (!Number.isFinite(alpha) || alpha < 0)
    throw damaged(path, msg`The adapter ${path} has no usable alpha.`);
  return alpha;
}

export const largestRank = (layers: readonly AdapterLayer[]): number =>
  Math.max(...layers.map(({ rank }) => rank));

/** In llama.cpp, an alpha of zero means B A without scaling; sets an equivalent alpha. */
function asScaled(alpha: number, layers: AdapterLayer[]): Pick<Adapter, 'alpha' | 'layers'> {
  if (alpha !== 0) return { alpha, layers };
  const most = largestRank(layers);
  const scaled = layers.map((layer) => ({
    ...layer,
    b: layer.b.map((value) => (value * layer.rank) / most),
  }));
  return { alpha: most, layers: scaled };
}

type Pair = Pick<AdapterLayer, 'name' | 'rank' | 'in' | 'out'>;

function pairTensors({ path, tensors }: GgufFile): Pair[] {
  const pairs: Pair[] = [];
  for (const [name, { shape }] of tensors) {
    const [, layer, half] = /^(.+)\.weight\.lora_([ab])$/.exec(name) ?? [];
    if (!layer)
      throw damaged(
        path,
        msg`The adapter ${path} contains the tensor "${name}", which does not belong in a LoRA adapter.`,
      );
    const other = tensors.get(`${layer}.weight.lora_${half === 'a' ? 'b' : 'a'}`);
    if (!other) throw damaged(path, msg`The adapter ${path} lacks one half of "${layer}".`);
    if (half === 'b') continue;
    const [[rank, width], [out, innerRank]] = [shape, other.shape] as [[number, number], [number, number]];
    if (shape.length !== 2 || other.shape.length !== 2 || rank !== innerRank || !rank)
      throw damaged(path, msg`The two halves of "${layer}" in the adapter ${path} do not fit each other.`);
    pairs.push({ name: layer, rank, in: width, out });
  }
  if (pairs.length === 0) throw damaged(path, msg`The adapter ${path} is empty.`);
  return pairs;
}

function checkBase(
  path: string,
  architecture: string,
  pairs: readonly Pair[],
  base: Pick<GgufFile, 'metadata' | 'tensors' | 'path'>,
): void {
  const theirs = String(base.metadata['general.architecture']);
  if (architecture !== theirs)
    throw mismatch(path, base.path, `it is for the architecture "${architecture}", the base is "${theirs}"`);
  for (const { name, in: width, out } of pairs) {
    const shape = base.tensors.get(`${name}.weight`)?.shape;
    if (!shape) throw mismatch(path, base.path, msg`the base has no "${name}"`);
    if (shape.length !== 2 || shape[0] !== out || shape[1] !== width)
      throw mismatch(
        path,
        base.path,
        `"${name}" is ${out} x ${width} in the adapter and ${shape.join(' x ')} in the base`,
      );
  }
}

const damaged = (path: string, what: Text, cause?: unknown) =>
  new UserError('adapter-damaged', what, msg`Export it again from its run, then use the new ${path}.`, {
    cause,
  });
const mismatch = (path: string, base: string, why: Text) =>
  new UserError(
    'adapter-mismatch',
    msg`The adapter ${path} does not fit the base ${base}: ${why}.`,
    msg`Use it with the base that it was trained on.`,
  );
