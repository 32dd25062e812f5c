/**
 * How fast a workspace is indexed, with how much memory, and how soon the index reflects a change:
 * `npm run bench:index [-- --folder F] [--files 20000] [--json]`.
 *
 * The source files of the folder (default: our dependencies) are copied until there are this many, with a third of the
 * names changed in each copy. The indexer is the real process. This process plays the extension host, which only passes
 * messages, and its longest pause is measured.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { callsOver, type Calls } from '../src/platform/processes/calls.ts';
import type { Asked, Indexed, IndexerCalls, IndexerOwnerCalls } from '../src/protocol/repository.ts';
import { quantile } from './quantiles.ts';

const SOURCE = /\.(?:py|[cm]?[jt]sx?|go|rs|java|c|cc|cpp|h|hpp|cs|rb|php)$/;
const CHANGES = 20;

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      folder: { type: 'string', default: 'node_modules' },
      files: { type: 'string', default: '20000' },
      json: { type: 'boolean', default: false },
    },
  });
  const work = await mkdtemp(join(tmpdir(), 'fmn-bench-index-'));
  const folder = join(work, 'repository');
  try {
    const size = await copyFiles(resolve(values.folder), folder, Number(values.files));
    const home = join(work, 'home');
    const first = await measure(folder, home);
    const again = await measure(folder, home);
    const results = { ...size, first, again };
    console.log(values.json ? JSON.stringify(results) : results);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Copies source files until there are `count`. */
async function copyFiles(from: string, to: string, count: number) {
  const names = (await readdir(from, { recursive: true })).filter((name) => SOURCE.test(name)).sort();
  let [files, lines, bytes] = [0, 0, 0];
  for (let copy = 0; files < count; copy += 1)
    for (const name of names) {
      if (files >= count) break;
      const found = await stat(join(from, name)).catch(() => undefined);
      if (!found?.isFile() || found.size > 200_000) continue;
      const text = renamed(await readFile(join(from, name), 'utf8'), copy);
      const target = join(
        to,
        `copy${copy}`,
        name.replaceAll(/\b(?:node_modules|vendor|dist|build)\b/g, 'source'),
      );
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, text);
      files += 1;
      bytes += text.length;
      lines += text.split('\n').length;
    }
  return { files, lines, megabytes: Math.round(bytes / 1e6) };
}

const renamed = (text: string, copy: number) =>
  text.replace(/\b[a-zA-Z]\w{5,}\b/g, (name) => (name.charCodeAt(1) % 3 === 0 ? `${name}${copy}` : name));

async function measure(folder: string, home: string) {
  const indexer = new Indexer(folder, home);
  const pauses = monitorEventLoopDelay({ resolution: 1 });
  pauses.enable();
  const typing = new AbortController();
  const passing = passMessages(indexer, folder, typing.signal);
  const { files, read, seconds, memoryBytes } = await indexer.indexed;
  pauses.disable();
  typing.abort();
  const askedMs = await passing;
  const staleMs = await changes(indexer, folder);
  const peak = await indexer.peakBytes();
  await indexer.end();
  const ms = (value: number) => Number(value.toFixed(1));
  return {
    files,
    read,
    seconds: ms(seconds),
    megabytes: Math.round((peak ?? memoryBytes) / 1e6),
    longestPauseMs: ms(pauses.max / 1e6),
    p99PauseMs: ms(pauses.percentile(99) / 1e6),
    answerWhileIndexingP50: ms(quantile(askedMs, 0.5)),
    answerWhileIndexingMax: ms(Math.max(0, ...askedMs)),
    staleP50: ms(quantile(staleMs, 0.5)),
    staleMax: ms(Math.max(...staleMs)),
  };
}

/** What the extension host does while the user types: sends the document's text, and a query now and then. */
async function passMessages(indexer: Indexer, folder: string, signal: AbortSignal): Promise<number[]> {
  const text = 'function typing(value) {\n  return value;\n}\n'.repeat(500);
  const took: number[] = [];
  for (let at = 0; !signal.aborted; at += 1) {
    void indexer.calls.document.asEvent(join(folder, 'typed.js'), `${text}// ${at}\n`);
    const startedAt = performance.now();
    await indexer.calls.parts(folder, askedAt('typed.js', text.slice(-2000)));
    if (!signal.aborted) took.push(performance.now() - startedAt);
    await sleep(200);
  }
  return took;
}

/** Milliseconds from a file's change on disk to an answer that reflects it. */
async function changes(indexer: Indexer, folder: string): Promise<number[]> {
  const took: number[] = [];
  for (let at = 0; at < CHANGES; at += 1) {
    const file = join(folder, `changed${at % 5}.js`);
    const name = `freshlyNamed${at}Function`;
    await writeFile(file, `export function ${name}(first, second) {\n  return first + second;\n}\n`);
    const startedAt = performance.now();
    void indexer.calls.changed.asEvent([file]);
    for (;;) {
      const parts = await indexer.calls.parts(folder, askedAt('asking.js', `const value = ${name}(`));
      if (parts.some((part) => part.text.includes(`function ${name}(first, second)`))) break;
      if (performance.now() - startedAt > 30_000) throw new Error('The index never knew of the change.');
    }
    took.push(performance.now() - startedAt);
  }
  return took;
}

const askedAt = (path: string, before: string): Asked => ({
  path,
  languageId: 'javascript',
  before,
  after: '',
  line: 0,
  budget: 3000,
  shown: { before: 2400, after: 600 },
  edits: [],
});

class Indexer {
  private readonly child: ChildProcess;
  readonly calls: Calls<IndexerCalls>;
  readonly indexed: Promise<Indexed>;

  constructor(folder: string, home: string) {
    this.child = fork(resolve('dist/indexer.mjs'), [folder], {
      // As the extension host starts it.
      execArgv: ['--max-semi-space-size=4'],
      env: { ...process.env, FORGET_ME_NOT_HOME: home },
      serialization: 'advanced',
    });
    let tell: (folder: Indexed) => void;
    this.indexed = new Promise((done, fail) => {
      tell = done;
      this.child.on('exit', () => fail(new Error('The indexer has ended.')));
    });
    this.indexed.catch(() => undefined);
    this.calls = callsOver<IndexerCalls, IndexerOwnerCalls>(this.child, {
      indexed: (one) => tell(one),
      warning: (message) => console.error(message),
    });
  }

  /** Its peak memory (Linux). */
  async peakBytes(): Promise<number | undefined> {
    const status = await readFile(`/proc/${this.child.pid}/status`, 'utf8').catch(() => '');
    const found = /VmHWM:\s*(\d+) kB/.exec(status)?.[1];
    return found === undefined ? undefined : Number(found) * 1024;
  }

  async end(): Promise<void> {
    const ended = new Promise((done) => this.child.on('exit', done));
    this.child.disconnect();
    await ended;
  }
}
