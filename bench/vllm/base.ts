/** A base as vLLM loads it: a folder as transformers saves one, with a tokenizer. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { openGguf } from '../../src/gguf/index.ts';
import { writeTransformersBase } from '../../src/weights/transformers-base.ts';

const vocabularySchema = z.object({
  'tokenizer.ggml.tokens': z.array(z.string()),
  'tokenizer.ggml.merges': z.array(z.string()),
  'tokenizer.ggml.eos_token_id': z.number(),
});

/**
 * Writes the base at `path` into `folder`, in F32. Prompts and answers are tokens, so of the tokenizer only the
 * vocabulary matters. Throws like writeTransformersBase.
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
    const bytes = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
    const ways = { pre_tokenizer: bytes, decoder: bytes };
    await save(folder, 'tokenizer.json', { version: '1.0', added_tokens: [], ...ways, model });
    await save(folder, 'tokenizer_config.json', {
      tokenizer_class: 'PreTrainedTokenizerFast',
      eos_token: tokens[vocabulary['tokenizer.ggml.eos_token_id']],
    });
  } finally {
    await base.close();
  }
}

const save = (folder: string, name: string, value: object) =>
  writeFile(join(folder, name), JSON.stringify(value));
