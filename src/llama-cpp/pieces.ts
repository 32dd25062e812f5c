/**
 * The bytes that each token of a vocabulary stands for, read from the GGUF. llama.cpp's own detokenizer is made for
 * chat: with some vocabularies, such as Llama 3's, it drops spaces before punctuation, which breaks code.
 */

const CONTROL = 3;
const UNKNOWN = 2;
const USER_DEFINED = 4;
const UNUSED = 5;
const BYTE = 6;

export interface Pieces {
  /** The vocabulary is byte-level: a text is exactly the bytes of its tokens, one after another. */
  readonly exact: boolean;
  /** A control token has its name's bytes if `special`, else none. */
  bytesOf(token: number, special?: boolean): Buffer;
}

/** `metadata`: of the GGUF file. */
export function readPieces(metadata: Readonly<Record<string, unknown>>): Pieces {
  const words = metadata['tokenizer.ggml.tokens'] as string[];
  const types = metadata['tokenizer.ggml.token_type'] as number[] | undefined;
  const byteLevel = metadata['tokenizer.ggml.model'] === 'gpt2';
  const plain = byteLevel ? fromByteLevel : fromSentencePiece;
  return {
    exact: byteLevel,
    bytesOf(token, special = false) {
      const word = words[token] ?? '';
      const type = types?.[token];
      if (type === CONTROL || type === UNKNOWN) return Buffer.from(special ? word : '');
      if (type === UNUSED) return Buffer.alloc(0);
      if (type === BYTE) return Buffer.from([Number.parseInt(word.slice(3, 5), 16)]);
      return type === USER_DEFINED ? Buffer.from(word) : plain(word);
    },
  };
}

/** The byte that a character stands for, by its code: GPT-2 writes bytes that can't be printed from U+0100 on. */
const bytes = new Map<number, number>();
for (let byte = 0, next = 256; byte < 256; byte += 1) {
  const printable = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  bytes.set(printable ? byte : next++, byte);
}

function fromByteLevel(word: string): Buffer {
  // A vocabulary has up to 150,000 words: nothing is made for each of their characters.
  const list = Buffer.allocUnsafe(word.length);
  for (let at = 0; at < word.length; at += 1) {
    const byte = bytes.get(word.charCodeAt(at));
    if (byte === undefined) return Buffer.from(word);
    list[at] = byte;
  }
  return list;
}

const fromSentencePiece = (word: string): Buffer => Buffer.from(word.replaceAll('\u2581', ' '));
