/**
 * The safetensors format: u64 header length, JSON header, raw little-endian data. Implements only what checkpoints and
 * PEFT need.
 */
import { open, type FileHandle } from 'node:fs/promises';
import { z } from 'zod';
import { dequantise } from '../gguf/index.ts';
import { byteLengthOf, elementCount } from '../gguf/types.ts';
import { openRegular, readExactly } from '../platform/files/regular-file.ts';
import { readValues, type LazyValues, type Values } from './values.ts';

const size = z.int().min(0);
const entrySchema = z.object({
  dtype: z.enum(['F32', 'F16', 'BF16']),
  shape: z.array(size),
  data_offsets: z.tuple([size, size]),
});
type Entry = z.infer<typeof entrySchema>;
/** The format's own limit, far above any header. */
const MAX_HEADER_LENGTH = 100_000_000;

export interface Tensor {
  shape: number[];
  data: LazyValues;
}

/** Writes F32, one tensor at a time in the map's order, and syncs. The output is deterministic. */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, { shape: readonly number[]; data: Values }>,
  metadata: Record<string, string> = {},
): Promise<void> {
  const header: Record<string, Entry | Record<string, string>> = {};
  if (Object.keys(metadata).length) header['__metadata__'] = metadata;
  let offset = 0;
  for (const [name, { shape, data }] of tensors) {
    const end = offset + 4 * data.length;
    header[name] = { dtype: 'F32', shape: [...shape], data_offsets: [offset, end] };
    offset = end;
  }
  const json = Buffer.from(JSON.stringify(header));
  // The format requires data aligned to 8 bytes and allows the header to end in spaces.
  const text = Buffer.concat([json, Buffer.alloc(-json.length & 7, ' ')]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));

  const file = await open(path, 'w');
  try {
    await file.writev([length, text]);
    for (const { data } of tensors.values()) {
      const values = await readValues(data);
      await file.writeFile(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * The tensors of a file, each read on demand, because a checkpoint may not fit into memory in addition to the model.
 * Throws an Error if lengths, types or offsets are inconsistent, and like openRegular.
 */
export async function readSafetensors(path: string): Promise<Map<string, Tensor>> {
  const { header, base, size } = await readHeader(path);
  const tensors = new Map<string, Tensor>();
  for (const [name, entry] of Object.entries(header)) {
    const parsed = entrySchema.safeParse(entry);
    if (!parsed.success) throw new Error(`${path}: the description of tensor ${name} can't be read`);
    const { dtype, shape, data_offsets: offsets } = parsed.data;
    const [from, to] = offsets.map((offset) => base + offset) as [number, number];
    const length = elementCount(shape);
    if (to - from !== byteLengthOf(dtype, length) || to > size)
      throw new Error(`${path}: tensor ${name} does not fit the file`);
    const read = () =>
      withFile(path, async (file) => dequantise(dtype, await readPart(file, path, from, to - from), length));
    tensors.set(name, { shape, data: { length, read } });
  }
  return tensors;
}

/** `base`: offset of the data in the file. */
function readHeader(path: string): Promise<{ header: Record<string, unknown>; base: number; size: number }> {
  return withFile(path, async (file) => {
    const { size } = await file.stat();
    if (size < 8) throw new Error(`${path} is too short for safetensors`);
    const length = Number((await readPart(file, path, 0, 8)).readBigUInt64LE());
    if (length > Math.min(size - 8, MAX_HEADER_LENGTH)) throw new Error(`${path} ends inside its header`);
    const json = (await readPart(file, path, 8, length)).toString('utf8');
    const header = z.record(z.string(), z.unknown()).parse(JSON.parse(json));
    delete header['__metadata__'];
    return { header, base: 8 + length, size };
  });
}

async function withFile<T>(path: string, body: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await openRegular(path);
  try {
    return await body(file);
  } finally {
    await file.close();
  }
}

async function readPart(file: FileHandle, path: string, at: number, length: number): Promise<Buffer> {
  const bytes = await readExactly(file, at, length, () => new Error(`${path} ended early`));
  return Buffer.from(bytes.buffer);
}
