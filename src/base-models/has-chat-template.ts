/** Whether a base was taught to chat: its file says how a chat is laid out. Imports little: the extension host loads it. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';

const KEY = Buffer.from('tokenizer.chat_template');
/** Metadata, the vocabulary included, are shorter; the tensors come after them. */
const MOST_BYTES = 64 * 1024 * 1024;

const known = new Map<string, Promise<boolean>>();

/** Looks for the metadata's key without reading the file as a whole. False for a file that can't be read. */
export async function hasChatTemplate(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) return false;
  const key = `${path}\n${found.size}\n${found.mtimeMs}`;
  const looking = known.get(key) ?? look(path);
  known.set(key, looking);
  return looking;
}

async function look(path: string): Promise<boolean> {
  let rest = Buffer.alloc(0);
  try {
    for await (const part of createReadStream(path, { end: MOST_BYTES, highWaterMark: 1024 * 1024 })) {
      const text = Buffer.concat([rest, part as Buffer]);
      if (text.includes(KEY)) return true;
      rest = text.subarray(-KEY.length);
    }
  } catch {
    return false;
  }
  return false;
}
