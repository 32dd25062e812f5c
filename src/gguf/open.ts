/** Reads a GGUF file. Model files are untrusted, so every length is checked against the file's size. */
import type { FileHandle } from 'node:fs/promises';
import { gguf, type GGUFTensorInfo } from '@huggingface/gguf';
import { UserError } from '../text/errors.ts';
import { msg, type Text } from '../text/message.ts';
import { whyNotAFile } from '../text/not-a-file.ts';
import { openRegular, readExactly } from '../platform/files/regular-file.ts';
import { dequantise } from './dequantise.ts';
import { sliceMetadata } from './raw-metadata.ts';
import {
  elementCount,
  byteLengthOf,
  DEFAULT_ALIGNMENT,
  isReadable,
  tensorTypeName,
  tensorTypeNames,
  tensorTypes,
  type TensorType,
  type TypedMetadata,
} from './types.ts';

export interface GgufTensor {
  /** Row-major: [rows, columns]. GGUF itself stores the columns first. */
  shape: number[];
  type: TensorType;
  /** Bytes from the start of the file. */
  offset: number;
  byteLength: number;
}

export interface GgufFile {
  readonly path: string;
  /** File size in bytes. */
  readonly size: number;
  readonly metadata: Record<string, unknown>;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
  /** A tensor's bytes as stored. Throws UserError `base-truncated` if it is missing or the file has shrunk. */
  readBytes(name: string): Promise<Uint8Array>;
  /** A tensor's values, row-major. Throws like readBytes. */
  readF32(name: string): Promise<Float32Array>;
  /** All metadata in file order, for `writeGguf` to copy unchanged. */
  copyMetadata(): Promise<TypedMetadata>;
  close(): Promise<void>;
}

/**
 * Reads and checks the header; tensors are read on demand. Close the file after use.
 * Throws UserError `base-not-found`, `base-not-gguf`, `base-truncated` (something lies past the file's end) or
 * `base-unsupported-quantisation`.
 */
export async function openGguf(path: string): Promise<GgufFile> {
  const file = await openFile(path);
  try {
    const { size } = await file.stat();
    await checkMagic(file, path);
    const header = await parseHeader(path, size);
    checkWhole(path, header.metadata);
    const dataStart = Number(header.tensorDataOffset);
    const alignment = Number(header.metadata['general.alignment'] ?? DEFAULT_ALIGNMENT);
    const tensors = new Map<string, GgufTensor>();
    for (const info of header.tensorInfos) {
      if (tensors.has(info.name)) throw damaged(path, `the tensor "${info.name}" occurs twice`);
      tensors.set(info.name, checkTensor(info, { path, size, dataStart, alignment }));
    }
    return openedFile(file, path, size, header, tensors);
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Calls `work` with an open file, and closes it. Throws like openGguf and `work`. */
export async function withGguf<T>(path: string, work: (file: GgufFile) => T | Promise<T>): Promise<T> {
  const file = await openGguf(path);
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}

/** A file's metadata and the places of its tensors; the file is closed. Throws like openGguf. */
export const readHeader = (path: string): Promise<GgufFile> => withGguf(path, (file) => file);

type Header = Awaited<ReturnType<typeof parseHeader>>;

function openedFile(
  file: FileHandle,
  path: string,
  size: number,
  header: Header,
  tensors: Map<string, GgufTensor>,
): GgufFile {
  // No prototype, because the keys come from the file.
  const metadata = Object.assign(Object.create(null) as Record<string, unknown>, header.metadata);
  for (const key of ['version', 'tensor_count', 'kv_count']) delete metadata[key];
  const tensorOf = (name: string) => {
    const tensor = tensors.get(name);
    if (!tensor) throw new UserError('base-truncated', msg`${path} has no tensor "${name}".`, fetchAgain);
    return tensor;
  };
  // The file may have shrunk since it was opened.
  const read = (offset: number, length: number) =>
    readExactly(file, offset, length, (byte) => truncated(path, msg`it ends at byte ${byte}`));
  const readBytes = (name: string) => {
    const { offset, byteLength } = tensorOf(name);
    return read(offset, byteLength);
  };
  return {
    path,
    size,
    metadata,
    tensors,
    readBytes,
    async readF32(name) {
      const { type, shape } = tensorOf(name);
      return dequantise(type, await readBytes(name), elementCount(shape));
    },
    copyMetadata: async () => sliceMetadata(await read(0, header.tensorInfoByteRange[0])),
    close: () => file.close(),
  };
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await openRegular(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UserError(
      'base-not-found',
      code === 'ENOENT'
        ? msg`The model file ${path} does not exist.`
        : msg`The model file ${path} can't be read (${whyNotAFile(error) ?? code ?? message}).`,
      msg`Check the path, or run {models} for the known bases.`,
      { cause: error },
    );
  }
}

async function checkMagic(file: FileHandle, path: string): Promise<void> {
  const start = Buffer.alloc(8);
  const { bytesRead } = await file.read(start, 0, 8, 0);
  if (start.toString('latin1', 0, 4) !== 'GGUF')
    throw new UserError(
      'base-not-gguf',
      msg`${path} is not a GGUF file.`,
      msg`Give a model in GGUF format, a file whose name ends in .gguf.`,
    );
  if (bytesRead < 8) throw truncated(path, msg`its header is cut short`);
  const version = start.readUInt32LE(4);
  if (version !== 2 && version !== 3)
    throw new UserError(
      'base-not-gguf',
      msg`${path} is a GGUF file of ${version & 0xffff ? `version ${version}` : 'big-endian order'}, which can't be read.`,
      msg`Convert it with a recent llama.cpp, or download a newer file.`,
    );
}

async function parseHeader(path: string, size: number) {
  let header;
  try {
    header = await gguf(path, { allowLocalFile: true });
  } catch (error) {
    throw truncated(path, `its header can't be read: ${(error as Error).message}`, error);
  }
  // The parser pads the file with zeros, so a truncated header shows only in where it ends.
  if (header.tensorInfoByteRange[1] > size) throw truncated(path, msg`its header is cut short`);
  return { ...header, metadata: header.metadata as unknown as Record<string, unknown> };
}

/** Large models are often published in several files, of which each has only some of the tensors. */
function checkWhole(path: string, metadata: Record<string, unknown>): void {
  const [part, parts] = [Number(metadata['split.no'] ?? 0) + 1, Number(metadata['split.count'])];
  if (parts > 1)
    throw new UserError(
      'base-not-gguf',
      msg`${path} is part ${part} of ${parts} of a model.`,
      msg`Join the parts with llama.cpp's \`llama-gguf-split --merge\`, or choose a single file.`,
    );
}

interface Layout {
  path: string;
  size: number;
  dataStart: number;
  alignment: number;
}

function checkTensor(
  { name, shape: stored, dtype, offset: relative }: GGUFTensorInfo,
  { path, size, dataStart, alignment }: Layout,
): GgufTensor {
  const type = tensorTypeName(dtype);
  if (!isReadable(type))
    throw new UserError(
      'base-unsupported-quantisation',
      msg`${path} stores its tensor "${name}" as ${type}, which can't be read.`,
      msg`Choose a file of the model in one of ${tensorTypeNames.join(', ')}.`,
    );
  const shape = stored.map(Number).reverse();
  const count = elementCount(shape);
  if (shape.length === 0 || shape.length > 4 || !Number.isSafeInteger(count) || count === 0)
    throw damaged(path, `the tensor "${name}" has the shape [${shape.join(', ')}]`);
  if (shape.at(-1)! % tensorTypes[type].block)
    throw damaged(path, `the rows of "${name}" are not whole blocks of ${type}`);
  const offset = dataStart + Number(relative);
  if (offset % alignment) throw damaged(path, `the tensor "${name}" is not aligned`);
  const byteLength = byteLengthOf(type, count);
  if (offset + byteLength > size)
    throw truncated(path, `the tensor "${name}" ends at byte ${offset + byteLength} of ${size}`);
  return { shape, type, offset, byteLength };
}

const fetchAgain = msg`Delete the file and download it again.`;
const truncated = (path: string, why: Text, cause?: unknown) =>
  new UserError('base-truncated', msg`${path} is incomplete: ${why}.`, fetchAgain, { cause });
const damaged = (path: string, why: string) =>
  new UserError('base-not-gguf', msg`${path} is damaged: ${why}.`, fetchAgain);
