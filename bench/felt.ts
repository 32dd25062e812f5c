/**
 * Measures completion as experienced while typing: `npm run bench:felt -- [--base ID|FILE] [--hunks 3] [--json]`.
 *
 * Real changes in three repositories (felt/releases.ts) are retyped, key by key, on a virtual clock that advances by
 * the model's real time. Three simulated users look at suggestions, which takes time, and accept what is right
 * (felt/person.ts): words, lines, or only whole suggestions. All sides share one server and model: the base with the
 * extension's core; its reference adapter; adapters trained on the old release and on another repository; and optional
 * others. docs/benchmarks.md explains the rules and metrics.
 */
import { setMaxListeners } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join, sep } from 'node:path';
import { parseArgs } from 'node:util';
import { resolveBase } from '../src/base-models/resolve.ts';
import { referenceAdapterOf } from '../src/cli/machine/reference-adapter.ts';
import { adaptersOf, offer, type Adapter, type Adapters } from './felt/adapters.ts';
import { Answers } from './felt/answers.ts';
import { VirtualClock } from './felt/clock.ts';
import { CoreAssistant, variants, type Variant, type Where } from './felt/core.ts';
import { LlamaVscode } from './felt/llama-vscode.ts';
import { partsOf } from './felt/parts.ts';
import { paces, persons, type Person } from './felt/person.ts';
import { releases, type Releases } from './felt/releases.ts';
import { replaySessions, type Assistant, type Typing } from './felt/replay.ts';
import { reportOf, textOf, type Found } from './felt/report.ts';
import { BenchServer } from './felt/server.ts';
import { sessionsOf, type Session } from './felt/sessions.ts';
import { fetchRepository } from './gain/fetch.ts';

const options = {
  base: { type: 'string', default: 'qwen2.5-coder-0.5b' },
  hunks: { type: 'string', default: '3' },
  sides: { type: 'string', default: 'ours,reference,trained,foreign' },
  persons: { type: 'string', default: persons.join(',') },
  /** How quickly the simulated users read and decide. */
  pace: { type: 'string', default: 'quick' },
  /** An adapter's file for the side `reference`, instead of the base's own reference adapter. */
  reference: { type: 'string' },
  /** Training time of adapters; options after a second -- are passed to `train`. */
  minutes: { type: 'string', default: '10' },
  /** A LoRA run trained on a repository's old release, used instead of the benchmark's own; can be repeated. */
  run: { type: 'string', multiple: true },
  /** Only repositories whose names contain one of these, separated by commas. */
  only: { type: 'string', default: '' },
  threads: { type: 'string' },
  /**
   * How the model's time is counted: `real`; `processor`, for a busy machine: the processor time of one thread divided
   * by two, as if shared evenly by two idle cores; or `none`: as on an infinitely fast machine. With `none`, answers
   * are cached.
   */
  clock: { type: 'string', default: 'real' },
  /** The model's time is divided by this, as on a machine that is so many times as fast. */
  faster: { type: 'string', default: '1' },
  /** Print each suggestion that appears, and what happened to it. */
  trace: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} as const;

/** In tokens; enough for what llama.vscode sends. */
const CONTEXT = '8192';

const CORES = 2;

const LLAMA_VSCODE = 'llamaVscode';

/** The clock while the model works, in ms. */
const clocks: Record<string, (server: BenchServer) => () => number> = {
  real: () => () => performance.now(),
  processor: (server) => () => server.processorTime() / CORES,
  none: () => () => 0,
};

interface Plan {
  repositories: readonly Releases[];
  sides: readonly string[];
  persons: readonly Person[];
  typing: Omit<Typing, 'person'>;
  clock: string;
  faster: number;
  hunks: number;
}

export async function main(args: string[]): Promise<void> {
  const end = args.includes('--') ? args.indexOf('--') : args.length;
  const { values } = parseArgs({ args: args.slice(0, end), options });
  const plan = planOf(values);
  const stop = new AbortController();
  setMaxListeners(0, stop.signal);
  // Else the server would go on computing.
  process.once('SIGINT', () => stop.abort()).once('SIGTERM', () => stop.abort());
  const working = { signal: stop.signal, tell };
  const base = await resolveBase(values.base);
  const reference = values.reference ?? (await referenceAdapterOf(base));
  if (reference === undefined) plan.sides = plan.sides.filter((side) => side !== 'reference');
  const wanted = {
    base: values.base,
    minutes: numberOf('minutes', values.minutes),
    train: args.slice(end + 1),
    sides: new Set(plan.sides),
    runs: values.run ?? [],
    reference,
  };
  const adapters = new Map<Releases, Adapters>();
  for (const repository of plan.repositories)
    adapters.set(repository, await adaptersOf(repository.old, wanted, working));

  const threads = values.clock === 'processor' ? '1' : values.threads;
  const limits = ['--context', CONTEXT, '--timeout', '3600', ...(threads ? ['--threads', threads] : [])];
  const server = await BenchServer.start(base.path, limits);
  const found: Found = Object.fromEntries(
    plan.persons.map((person) => [person, Object.fromEntries(plan.sides.map((side) => [side, []]))]),
  );
  try {
    const all = [...adapters.values()].flatMap((own) => Object.values(own) as (Adapter | undefined)[]);
    for (const adapter of new Map(all.map((adapter) => [adapter?.name, adapter])).values())
      if (adapter) await offer(server, adapter);
    for (const [repository, own] of adapters)
      await replayAll(repository, own, { plan, server, base: base.sha256, found, signal: stop.signal });
  } finally {
    server.end();
  }
  const report = reportOf(found);
  if (values.json) console.log(JSON.stringify(report));
  else console.log(`${textOf(report)}\n\nLoad of the machine at the end: ${loadavg()[0]!.toFixed(1)}.`);
}

type Values = ReturnType<typeof parseArgs<{ options: typeof options }>>['values'];

function planOf(values: Values): Plan {
  const sides = listed('side', values.sides, [...Object.keys(variants), LLAMA_VSCODE]);
  if (values.reference && !existsSync(values.reference))
    throw new Error('Give the file of an adapter: --reference FILE.');
  const parts = values.only.split(',');
  const names = releases.map(({ name }) => name);
  const unknown = parts.filter((part) => !names.some((name) => name.includes(part)));
  if (unknown.length > 0) listed('repository', unknown.join(), names);
  const repositories = releases.filter(({ name }) => parts.some((part) => name.includes(part)));
  listed('clock', values.clock, Object.keys(clocks));
  const [pace] = listed('pace', values.pace, Object.keys(paces));
  return {
    repositories,
    sides,
    persons: listed('person', values.persons, persons) as Person[],
    typing: { costs: paces[pace as keyof typeof paces], trace: values.trace ? tell : undefined },
    clock: values.clock,
    faster: numberOf('faster', values.faster),
    hunks: numberOf('hunks', values.hunks),
  };
}

/** Throws an Error unless it is above 0. */
function numberOf(name: string, text: string): number {
  const value = Number(text);
  if (value > 0) return value;
  throw new Error(`--${name} must be a number above 0.`);
}

/** Throws an Error for an unknown name. */
function listed(kind: string, text: string, there: readonly string[]): string[] {
  const names = text.split(',');
  const unknown = names.filter((name) => !there.includes(name));
  if (unknown.length === 0) return names;
  throw new Error(`There is no ${kind} ${unknown.join(', ')}: ${there.join(', ')}.`);
}

interface Replaying {
  plan: Plan;
  server: BenchServer;
  base: string;
  /** Collects what happened. */
  found: Found;
  signal: AbortSignal;
}

async function replayAll(
  repository: Releases,
  adapters: Adapters,
  { plan, server, base, found, signal }: Replaying,
): Promise<void> {
  const { sessions, folder } = await readSessions(repository, plan.hunks, signal);
  const where = { repository: repository.old.name, adapters, parts: await partsOf(folder, signal) };
  const time = clocks[plan.clock]!(server);
  for (const side of plan.sides) {
    const answers = plan.clock === 'none' ? await answersOf(side, adapters, base) : undefined;
    for (const person of plan.persons) {
      tell(`${repository.name}: ${side}, takes ${person}`);
      const clock = new VirtualClock(() => time() / plan.faster);
      const assistant = assistantOf(side, { server, clock, where, answers });
      const hunks = await replaySessions(sessions, assistant, clock, { ...plan.typing, person }, signal);
      const named = hunks.map((hunk) => ({ ...hunk, path: `${where.repository}/${hunk.path}` }));
      found[person]![side] = [...found[person]![side]!, ...named];
    }
  }
}

const variantOf = (side: string): Variant | undefined => (variants as Record<string, Variant>)[side];

/** The answer cache of a side's model; llama.vscode has none, because it does not use the core's prompts. */
async function answersOf(side: string, adapters: Adapters, base: string): Promise<Answers | undefined> {
  const variant = variantOf(side);
  return variant && Answers.of(base, variant.adapter && adapters[variant.adapter]?.path);
}

function assistantOf(
  side: string,
  {
    server,
    clock,
    where,
    answers,
  }: { server: BenchServer; clock: VirtualClock; where: Where; answers: Answers | undefined },
): Assistant {
  const variant = variantOf(side);
  return variant ? new CoreAssistant(server, clock, where, variant, answers) : new LlamaVscode(server, clock);
}

/** The sessions to replay for a repository, and the folder with its old release. */
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
