/**
 * Texts that a base itself writes, kept in the cache by its checksum: what it knows, without any data set. Those it is
 * tested on and those that are replayed in training are never the same: they begin otherwise and have other seeds.
 */
import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { cacheDir } from '../../protocol/paths.ts';
import { writeByRename } from '../../protocol/write-file.ts';
import type { LlamaHost } from './host-types.ts';
import { readText } from '../../protocol/regular-file.ts';

/** Short and neutral, prose and code by turns; the base's own sampling decides what becomes of them. */
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
  /** The base ended it; else it was cut off. */
  ended: boolean;
}

export interface SamplingOptions {
  purpose: Purpose;
  /** Of the base's file. */
  baseSha256: string;
  /** Most tokens of a text. */
  tokens: number;
  /** Opened only when the cache does not suffice. */
  host(): Promise<Pick<LlamaHost, 'complete'>>;
  /** What the host calls the base. */
  model: string;
  /** Texts made at once; the cache is written after them. */
  batch?: number;
  signal?: AbortSignal | undefined;
}

const textSchema = z.object({ text: z.string(), ended: z.boolean() });
/** Older caches hold texts alone. */
const cacheSchema = z.object({
  texts: z.array(z.union([textSchema, z.string().transform((text) => ({ text, ended: false }))])),
});

/** Texts sampled at temperature 1, always the same ones in the same order; as many as the caller takes. */
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
