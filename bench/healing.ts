/**
 * How much token healing helps: `npm run bench:healing -- FOLDER... [--places 150] [--json]`.
 *
 * Chooses places in the middle of words in the code below FOLDER, with a fixed seed. At each, the completion core
 * completes the rest of the line greedily, once with the word's beginning healed and once with it at the prompt's end.
 * The prompt contains neither other files nor the text after the cursor.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { resolveBase } from '../src/base-models/resolve.ts';
import { buildPrompt, cleanUp, languageIdOf, type CursorDocument } from '../src/completion/index.ts';
import { editSimilarity } from '../src/cursors/cursors.ts';
import { pairedIntervals, type FigureKind } from '../src/statistics/intervals.ts';
import { uniform } from '../src/statistics/random.ts';
import { openLlamaHost, type LlamaHost } from '../src/serving/engine/llama-host.ts';

const options = {
  base: { type: 'string', default: 'smollm2-135m' },
  places: { type: 'string', default: '150' },
  json: { type: 'boolean', default: false },
} as const;
const MAX_TOKENS = 32;
/** Characters before the cursor that the model gets. */
const BEFORE = 800;
/** A word in which a cursor may be put: long enough to be cut, and not in a comment. */
const word = /(?<=^[^#/*\n]*[\w.( ])[A-Za-z]{5,}/gm;

interface Place {
  document: CursorDocument;
  /** The text from the cursor to the end of the line. */
  rest: string;
}

export async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
  const places = await choosePlaces(positionals, Number(values.places));
  const host = await openLlamaHost({
    basePath: (await resolveBase(values.base)).path,
    contextSize: 1024,
    threads: 'measure',
  });
  try {
    const texts: { healed: string; plain: string; rest: string }[] = [];
    for (const [index, place] of places.entries()) {
      const healed = await complete(host, place, true);
      const plain = await complete(host, place, false);
      texts.push({ healed, plain, rest: place.rest });
      process.stderr.write(`\r${index + 1} of ${places.length} `);
    }
    const compare = (of: (text: string, rest: string) => number, kind: FigureKind) =>
      pairedIntervals(
        texts.map(({ plain, rest }) => ({ sum: of(plain, rest), weight: 1 })),
        texts.map(({ healed, rest }) => ({ sum: of(healed, rest), weight: 1 })),
        kind,
      );
    const exactMatch = compare((text, rest) => Number(text === rest), 'answers');
    const figures = { places: places.length, exactMatch, editSimilarity: compare(editSimilarity, 'share') };
    console.log(JSON.stringify(figures, undefined, values.json ? 0 : 2));
  } finally {
    await host.dispose();
  }
}

async function choosePlaces(folders: readonly string[], count: number): Promise<Place[]> {
  const random = uniform(7);
  const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)]!;
  const paths: string[] = [];
  for (const folder of folders)
    for (const name of (await readdir(folder, { recursive: true })).sort())
      if (/\.(js|ts|py|go|rs|java)$/.test(name)) paths.push(join(folder, name));
  if (paths.length === 0) throw new Error('No code was found. Give folders with code.');
  const places: Place[] = [];
  for (let tries = 0; places.length < count && tries < 20 * count; tries += 1) {
    const path = pick(paths);
    const text = await readFile(path, 'utf8');
    const found = pick([...text.matchAll(word)].filter(({ index }) => index > 300));
    if (!found) continue;
    const cursor = found.index + 1 + Math.floor(random() * (found[0].length - 2));
    const end = text.indexOf('\n', cursor);
    const document = { path, languageId: languageIdOf(path), before: text.slice(0, cursor), after: '' };
    places.push({ document, rest: text.slice(cursor, end < 0 ? undefined : end).trimEnd() });
  }
  return places;
}

async function complete(host: LlamaHost, { document }: Place, healing: boolean): Promise<string> {
  const { heal = '', ...ask } = buildPrompt(document, {
    model: 'base',
    fillInTheMiddle: false,
    maxTokens: MAX_TOKENS,
    reach: 'line',
    budget: { before: BEFORE, after: 0 },
  });
  const request = healing ? { ...ask, heal } : { ...ask, prompt: ask.prompt + heal };
  const { text } = await host.complete({ ...request, cachePrompt: false });
  const cleaned = cleanUp(text, document, 'line');
  return 'text' in cleaned ? cleaned.text : '';
}
