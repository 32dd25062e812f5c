/**
 * Whether greedy answers are the same with the cache as without:
 * `npm run bench:same -- --base FILE --folder FOLDER [--cursors 500] [--before 1200] [--after 300] [--tokens 24]
 *  [--threads N] [--json]`. Interrupted, it shows what it has.
 *
 * At held-out cursors of the folder's files, in the order of the files, the model completes the prompt of the
 * completion core twice: with everything computed anew, and with what is cached of the prompts before it.
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { buildPrompt, languageIdOf, type EngineRequest } from '../src/completion/index.ts';
import type { Cursor } from '../src/cursors/cursors.ts';
import { openLlamaHost } from '../src/serving/engine/llama-host.ts';
import { cursorsIn } from './folder-cursors.ts';

const CONTEXT = 2048;

interface Different {
  path: string;
  line: number;
  anew: string;
  cached: string;
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
  const host = await openLlamaHost({ basePath: resolve(values.base), contextSize: CONTEXT, threads });
  const budget = { before: Number(values.before), after: Number(values.after) };
  const answer = async (request: EngineRequest & { cachePrompt?: boolean }) =>
    (await host.complete(request)).text;
  const different: Different[] = [];
  let [done, stopped] = [0, false];
  process.once('SIGINT', () => (stopped = true));
  try {
    const found = await cursorsIn(values.folder, Number(values.cursors), 1 / 2);
    const cursors = found.map(({ cursor }) => cursor).sort(inOrder);
    for (const cursor of cursors) {
      if (stopped) break;
      const request = requestAt(cursor, budget, Number(values.tokens), host.fillInTheMiddle);
      const anew = await answer({ ...request, cachePrompt: false });
      const cached = await answer(request);
      if (cached !== anew) different.push({ path: cursor.path, line: cursor.line, anew, cached });
      done += 1;
      process.stderr.write(`\r${done} of ${cursors.length} `);
    }
  } finally {
    process.stderr.write('\n');
    await host.dispose();
  }
  const figures = { cursors: done, same: done - different.length, different };
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
