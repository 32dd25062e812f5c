/**
 * Completion as it is felt while typing: `npm run bench:felt -- [--base ID|FILE] [--hunks 3] [--json]`.
 *
 * Real changes of three repositories (felt/releases.ts) are typed again, key by key, on a virtual clock to which the
 * engine's real time is added. A person who knows what they are going to write accepts what is right on the screen.
 * Three sides, one server and model: the extension's core as it is, with the index of the repository; as it was before
 * suggestions were streamed; and llama.vscode's prompt and rules. Others can be asked for, `openFiles`: as it is,
 * without the index; with `--run DIR` a fifth, `trained`: with a result that was trained on the old release. docs/benchmarks.md has the rules and what the figures mean.
 */
import { readdir, readFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join, sep } from 'node:path';
import { parseArgs } from 'node:util';
import { resolveBase } from '../src/base-models/resolve.ts';
import { LEAST_ACCEPTED } from './felt/accept.ts';
import { VirtualClock } from './felt/clock.ts';
import { CoreAssistant, variants, type Where } from './felt/core.ts';
import { figuresOf, moreSaved, type Figures } from './felt/figures.ts';
import { LlamaVscode } from './felt/llama-vscode.ts';
import { partsOf } from './felt/parts.ts';
import { releases, type Releases } from './felt/releases.ts';
import { replay, type Assistant, type Habits, type Replayed } from './felt/replay.ts';
import { BenchServer } from './felt/server.ts';
import { sessionsOf, type Session } from './felt/sessions.ts';
import { offer, readTrained } from './felt/trained.ts';
import { fetchRepository } from './gain/fetch.ts';
import { markdownTable } from './markdown.ts';

const options = {
  base: { type: 'string', default: 'qwen2.5-coder-0.5b' },
  /** Hunks of each repository. */
  hunks: { type: 'string', default: '3' },
  sides: { type: 'string', default: 'ours,llamaVscode,before' },
  /** A LoRA run that was trained on a repository's old release, for the side `trained`; several times. */
  run: { type: 'string', multiple: true },
  /** Repositories whose names contain this. */
  only: { type: 'string', default: '' },
  threads: { type: 'string' },
  /**
   * How the engine's time is counted: real; or `processor`, for a machine that is busy: the processor time of one
   * thread divided by two, as two idle cores would take that share the work evenly; or `none`: the engine takes no
   * time, as on a machine that is fast enough.
   */
  clock: { type: 'string', default: 'real' },
  /** Least characters that are worth accepting. */
  least: { type: 'string', default: String(LEAST_ACCEPTED) },
  /** Tell each suggestion that appears, and what became of it. */
  trace: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} as const;

/** Tokens: enough for what llama.vscode sends. */
const CONTEXT = '8192';

const CORES = 2;

type Make = (server: BenchServer, clock: VirtualClock, where: Where) => Assistant;
const sides: Record<string, Make> = {
  ours: (server, clock, where) => new CoreAssistant(server, clock, where, variants.ours),
  openFiles: (server, clock, where) => new CoreAssistant(server, clock, where, variants.openFiles),
  trained: (server, clock, where) => new CoreAssistant(server, clock, where, variants.trained),
  unpaused: (server, clock, where) => new CoreAssistant(server, clock, where, variants.unpaused),
  llamaVscode: (server, clock) => new LlamaVscode(server, clock),
  before: (server, clock, where) => new CoreAssistant(server, clock, where, variants.before),
};

/** What tells the time while the engine works, in ms; undefined is the real time. */
const clocks: Record<string, (server: BenchServer) => (() => number) | undefined> = {
  real: () => undefined,
  processor: (server) => () => server.processorTime() / CORES,
  none: () => () => 0,
};

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options });
  const chosen = values.sides.split(',');
  const unknown = chosen.filter((name) => !(name in sides));
  if (unknown.length > 0)
    throw new Error(`There is no side ${unknown.join(', ')}: ${Object.keys(sides).join(', ')}.`);
  const engineTime = clocks[values.clock];
  if (!engineTime) throw new Error(`There is no clock ${values.clock}: ${Object.keys(clocks).join(', ')}.`);
  const habits = { least: Number(values.least), trace: values.trace ? tell : undefined };
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  const { path: base } = await resolveBase(values.base);
  const repositories = releases.filter(({ name }) => name.includes(values.only));
  const busy = values.clock === 'processor';
  const threads = busy || values.threads ? ['--threads', busy ? '1' : values.threads!] : [];
  const server = await BenchServer.start(base, ['--context', CONTEXT, '--timeout', '3600', ...threads]);
  const found: Record<string, Replayed[]> = Object.fromEntries(chosen.map((name) => [name, []]));
  try {
    const trained = await readTrained(values.run ?? []);
    for (const model of new Set(trained.values())) await offer(server, model);
    for (const repository of repositories) {
      const { sessions, folder } = await readSessions(repository, Number(values.hunks), stop.signal);
      const { name } = repository.old;
      const where = {
        ...{ repository: name, trained: trained.get(name) },
        parts: await partsOf(folder, stop.signal),
      };
      for (const side of chosen) {
        tell(`${repository.name}: ${side}`);
        const clock = new VirtualClock(engineTime(server));
        const assistant = sides[side]!(server, clock, where);
        found[side]!.push(...(await replayAll(sessions, assistant, clock, habits)));
      }
    }
  } finally {
    server.end();
  }
  const first = found[chosen[0]!]!;
  const figuresFor = (name: string): Figures => ({
    ...figuresOf(found[name]!),
    ...(name !== chosen[0] && { moreSaved: moreSaved(first, found[name]!) }),
  });
  const figures = Object.fromEntries(chosen.map((name) => [name, figuresFor(name)]));
  if (values.json) console.log(JSON.stringify(figures));
  else show(figures, first, repositories);
}

async function replayAll(
  sessions: readonly Session[],
  assistant: Assistant,
  clock: VirtualClock,
  habits: Habits,
): Promise<Replayed[]> {
  const replayed: Replayed[] = [];
  for (const { hunks, files } of sessions) {
    const [first] = hunks;
    await assistant.open?.({ ...first!, files: () => files });
    for (const hunk of hunks) {
      replayed.push(await replay(hunk, () => files, assistant, clock, habits));
      await clock.rest();
    }
  }
  return replayed;
}

/** What is replayed of a repository, and the folder with its old release. */
async function readSessions(
  repository: Releases,
  count: number,
  signal: AbortSignal,
): Promise<{ sessions: Session[]; folder: string }> {
  const fetch = (release: Releases['old']) => fetchRepository(release, { signal, tell });
  const read = async (folder: string) => {
    const paths = (await readdir(folder, { recursive: true })).map((path) => path.split(sep).join('/'));
    const texts = paths
      .filter((path) => repository.sources.test(path))
      .sort()
      .map(async (path) => [path, await readFile(join(folder, path), 'utf8')] as const);
    return new Map(await Promise.all(texts));
  };
  const folder = await fetch(repository.old);
  return { sessions: sessionsOf(await read(folder), await read(await fetch(repository.now)), count), folder };
}

const tell = (text: string) => process.stderr.write(`${text}\n`);

function show(
  figures: Record<string, Figures>,
  hunks: readonly Replayed[],
  repositories: readonly Releases[],
): void {
  const characters = hunks.reduce((total, one) => total + one.characters, 0);
  const from = repositories.map(({ name }) => name).join(', ');
  console.log(
    `${hunks.length} hunks, ${characters} characters, derived from the difference between two releases`,
  );
  console.log(`(registries have no history of commits): ${from}.\n`);
  const names = Object.keys(figures);
  const rows = Object.keys(Object.values(figures).at(-1)!).map((figure) => [
    figure,
    ...names.map((name) => String(figures[name]![figure as keyof Figures] ?? '-')),
  ]);
  console.log(markdownTable(['', ...names], rows).join('\n'));
  console.log(`\nLoad of the machine at the end: ${loadavg()[0]!.toFixed(1)}.`);
}
