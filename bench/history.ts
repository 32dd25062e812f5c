/**
 * Measures whether an adapter that keeps up with a repository completes its next commits better:
 * `npm run bench:history -- FOLDER... [--commits 30] [--every 10] [--json]`.
 *
 * The newest commits of each clone are typed again on the code as it stood, as in bench:felt without a clock. Who
 * answers: the base; its reference adapter; an adapter trained before the first of these commits; and one that goes on
 * learning after every few of them. docs/benchmarks.md explains the rules and metrics.
 */
import { setMaxListeners } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { resolveBase } from '../src/base-models/resolve.ts';
import { referenceAdapterOf } from '../src/cli/machine/reference-adapter.ts';
import { cacheDir } from '../src/platform/files/paths.ts';
import { Clone } from './clone.ts';
import { offer, type Adapter } from './felt/adapters.ts';
import { Answers } from './felt/answers.ts';
import { VirtualClock } from './felt/clock.ts';
import { CoreAssistant, variants } from './felt/core.ts';
import { partsOf } from './felt/parts.ts';
import { paces, persons, type Person } from './felt/person.ts';
import { replaySessions } from './felt/replay.ts';
import { BenchServer } from './felt/server.ts';
import { fullBase, runKey } from './gain/default-run.ts';
import { KeptFresh } from './history/kept-fresh.ts';
import { landedOn, type Landed } from './history/landed.ts';
import { reportOf, sides, textOf, type Found, type Side } from './history/report.ts';

const options = {
  base: { type: 'string', default: 'qwen2.5-coder-0.5b' },
  /** The newest commits that mostly add code, and the most hunks of each. */
  commits: { type: 'string', default: '30' },
  hunks: { type: 'string', default: '3' },
  /** Commits between the first training and the first that is typed. */
  stale: { type: 'string', default: '0' },
  /** After how many of the typed commits the fresh adapter learns again. */
  every: { type: 'string', default: '10' },
  /** Minutes of the first training, and of each that continues it. */
  minutes: { type: 'string', default: '10' },
  'fresh-minutes': { type: 'string', default: '5' },
  sides: { type: 'string', default: sides.join(',') },
  persons: { type: 'string', default: persons.join(',') },
  json: { type: 'boolean', default: false },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof options }>>['values'];

/** The defaults of completion are measured with the context that bench:felt uses. */
const SERVER = ['--context', '8192', '--timeout', '3600'];
const MAX_CLONES = 20;

interface Bench {
  values: Values;
  base: { path: string; sha256: string };
  reference: Adapter | undefined;
  server: BenchServer;
  /** Adapters that the server has. */
  offered: Set<string>;
  found: Found;
  signal: AbortSignal;
}

export async function main(args: string[]): Promise<void> {
  const { values, positionals: folders } = parseArgs({ args, options, allowPositionals: true });
  if (folders.length === 0 || folders.length > MAX_CLONES)
    throw new Error('Name the folders of some clones.');
  const stop = new AbortController();
  setMaxListeners(0, stop.signal);
  process.once('SIGINT', () => stop.abort()).once('SIGTERM', () => stop.abort());
  const base = await resolveBase(values.base);
  const path = await referenceAdapterOf(base);
  const server = await BenchServer.start(base.path, SERVER);
  const bench: Bench = {
    values,
    base,
    reference: path ? { name: 'reference', path, wholeRepositories: true } : undefined,
    server,
    offered: new Set(),
    found: {},
    signal: stop.signal,
  };
  const repositories = [];
  try {
    for (const folder of folders) repositories.push(await measure(resolve(folder), bench));
  } finally {
    server.end();
  }
  const report = reportOf(bench.found);
  if (!values.json) return console.log(textOf(report));
  const { charactersSaved, characters } = onlyLines(report);
  console.log(JSON.stringify({ ...charactersSaved, ...characters, repositories, ...report }));
}

/** The figures of the person who takes lines, or of the first who was asked for. */
function onlyLines({ persons: all }: ReturnType<typeof reportOf>) {
  const { sides: own, characters } = all.lines ?? Object.values(all)[0]!;
  const saved = Object.entries(own).map(([side, metrics]) => [side, metrics.charactersSaved]);
  return { charactersSaved: Object.fromEntries(saved) as Record<string, number>, characters };
}

/** Types the commits of a clone, oldest first. */
async function measure(
  folder: string,
  bench: Bench,
): Promise<{ name: string; commits: number; newest: string }> {
  const { values, signal } = bench;
  const name = basename(folder);
  const clone = new Clone(folder);
  const [stale, every] = [Number(values.stale), Number(values.every)];
  const commits = landedOn(clone, stale + Number(values.commits), Number(values.hunks));
  const newest = commits.at(-1);
  if (!newest) throw new Error(`${folder} has no commits that add code to its files.`);
  const minutes = { first: Number(values.minutes), fresh: Number(values['fresh-minutes']) };
  const key = await runKey([
    commits[0]!.parent,
    newest.id,
    fullBase(values.base),
    minutes,
    values.every,
    stale,
  ]);
  const place = join(cacheDir(), 'bench-history', `${name}-${key}`);
  await mkdir(place, { recursive: true });
  const kept = new KeptFresh(place, { name, base: fullBase(values.base), minutes }, { signal, tell });
  const learns = /first|fresh/.test(values.sides);
  const last = values.sides.includes('fresh') ? commits.length : 1;
  for (const [at, commit] of commits.entries()) {
    const tree = clone.checkOut(commit.parent, place);
    const isDue = at === 0 || (at >= stale && (at - stale) % every === 0);
    if (learns && at < last && isDue) await kept.learn(tree);
    if (at < stale) continue;
    tell(`${name}: commit ${at + 1} of ${commits.length}`);
    await type(commit, { tree, name, kept }, bench);
  }
  return { name, commits: commits.length, newest: newest.id.slice(0, 9) };
}

async function type(
  { id, sessions }: Landed,
  { tree, name, kept }: { tree: string; name: string; kept: KeptFresh },
  { values, server, base, reference, found, signal, offered }: Bench,
): Promise<void> {
  const parts = await partsOf(tree, signal);
  // Where nothing is offered, what was there before answers.
  const adapters: Record<Side, Adapter | undefined> = {
    base: undefined,
    reference,
    first: kept.first ?? reference,
    fresh: kept.fresh ?? reference,
  };
  for (const side of sides.filter((one) => values.sides.includes(one))) {
    const own = adapters[side];
    if (own && !offered.has(own.name)) {
      await offer(server, own);
      offered.add(own.name);
    }
    const answers = await Answers.of(base.sha256, own?.path);
    for (const person of values.persons.split(',') as Person[]) {
      const clock = new VirtualClock(() => 0);
      const where = { repository: name, adapters: { own }, parts };
      const assistant = new CoreAssistant(
        server,
        clock,
        where,
        own ? variants.trained : variants.ours,
        answers,
      );
      const typed = await replaySessions(sessions, assistant, clock, { costs: paces.quick, person }, signal);
      const all = ((found[person] ??= {})[side] ??= []);
      all.push(...typed.map((hunk) => ({ ...hunk, path: `${name}/${id}` })));
    }
  }
}

const tell = (text: string) => process.stderr.write(`${text}\n`);
