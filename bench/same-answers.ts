/**
 * Whether greedy answers are the same however they are computed:
 * `npm run bench:same -- --base FILE --folder FOLDER [--cursors 500] [--before 1200] [--after 300] [--tokens 24]
 *  [--threads N] [--json]`. Interrupted, it shows what it has.
 *
 * At held-out cursors of the folder's files, in the order of the files, the model completes the prompt of the
 * completion core three times: with everything computed anew; with what is cached of the prompts before it, and healing
 * as while typing; and with guesses that the model checks several at a time (`server --speculate`).
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { buildPrompt, languageIdOf, type EngineRequest } from '../src/completion/index.ts';
import type { Cursor } from '../src/cursors/cursors.ts';
import { openLlamaHost, type LlamaHost } from '../src/serving/engine/llama-host.ts';
import { cursorsIn } from './folder-cursors.ts';

const CONTEXT = 2048;

interface Different {
  path: string;
  line: number;
  anew: string;
  other: string;
}

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      base: { type: 'string' },
      folder: { type: 'string' },
      cursors: { type: 'string', default: '500' },
      before: { type: 'string', default: '1200' },
      after: { type: 'string', default: '300' },
      tokens: { type: 'string', default: '24' },
      threads: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  if (!values.base || !values.folder) throw new Error('Give --base FILE and --folder FOLDER with code.');
  const threads = values.threads ? Number(values.threads) : 'measure';
  const options = { basePath: resolve(values.base), contextSize: CONTEXT, threads } as const;
  const plain = await openLlamaHost(options);
  const guessing = await openLlamaHost({ ...options, speculate: true });
  const budget = { before: Number(values.before), after: Number(values.after) };
  const different: Record<'cached' | 'guessed', Different[]> = { cached: [], guessed: [] };
  let [done, stopped] = [0, false];
  process.once('SIGINT', () => (stopped = true));
  try {
    const found = await cursorsIn(values.folder, Number(values.cursors), 1 / 2);
    const cursors = found.map(({ cursor }) => cursor).sort(inOrder);
    for (const cursor of cursors) {
      if (stopped) break;
      const request = requestAt(cursor, budget, Number(values.tokens), plain.fillInTheMiddle);
      const anew = await answer(plain, { ...request, cachePrompt: false });
      const others = { cached: await answer(plain, request), guessed: await answer(guessing, request) };
      for (const [way, other] of Object.entries(others) as ['cached' | 'guessed', string][])
        if (other !== anew) different[way].push({ path: cursor.path, line: cursor.line, anew, other });
      done += 1;
      process.stderr.write(`\r${done} of ${cursors.length} `);
    }
  } finally {
    process.stderr.write('\n');
    await plain.dispose();
    await guessing.dispose();
  }
  const same = { cachedSame: done - different.cached.length, guessedSame: done - different.guessed.length };
  const figures = { cursors: done, ...same, different };
  console.log(JSON.stringify(figures, undefined, values.json ? 0 : 2));
}

/** In the order of the files and lines, as a person goes through them. */
const inOrder = (a: Cursor, b: Cursor) => (a.path === b.path ? a.line - b.line : a.path < b.path ? -1 : 1);

const requestAt = (
  { path, before, after }: Cursor,
  budget: { before: number; after: number },
  maxTokens: number,
  fillInTheMiddle: boolean,
): EngineRequest =>
  buildPrompt(
    { path, languageId: languageIdOf(path), before, after },
    { model: 'base', fillInTheMiddle, maxTokens, reach: 'block', budget },
  );

const answer = async (host: LlamaHost, request: EngineRequest & { cachePrompt?: boolean }) =>
  (await host.complete(request)).text;
