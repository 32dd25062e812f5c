/** Byte-level BPE like GPT-2's: 256 bytes, merges for some words of code, and Qwen2.5-Coder's special tokens. */
import type { MetadataEntry } from '../../src/gguf/index.ts';

const words = [
  '    ',
  ' the',
  ' return',
  'function',
  ' const',
  'import',
  ' from',
  ' export',
  ' number',
  'string',
  ' =>',
  ');\n',
  ' = ',
  ' {\n',
  '}\n\n',
  'await ',
  'for (',
  'if (',
  '    return',
  'def ',
  'self.',
];
const specialTokens = [
  '<|endoftext|>',
  '<|im_start|>',
  '<|im_end|>',
  '<|fim_prefix|>',
  '<|fim_middle|>',
  '<|fim_suffix|>',
  '<|fim_pad|>',
  '<|repo_name|>',
  '<|file_sep|>',
];
const NORMAL = 1;
const CONTROL = 3;
const UNUSED = 5;

/** GPT-2's printable stand-ins for bytes. */
export function byteCharacters(): string[] {
  const printable = (byte: number) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++));
}

export interface TinyVocabulary {
  tokens: string[];
  metadata: [string, MetadataEntry][];
}

interface VocabularyOptions {
  fillInTheMiddle?: boolean;
  padding?: number;
  start?: boolean;
  marks?: 'qwen' | 'starcoder';
  merges?: readonly string[];
  chatTemplate?: string;
}

/**
 * @param fillInTheMiddle if false, these tokens get names that llama.cpp does not know
 * @param marks how special tokens are written
 * @param start whether every text is to begin with <|im_start|>
 * @param merges more of them, from learnMerges
 * @param chatTemplate Jinja
 * @param padding number of unused entries after the last token, as converters pad a vocabulary
 */
export function tinyVocabulary({
  fillInTheMiddle = true,
  padding = 0,
  start = false,
  marks = 'qwen',
  merges: more = [],
  chatTemplate,
}: VocabularyOptions = {}): TinyVocabulary {
  const special = specialTokens.map((token) => {
    const own = fillInTheMiddle ? token : token.replace('fim_', 'reserved_');
    return marks === 'starcoder' && /fim_|repo|file/.test(token) ? own.replaceAll('|', '') : own;
  });
  const characters = byteCharacters();
  const pieces = new Set(characters);
  const merges: string[] = [];
  for (const word of words) {
    const [first, ...rest] = Array.from(Buffer.from(word), (byte) => characters[byte]!);
    let left = first!;
    for (const right of rest) {
      if (!pieces.has(left + right)) merges.push(`${left} ${right}`);
      pieces.add((left += right));
    }
  }
  for (const merge of more) {
    const joined = merge.replace(' ', '');
    if (!pieces.has(joined)) merges.push(merge);
    pieces.add(joined);
  }
  const pads = Array.from({ length: padding }, (_, i) => `[PAD${pieces.size + special.length + i}]`);
  const tokens = [...pieces, ...special, ...pads];
  const typeOf = (token: string) =>
    pads.includes(token) ? UNUSED : special.includes(token) ? CONTROL : NORMAL;
  const id = (token: string): MetadataEntry => ({ type: 'uint32', value: tokens.indexOf(token) });
  return {
    tokens,
    metadata: [
      ['tokenizer.ggml.model', { type: 'string', value: 'gpt2' }],
      ['tokenizer.ggml.pre', { type: 'string', value: 'gpt-2' }],
      ['tokenizer.ggml.tokens', { type: 'string[]', value: tokens }],
      ['tokenizer.ggml.token_type', { type: 'int32[]', value: tokens.map(typeOf) }],
      ['tokenizer.ggml.merges', { type: 'string[]', value: merges }],
      ['tokenizer.ggml.eos_token_id', id('<|endoftext|>')],
      ['tokenizer.ggml.padding_token_id', id(special[6]!)],
      ['tokenizer.ggml.add_bos_token', { type: 'bool', value: start }],
      ...(chatTemplate
        ? [['tokenizer.chat_template', { type: 'string', value: chatTemplate }] as [string, MetadataEntry]]
        : []),
      ...(start ? [['tokenizer.ggml.bos_token_id', id('<|im_start|>')] as [string, MetadataEntry]] : []),
    ],
  };
}
