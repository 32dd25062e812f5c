/** safetensors: u64 header length, JSON header, raw little-endian data. F32 only; what checkpoints and PEFT need. */
import { open, readFile } from 'node:fs/promises';

interface Entry {
  dtype: 'F32';
  shape: number[];
  data_offsets: [number, number];
}
export interface Tensor {
  shape: number[];
  data: Float32Array;
}

/** Writes and syncs; tensors keep the map's order, so equal content gives equal bytes. */
export async function writeSafetensors(
  path: string,
  tensors: Map<string, Tensor>,
  metadata: Record<string, string> = {},
): Promise<void> {
  const header: Record<string, Entry | Record<string, string>> = {};
  if (Object.keys(metadata).length) header['__metadata__'] = metadata;
  let offset = 0;
  for (const [name, { shape, data }] of tensors) {
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const json = Buffer.from(JSON.stringify(header));
  // The format asks for data aligned to 8 bytes and lets the header end in spaces.
  const text = Buffer.concat([json, Buffer.alloc(-json.length & 7, ' ')]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));

  const file = await open(path, 'w');
  try {
    await file.writev([length, text]);
    for (const { data } of tensors.values())
      await file.write(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Reads a whole file. Throws on anything that does not add up: lengths, types, offsets. */
export async function readSafetensors(path: string): Promise<Map<string, Tensor>> {
  const bytes = await readFile(path);
  if (bytes.length < 8) throw new Error(`${path} is too short for safetensors`);
  const headerLength = Number(bytes.readBigUInt64LE(0));
  if (headerLength > bytes.length - 8) throw new Error(`${path} ends inside its header`);
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + headerLength)) as Record<string, Entry>;
  const tensors = new Map<string, Tensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const [from, to] = entry.data_offsets;
    const count = entry.shape.reduce((product, size) => product * size, 1);
    const start = 8 + headerLength + from;
    if (entry.dtype !== 'F32' || to - from !== 4 * count || 8 + headerLength + to > bytes.length)
      throw new Error(`${path}: tensor ${name} does not fit the file`);
    tensors.set(name, {
      shape: entry.shape,
      data: new Float32Array(Uint8Array.prototype.slice.call(bytes, start, start + 4 * count).buffer),
    });
  }
  return tensors;
}
