/** A base as vLLM loads it: a folder as transformers saves one, with a tokenizer. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { openGguf } from '../../src/gguf/index.ts';
import { writeTransformersBase } from '../../src/weights/transformers-base.ts';

const vocabularySchema = z.object({
  'tokenizer.ggml.tokens': z.array(z.string()),
  'tokenizer.ggml.merges': z.array(z.string()),
  'tokenizer.ggml.token_type': z.array(z.number()),
  'tokenizer.ggml.pre': z.string().optional(),
  'tokenizer.ggml.eos_token_id': z.number(),
});
type Vocabulary = z.infer<typeof vocabularySchema>;
/** Types of GGUF's for tokens that are written as one whole: the first kind is hidden in answers. */
const [CONTROL, USER_DEFINED] = [3, 4];
/** Of Qwen2's tokenizer: how a text is cut before its parts are encoded. */
const QWEN_PARTS =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" +
  '\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';

/**
 * Writes the base at `path` into `folder`, in F32, with its tokenizer (GPT-2's or Qwen2's way to cut texts). Throws like
 * writeTransformersBase.
 */
export async function writeVllmBase(path: string, folder: string): Promise<void> {
  const base = await openGguf(path);
  try {
    await writeTransformersBase(folder, base);
    const vocabulary = vocabularySchema.parse(base.metadata);
    const tokens = vocabulary['tokenizer.ggml.tokens'];
    const model = {
      type: 'BPE',
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: vocabulary['tokenizer.ggml.merges'],
    };
    const ways = { ...waysOf(vocabulary), added_tokens: addedTokens(vocabulary) };
    await save(folder, 'tokenizer.json', { version: '1.0', ...ways, model });
    await save(folder, 'generation_config.json', { eos_token_id: endsOf(vocabulary) });
    await save(folder, 'tokenizer_config.json', {
      tokenizer_class: 'PreTrainedTokenizerFast',
      eos_token: tokens[vocabulary['tokenizer.ggml.eos_token_id']],
    });
  } finally {
    await base.close();
  }
}

/** A text that is one of them becomes that token. */
function addedTokens(vocabulary: Vocabulary) {
  const types = vocabulary['tokenizer.ggml.token_type'];
  const asItIs = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  return vocabulary['tokenizer.ggml.tokens'].flatMap((content, id) =>
    types[id] === CONTROL || types[id] === USER_DEFINED
      ? [{ id, content, ...asItIs, special: types[id] === CONTROL }]
      : [],
  );
}

function waysOf({ 'tokenizer.ggml.pre': pre }: Vocabulary) {
  const bytes = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  if (pre !== 'qwen2') return { pre_tokenizer: bytes, decoder: bytes };
  const cut = { type: 'Split', pattern: { Regex: QWEN_PARTS }, behavior: 'Isolated', invert: false };
  const pretokenizers = [cut, { ...bytes, use_regex: false }];
  return {
    normalizer: { type: 'NFC' },
    pre_tokenizer: { type: 'Sequence', pretokenizers },
    decoder: bytes,
  };
}

/** A chat model's own end is another than that of a text. */
function endsOf({ 'tokenizer.ggml.eos_token_id': own, 'tokenizer.ggml.tokens': tokens }: Vocabulary) {
  const ofText = tokens.indexOf('<|endoftext|>');
  return [...new Set([own, ...(ofText >= 0 ? [ofText] : [])])];
}

const save = (folder: string, name: string, value: object) =>
  writeFile(join(folder, name), JSON.stringify(value));
