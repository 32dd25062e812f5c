/**
 * Texts that a base itself generates, cached by its checksum: they show what it knows, without a data set. The texts
 * for tests and those for replay in training are never the same: they have different beginnings and seeds.
 */
import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { cacheDir } from '../../platform/files/paths.ts';
import { writeByRename } from '../../platform/files/write-file.ts';
import type { LlamaHost } from '../host-types.ts';
import { readText } from '../../platform/files/regular-file.ts';

/**
 * Beginnings of the texts: short and neutral, alternating prose and code; the base's sampling decides how they go on.
 */
export const purposes = {
  retention: {
    starts: ['The', 'def', 'In', 'function', 'A', 'import', 'How to', '#', 'It is', 'class', 'When', '//'],
    firstSeed: 1,
  },
  replay: {
    starts: ['This', 'const', 'We', 'public', 'What', 'from', 'For', '/*', 'There', 'let', 'To', 'static'],
    firstSeed: 1_000_001,
  },
} as const;
export type Purpose = keyof typeof purposes;

export interface SampledText {
  text: string;
  /** The base ended the text; otherwise it was cut off. */
  ended: boolean;
}

export interface SamplingOptions {
  purpose: Purpose;
  /** SHA-256 of the base's file. */
  baseSha256: string;
  /** Most tokens per text. */
  tokens: number;
  /** Called only if the cache has too few texts. */
  host(): Promise<Pick<LlamaHost, 'complete'>>;
  /** The base's name in requests to the host. */
  model: string;
  /** Number of texts generated at once; the cache is written after each batch. */
  batch?: number;
  signal?: AbortSignal | undefined;
}

const textSchema = z.object({ text: z.string(), ended: z.boolean() });
/** Older caches contain only texts. */
const cacheSchema = z.object({
  texts: z.array(z.union([textSchema, z.string().transform((text) => ({ text, ended: false }))])),
});

/** Texts sampled at temperature 1: always the same ones in the same order, without end. */
export async function* sampledTexts(options: SamplingOptions): AsyncGenerator<SampledText> {
  const { purpose, baseSha256, tokens, host, model, batch = 16, signal } = options;
  const { starts, firstSeed } = purposes[purpose];
  const key = createHash('sha256')
    .update(JSON.stringify([baseSha256, tokens, starts]))
    .digest('hex');
  const path = join(cacheDir(), purpose, `${key.slice(0, 24)}.json`);
  const texts: SampledText[] = await readText(path)
    .then((content) => cacheSchema.parse(JSON.parse(content)).texts)
    .catch(() => []);
  for (let index = 0; ; index += 1) {
    if (index === texts.length) {
      const opened = await host();
      const write = async (number: number): Promise<SampledText> => {
        const start = starts[number % starts.length]!;
        const { text, finishReason } = await opened.complete(
          {
            model,
            prompt: start,
            maxTokens: tokens,
            temperature: 1,
            topP: 1,
            seed: firstSeed + number,
          },
          signal,
        );
        return { text: start + text, ended: finishReason === 'stop' };
      };
      texts.push(...(await Promise.all(Array.from({ length: batch }, (_, i) => write(index + i)))));
      await mkdir(dirname(path), { recursive: true });
      await writeByRename(path, JSON.stringify({ texts }));
    }
    yield texts[index]!;
  }
}
