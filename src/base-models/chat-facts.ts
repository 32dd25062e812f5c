/**
 * What chat needs to know about a base's file: whether it has a chat template, and its context length. Imports little,
 * because the extension host loads it.
 */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';

export interface ChatFacts {
  /** Whether the file has a chat template. */
  hasTemplate: boolean;
  /** In tokens; undefined if the file does not say. */
  contextLength: number | undefined;
}

const TEMPLATE = Buffer.from('tokenizer.chat_template');
/**
 * Suffix of the key, after the architecture's name. The original length of a scaled model has an underscore before it.
 */
const CONTEXT = Buffer.from('.context_length');
/** GGUF's id of the type uint32, which precedes the value. */
const UINT32 = 4;
/** Upper bound of the metadata, including the vocabulary; the tensors come after it. */
const MAX_BYTES = 64 * 1024 * 1024;
/** Bytes of each chunk that are prepended to the next, so that no key and its value are split. */
const OVERLAP = 64;

const cache = new Map<string, Promise<ChatFacts>>();

/** Searches for the metadata keys without reading the whole file. A file that can't be read has no template. */
export async function chatFacts(path: string): Promise<ChatFacts> {
  const stats = await stat(path).catch(() => undefined);
  if (!stats?.isFile()) return { hasTemplate: false, contextLength: undefined };
  const key = `${path}\n${stats.size}\n${stats.mtimeMs}`;
  const pending = cache.get(key) ?? readFacts(path);
  cache.set(key, pending);
  return pending;
}

async function readFacts(path: string): Promise<ChatFacts> {
  let rest = Buffer.alloc(0);
  let contextLength: number | undefined;
  try {
    for await (const part of createReadStream(path, { end: MAX_BYTES, highWaterMark: 1024 * 1024 })) {
      const text = Buffer.concat([rest, part as Buffer]);
      contextLength ??= contextLengthIn(text);
      if (text.includes(TEMPLATE)) return { hasTemplate: true, contextLength };
      rest = text.subarray(-OVERLAP);
    }
  } catch {
    // Treated as having none.
  }
  return { hasTemplate: false, contextLength };
}

/** The value after the key. Converters write it before the vocabulary, and the template after it. */
function contextLengthIn(text: Buffer): number | undefined {
  const at = text.indexOf(CONTEXT) + CONTEXT.length;
  if (at < CONTEXT.length || at + 8 > text.length || text.readUInt32LE(at) !== UINT32) return undefined;
  return text.readUInt32LE(at + 4);
}
