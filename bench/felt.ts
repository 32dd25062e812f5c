/**
 * How long a person waits for a suggestion: `npm run bench:felt -- --base FILE --folder FOLDER [--cursors 24] [--json]`.
 *
 * Cursors are drawn from the folder's files by the rule of held-out cursors (src/cursors): lines and blocks. Each is
 * completed by the extension's own core over the extension's own client, with the prompt already read (as after the key
 * before), once as it is now (streamed) and once as it was before (the whole answer, up to a blank line or the limit),
 * in turn. Both decode greedily, so both end with the same text.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { createCompleter, languageIdOf, type CompleterOptions } from '../src/completion/index.ts';
import { answerAt, findCursors, savedCharacters, type Cursor } from '../src/cursors/cursors.ts';
import { ServingClient } from '../src/serving/client/client.ts';
import { quantile } from './serving-load.ts';

const SOURCE = /\.(?:py|ts|js|go|rs|java|c|cpp)$/;
const MODEL = 'base';
const TOKENS = 96;

interface Felt {
  /** Milliseconds until there was something to show. */
  took: number;
  text: string;
}

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      base: { type: 'string' },
      folder: { type: 'string' },
      cursors: { type: 'string', default: '24' },
      json: { type: 'boolean', default: false },
    },
  });
  if (!values.base || !values.folder)
    throw new Error('Give --base FILE and --folder FOLDER with code that the base was not tuned on.');
  const client = new ServingClient({
    node: () => ({ command: process.execPath, env: {} }),
    script: resolve('dist/server.mjs'),
    base: resolve(values.base),
  });
  try {
    await client.start();
    const cursors = await cursorsOf(values.folder, Number(values.cursors));
    const felt = { ours: [] as Felt[], before: [] as Felt[] };
    for (const [index, cursor] of cursors.entries()) {
      await complete(client, cursor, warm(client));
      const sides = [
        ['ours', streamed(client)],
        ['before', whole(client)],
      ] as const;
      for (const [name, request] of index % 2 ? sides : [...sides].reverse())
        felt[name].push(await complete(client, cursor, request));
      process.stderr.write(`\r${index + 1} of ${cursors.length} `);
    }
    process.stderr.write('\n');
    const figures = { ours: summary(felt.ours, cursors), before: summary(felt.before, cursors) };
    console.log(values.json ? JSON.stringify(figures) : figures);
  } finally {
    await client.dispose();
  }
}

async function cursorsOf(folder: string, count: number): Promise<Cursor[]> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => SOURCE.test(name)).sort();
  const documents = await Promise.all(
    names.map(async (file) => {
      const text = await readFile(join(folder, file), 'utf8');
      return { file, fromLine: 1, text: () => text };
    }),
  );
  return findCursors(documents, { line: Math.ceil(count / 2), block: Math.floor(count / 2) });
}

type Request = CompleterOptions['request'];
const bodyOf = ({ maxTokens, context, ...rest }: Parameters<Request>[0]) => ({
  ...rest,
  ...(context && { context: [...context] }),
  max_tokens: maxTokens,
});
const streamed =
  (client: ServingClient): Request =>
  (request, signal, onText) =>
    client.stream(bodyOf(request), onText, signal);
const whole =
  (client: ServingClient): Request =>
  async (request, signal) =>
    (await client.complete(bodyOf(request), signal)).choices[0]!.text;
/** Only reads the prompt. */
const warm =
  (client: ServingClient): Request =>
  async (request, signal) =>
    (await client.complete({ ...bodyOf(request), max_tokens: 0 }, signal)).choices[0]!.text;

async function complete(client: ServingClient, cursor: Cursor, request: Request): Promise<Felt> {
  let took = 0;
  const completer = createCompleter({
    request,
    fillInTheMiddle: () => client.fillInTheMiddle(),
    maxTokens: () => TOKENS,
    onAnswer: (milliseconds) => (took = milliseconds),
  });
  const { path, before, after } = cursor;
  const input = { path, languageId: languageIdOf(path), before, after, adapter: MODEL, invoked: true };
  const first = await completer.complete(input);
  const longer = await first?.more;
  return { took, text: (longer ? await completer.complete(input) : first)?.text ?? '' };
}

function summary(felt: readonly Felt[], cursors: readonly Cursor[]) {
  const times = felt.map(({ took }) => took);
  const saved = felt.map(({ text }, index) => savedCharacters(text, cursors[index]!.actual));
  const sum = (of: (one: (typeof saved)[number]) => number) =>
    saved.reduce((total, one) => total + of(one), 0);
  const lines = cursors.flatMap((cursor, index) =>
    cursor.kind === 'line' ? [{ cursor, ...felt[index]! }] : [],
  );
  const exact = lines.filter(({ cursor, text }) => answerAt(cursor, text) === cursor.actual.trimEnd());
  return {
    charactersSaved: sum(({ saved: one }) => one) / sum(({ all }) => all),
    lineExact: exact.length / lines.length,
    firstLineP50: Math.round(quantile(times, 0.5)),
    firstLineP95: Math.round(quantile(times, 0.95)),
  };
}
