/**
 * The bytes of each token in a vocabulary, read from the GGUF. llama.cpp's own detokenizer is made for chat: with some
 * vocabularies, such as Llama 3's, it drops spaces before punctuation, which breaks code.
 */

const CONTROL = 3;
const UNKNOWN = 2;
const USER_DEFINED = 4;
const UNUSED = 5;
const BYTE = 6;

export interface Pieces {
  /** The vocabulary is byte-level: a text is exactly the concatenation of its tokens' bytes. */
  readonly exact: boolean;
  /** With `special`, a control token yields its name; otherwise nothing. */
  bytesOf(token: number, special?: boolean): Buffer;
  /** The bytes of a token as characters (latin1), without control tokens. Kept, because they are asked for often. */
  readonly charactersOf: (token: number) => string;
}

/** `metadata`: that of the GGUF file. */
export function readPieces(metadata: Readonly<Record<string, unknown>>): Pieces {
  const words = metadata['tokenizer.ggml.tokens'] as string[];
  const types = metadata['tokenizer.ggml.token_type'] as number[] | undefined;
  const byteLevel = metadata['tokenizer.ggml.model'] === 'gpt2';
  const plain = byteLevel ? fromByteLevel : fromSentencePiece;
  const bytesOf = (token: number, special = false): Buffer => {
    const word = words[token] ?? '';
    const type = types?.[token];
    if (type === CONTROL || type === UNKNOWN) return Buffer.from(special ? word : '');
    if (type === UNUSED) return Buffer.alloc(0);
    if (type === BYTE) return Buffer.from([Number.parseInt(word.slice(3, 5), 16)]);
    return type === USER_DEFINED ? Buffer.from(word) : plain(word);
  };
  const known = new Array<string>(words.length);
  const charactersOf = (token: number) => (known[token] ??= bytesOf(token).toString('latin1'));
  return { exact: byteLevel, bytesOf, charactersOf };
}

/** The text of tokens whose bytes are given as characters. */
export const textOfCharacters = (characters: string): string =>
  Buffer.from(characters, 'latin1').toString('utf8');

/** Maps a character code to the byte that it represents: GPT-2 maps unprintable bytes to U+0100 and up. */
const bytes = new Map<number, number>();
for (let byte = 0, next = 256; byte < 256; byte += 1) {
  const printable = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  bytes.set(printable ? byte : next++, byte);
}

function fromByteLevel(word: string): Buffer {
  // Avoids allocations per character, because a vocabulary has up to 150,000 words.
  const list = Buffer.allocUnsafe(word.length);
  for (let at = 0; at < word.length; at += 1) {
    const byte = bytes.get(word.charCodeAt(at));
    if (byte === undefined) return Buffer.from(word);
    list[at] = byte;
  }
  return list;
}

const fromSentencePiece = (word: string): Buffer => Buffer.from(word.replaceAll('\u2581', ' '));
