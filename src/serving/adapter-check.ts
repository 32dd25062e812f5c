/** Before a file is offered: is it what it says, and does the adapter fit the base? Reads headers only. */
import { access } from 'node:fs/promises';
import { reportError, UserError } from '../protocol/errors.ts';

interface Header {
  architecture: string;
  name: string;
  metadata: Record<string, unknown>;
  /** Dimensions in GGUF's order: columns first. */
  tensors: Map<string, number[]>;
}

/** Throws UserError `base-not-found` or `base-not-gguf`. */
export async function checkModel(path: string): Promise<void> {
  try {
    await access(path);
  } catch {
    throw new UserError(
      'base-not-found',
      `There is no model file ${path}.`,
      'Check the path, or run "forget-me-not models".',
    );
  }
  await readHeader(path, 'base-not-gguf', 'Choose another file, or fetch the model again.');
}

/**
 * Throws UserError `adapter-damaged` for what is no whole GGUF LoRA adapter, `adapter-mismatch` for one that was made
 * for another base; the message names both.
 */
export async function checkAdapter(path: string, basePath: string): Promise<void> {
  try {
    await access(path);
  } catch {
    throw new UserError(
      'adapter-damaged',
      `There is no adapter file ${path}.`,
      'Check the path, or export the adapter again from its run.',
    );
  }
  const adapter = await readHeader(path, 'adapter-damaged', 'Export it again from its run.');
  if (adapter.metadata['general.type'] !== 'adapter' || adapter.metadata['adapter.type'] !== 'lora')
    throw new UserError(
      'adapter-damaged',
      `${path} is a GGUF file but no LoRA adapter.`,
      'Use --model for a whole model.',
    );
  const base = await readHeader(basePath, 'base-not-gguf', 'Choose another base.');
  const why = mismatch(adapter, base);
  if (!why) return;
  const madeFor = adapter.metadata['general.base_model.0.name'];
  throw new UserError(
    'adapter-mismatch',
    `The adapter ${path}${typeof madeFor === 'string' ? ` (made for ${madeFor})` : ` (${adapter.name})`} does not fit the base ${basePath} (${base.name}): ${why}.`,
    'Serve it on the base that it was trained on.',
  );
}

/** Why an adapter can't go on a base, or undefined. */
function mismatch(adapter: Header, base: Header): string | undefined {
  if (adapter.architecture !== base.architecture)
    return `one is of architecture ${adapter.architecture}, the other ${base.architecture}`;
  for (const [name, a] of adapter.tensors) {
    if (!name.endsWith('.lora_a')) continue;
    const target = name.slice(0, -'.lora_a'.length);
    const weight = base.tensors.get(target);
    if (!weight) return `the base has no ${target}`;
    const b = adapter.tensors.get(`${target}.lora_b`);
    // W is [out, in]; A [rank, in]; B [out, rank]. GGUF stores the inner dimension first.
    if (a[0] !== weight[0] || b?.[1] !== weight[1] || a[1] !== b?.[0])
      return `${target} is ${weight.join(' x ')} in the base, and the adapter's factors are ${a.join(' x ')} and ${b?.join(' x ') ?? 'missing'}`;
  }
  return undefined;
}

async function readHeader(
  path: string,
  code: 'base-not-gguf' | 'adapter-damaged',
  next: string,
): Promise<Header> {
  const { readGgufFileInfo } = await import('node-llama-cpp');
  try {
    const info = await readGgufFileInfo(path, {
      sourceType: 'filesystem',
      logWarnings: false,
      spliceSplitFiles: false,
    });
    const metadata = flatten(info.metadata);
    const text = (key: string) => (typeof metadata[key] === 'string' ? metadata[key] : 'unnamed');
    return {
      architecture: text('general.architecture'),
      name: text('general.name'),
      metadata,
      tensors: new Map(
        (info.fullTensorInfo ?? []).map((tensor) => [tensor.name, tensor.dimensions.map(Number)]),
      ),
    };
  } catch (error) {
    throw new UserError(code, `${path} can't be read as GGUF: ${reportError(error).message}`, next, {
      cause: error,
    });
  }
}

/** Keys as the file has them; long arrays (the vocabulary) stay as they are. */
function flatten(value: object, prefix = ''): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]: [string, unknown]) =>
      inner !== null && typeof inner === 'object' && !Array.isArray(inner)
        ? Object.entries(flatten(inner, `${prefix}${key}.`))
        : [[`${prefix}${key}`, inner]],
    ),
  );
}
