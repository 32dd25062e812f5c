/**
 * How much learning from the person's use helps, simulated on history: `npm run bench:preferences -- OLD NEW [--base B]
 * [--steps 300] [--places 400] [--train "--lr 3e-5"] [--json]`.
 *
 * OLD and NEW are two releases of one project. The run trains on OLD. At lines of NEW that are not in OLD, the base
 * completes the rest of the line, and the text of NEW is taken as what the person kept. The run does not get the places
 * in a fifth of the changed files: if it keeps what it learned from the preferences, the adapters from before and after
 * complete at these places.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join, relative, resolve } from 'node:path';
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { resolveBase } from '../src/base-models/resolve.ts';
import { languageIdOf } from '../src/completion/index.ts';
import { kindOf } from '../src/corpus/reading/kinds.ts';
import { completeAt } from '../src/cursors/completion.ts';
import { answerAt, editSimilarity, findCursors, type Cursor } from '../src/cursors/cursors.ts';
import { pairedIntervals, type FigureKind } from '../src/statistics/intervals.ts';
import { spread } from '../src/statistics/statistics.ts';
import { mixText } from '../src/statistics/random.ts';
import { verdictsOfAll } from '../src/preferences/verdict.ts';
import type { Preference } from '../src/protocol/preferences.ts';
import { readRun } from '../src/runs/index.ts';
import { openLlamaHost, type LlamaHost } from '../src/serving/engine/llama-host.ts';
import { commandLine } from './gain/command-line.ts';
import { makeOwnHome } from './own-home.ts';

const options = {
  base: { type: 'string', default: 'qwen2.5-coder-0.5b' },
  steps: { type: 'string', default: '300' },
  places: { type: 'string', default: '400' },
  train: { type: 'string', default: '' },
  json: { type: 'boolean', default: false },
} as const;
/** Characters after the cursor that an editor records of what the person typed later. */
const LATER = 400;
const CONTEXT = 1024;
const TEST_SHARE = 0.2;

export async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
  const [old, now] = positionals.map((folder) => resolve(folder));
  if (!old || !now) throw new Error('Give two folders: a release, and a later one.');
  const base = await resolveBase(values.base);
  const places = await changedPlaces(old, now, Number(values.places));
  const isTest = ({ path }: Cursor) => mixText(path) / 2 ** 32 < TEST_SHARE;
  const home = await mkdtemp(join(tmpdir(), 'bench-preferences-'));
  try {
    await makeOwnHome(home);
    const told = places.filter((place) => !isTest(place));
    const shown = await completions(told, { basePath: base.path });
    const records = told.flatMap((place, at) =>
      shown[at] ? [recordOf(place, shown[at], { repository: basename(old), base, at })] : [],
    );
    const file = join(home, 'preferences.jsonl');
    await writeFile(file, records.map((record) => `${JSON.stringify(record)}\n`).join(''));
    const steps = ['--steps', values.steps, '--eval-every', values.steps, '--strength', '1'];
    const unmeasured = ['--humaneval', '0', '--retention', '0', '--eval-tasks', 'none'];
    const how = [...steps, ...unmeasured, ...values.train.split(' ').filter(Boolean)];
    const train = ['train', old, '--base', base.path, '--preferences', file, '--yes', ...how];
    await commandLine(home, train, new AbortController().signal);
    const [run] = await readdir(join(home, 'runs'));
    const dir = join(home, 'runs', run!);
    const event = (await readRun(dir)).events.findLast((one) => one.type === 'preferences');
    const verdicts = verdictsOfAll(records);
    const figures = {
      places: places.length,
      shown: records.length,
      texts: verdicts.length,
      desirable: verdicts.filter(({ desirable }) => desirable).length,
      event,
      ...(event?.taken && (await compared(home, dir, base.path, places.filter(isTest), values.steps))),
    };
    console.log(JSON.stringify(figures, undefined, values.json ? 0 : 2));
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

/** Compares the adapters before and after, at places that the run did not get. */
async function compared(home: string, dir: string, basePath: string, places: Cursor[], step: string) {
  const before = join(home, 'before.gguf');
  const ask = ['export', basename(dir), '--to', 'gguf-adapter', '--checkpoint', step, '-o', before];
  await commandLine(home, ask, new AbortController().signal);
  const texts = {
    before: await completions(places, { basePath, adapter: before }),
    after: await completions(places, { basePath, adapter: join(dir, 'adapter.gguf') }),
  };
  const compare = (of: (text: string, actual: string) => number, kind: FigureKind) => {
    const parts = (some: readonly string[]) =>
      places.map((place, at) => {
        const sum = of(answerAt(place, some[at]!), place.actual);
        return { sum, weight: 1, document: place.path };
      });
    return pairedIntervals(parts(texts.before), parts(texts.after), kind);
  };
  return {
    testPlaces: places.length,
    exactMatch: compare((text, actual) => Number(text === actual), 'answers'),
    editSimilarity: compare(editSimilarity, 'share'),
  };
}

/** `count` cursors in lines that NEW has and OLD has not, spread evenly over all such lines. */
async function changedPlaces(old: string, now: string, count: number): Promise<Cursor[]> {
  const found: Cursor[] = [];
  for (const entry of (await readdir(now, { recursive: true })).sort()) {
    const path = relative(now, join(now, entry)).replaceAll('\\', '/');
    if (kindOf(path) !== 'code' || languageIdOf(path) === 'plaintext') continue;
    const [before, after] = await Promise.all(
      [old, now].map((folder) => readFile(join(folder, path), 'utf8').catch(() => undefined)),
    );
    if (before === undefined || after === undefined || before === after) continue;
    const known = new Set(before.split('\n').map((line) => line.trim()));
    const lines = after.split('\n');
    const document = { file: path, fromLine: 1, text: () => after };
    const all = findCursors([document], { line: lines.length, block: 0 });
    found.push(...all.filter(({ line }) => !known.has(lines[line - 1]!.trim())));
  }
  return spread(found.length, count).map((at) => found[at]!);
}

/** The completion that would be shown at each place; empty if none would be. */
async function completions(
  places: readonly Cursor[],
  { basePath, adapter }: { basePath: string; adapter?: string },
): Promise<string[]> {
  const adapters = adapter ? [{ name: 'tuned', path: adapter }] : [];
  const host = await openLlamaHost({ basePath, adapters, contextSize: CONTEXT, threads: 'measure' });
  try {
    const texts: string[] = [];
    for (const [at, place] of places.entries()) {
      texts.push(await completion(host, place, adapter ? 'tuned' : 'base'));
      process.stderr.write(`\r${at + 1} of ${places.length} `);
    }
    return texts;
  } finally {
    await host.dispose();
  }
}

const completion = (host: LlamaHost, cursor: Cursor, model: string): Promise<string> =>
  completeAt(
    {
      ...{ ...cursor, place: { repository: '', path: cursor.path }, others: [], wholeRepositories: false },
      hidden: { before: 0, after: 0 },
    },
    { model, fillInTheMiddle: () => true, maxTokens: () => 48 },
    async (ask, signal) => (await host.complete({ ...ask, temperature: 0 }, signal)).text,
  );

/** Records each completion as not accepted: whether it was right is judged by the text that is there later. */
function recordOf(
  { path, before, after, actual }: Cursor,
  shown: string,
  { repository, base, at }: { repository: string; base: Preference['base']; at: number },
): Preference {
  return {
    time: new Date(Date.UTC(2026, 0, 1) + at * 60_000).toISOString(),
    repository,
    path,
    languageId: languageIdOf(path),
    prefix: before,
    suffix: after,
    shown,
    accepted: 0,
    later: (actual + after).slice(0, LATER),
    seconds: 300,
    run: createHash('sha256').update(path).digest('hex').slice(0, 8),
    base: { id: base.id, sha256: base.sha256 },
  };
}
