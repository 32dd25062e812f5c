/** safetensors: u64 header length, JSON header, raw little-endian data. F32 only; what checkpoints and PEFT need. */
import { open, type FileHandle } from 'node:fs/promises';
import { elementCount } from '../gguf/types.ts';
import { readValues, type LazyValues, type Values } from './values.ts';

interface Entry {
  dtype: 'F32';
  shape: number[];
  data_offsets: [number, number];
}
export interface Tensor {
  shape: number[];
  data: LazyValues;
}

/** Writes, a tensor at a time, and syncs; tensors keep the map's order, so equal content gives equal bytes. */
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
  // The format asks for data aligned to 8 bytes and lets the header end in spaces.
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
 * The tensors of a file, each to be read in its turn: a checkpoint of a large model is more than memory has room for
 * beside the model. Throws on anything that does not add up: lengths, types, offsets.
 */
export async function readSafetensors(path: string): Promise<Map<string, Tensor>> {
  const { header, base, size } = await readHeader(path);
  const tensors = new Map<string, Tensor>();
  for (const [name, { dtype, shape, data_offsets: offsets }] of Object.entries(header)) {
    const [from, to] = offsets.map((offset) => base + offset) as [number, number];
    const length = elementCount(shape);
    if (dtype !== 'F32' || from < base || to - from !== 4 * length || to > size)
      throw new Error(`${path}: tensor ${name} does not fit the file`);
    const read = () =>
      withFile(
        path,
        async (file) => new Float32Array((await readExactly(file, path, from, to - from)).buffer),
      );
    tensors.set(name, { shape, data: { length, read } });
  }
  return tensors;
}

/** `base` is where the data begins. */
function readHeader(path: string): Promise<{ header: Record<string, Entry>; base: number; size: number }> {
  return withFile(path, async (file) => {
    const { size } = await file.stat();
    if (size < 8) throw new Error(`${path} is too short for safetensors`);
    const length = Number((await readExactly(file, path, 0, 8)).readBigUInt64LE());
    if (length > size - 8) throw new Error(`${path} ends inside its header`);
    const json = (await readExactly(file, path, 8, length)).toString('utf8');
    const header = JSON.parse(json) as Record<string, Entry>;
    delete header['__metadata__'];
    return { header, base: 8 + length, size };
  });
}

async function withFile<T>(path: string, body: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path);
  try {
    return await body(file);
  } finally {
    await file.close();
  }
}

/** A buffer of its own, so that a typed array may start at its beginning. */
async function readExactly(
  file: FileHandle,
  path: string,
  at: number,
  length: number,
): Promise<Buffer<ArrayBuffer>> {
  const bytes = Buffer.from(new ArrayBuffer(length));
  for (let done = 0; done < length;) {
    const { bytesRead } = await file.read(bytes, done, Math.min(length - done, 2 ** 30), at + done);
    if (bytesRead === 0) throw new Error(`${path} ended early`);
    done += bytesRead;
  }
  return bytes;
}
