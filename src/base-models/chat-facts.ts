/**
 * What a chat needs to know of a base's file: whether the base was taught to chat, and how much it reads. Imports
 * little: the extension host loads it.
 */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';

export interface ChatFacts {
  /** Whether the file says how a chat is laid out. */
  hasTemplate: boolean;
  /** Tokens, as the file says; undefined where it does not. */
  contextLength: number | undefined;
}

const TEMPLATE = Buffer.from('tokenizer.chat_template');
/** After the architecture's name. A scaled one's original length has an underscore before it. */
const CONTEXT = Buffer.from('.context_length');
/** GGUF's number of the type uint32, which comes before the value. */
const UINT32 = 4;
/** Metadata, the vocabulary included, are shorter; the tensors come after them. */
const MOST_BYTES = 64 * 1024 * 1024;
/** Kept of each part for the next one, so that no key with its value is cut. */
const OVERLAP = 64;

const known = new Map<string, Promise<ChatFacts>>();

/** Looks for the metadata's keys without reading the file as a whole. A file that can't be read has no template. */
export async function chatFacts(path: string): Promise<ChatFacts> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) return { hasTemplate: false, contextLength: undefined };
  const key = `${path}\n${found.size}\n${found.mtimeMs}`;
  const looking = known.get(key) ?? look(path);
  known.set(key, looking);
  return looking;
}

async function look(path: string): Promise<ChatFacts> {
  let rest = Buffer.alloc(0);
  let contextLength: number | undefined;
  try {
    for await (const part of createReadStream(path, { end: MOST_BYTES, highWaterMark: 1024 * 1024 })) {
      const text = Buffer.concat([rest, part as Buffer]);
      contextLength ??= contextIn(text);
      if (text.includes(TEMPLATE)) return { hasTemplate: true, contextLength };
      rest = text.subarray(-OVERLAP);
    }
  } catch {
    // As if it had none.
  }
  return { hasTemplate: false, contextLength };
}

/** The value after the key; converters write it before the vocabulary, and the template after that. */
function contextIn(text: Buffer): number | undefined {
  const at = text.indexOf(CONTEXT) + CONTEXT.length;
  if (at < CONTEXT.length || at + 8 > text.length || text.readUInt32LE(at) !== UINT32) return undefined;
  return text.readUInt32LE(at + 4);
}
