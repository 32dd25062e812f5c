/** The indexer while it is killed, paused, its clock jumps, and its data directory is read-only or full. */
import { mkdir, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { callsOver, type Calls } from '../../../src/platform/processes/calls.ts';
import type {
  Asked,
  Indexed,
  IndexerCalls,
  IndexerOwnerCalls,
  Part,
} from '../../../src/protocol/repository.ts';
import type { Trial } from '../campaign.ts';
import { within, type Ground } from '../support.ts';
import {
  after,
  finished,
  chownToNobody,
  jumpingClock,
  listing,
  setWritable,
  signal,
  SmallDisk,
  startDist,
  trialsOf,
  type Draw,
  type HowToStart,
  type Wanted,
  type Started,
} from './means.ts';

const FILES = 60;
const MAX_MS = 60_000;
const DISK_MB = 4;

interface Indexer extends Started {
  calls: Calls<IndexerCalls>;
  warnings: string[];
  /** The first folder that it has indexed. Throws if it ends before. */
  indexed(): Promise<Indexed>;
}

const textOf = (index: number, version = 0) =>
  Array.from(
    { length: 20 },
    (_, line) => `def price_${index}_${line}_v${version}(amount, country):\n    return amount * ${line}\n\n`,
  ).join('');

export async function indexerTrials(ground: Ground, options: Wanted): Promise<Trial[]> {
  const folder = ground.at('indexed');
  const home = ground.at('index-trial');
  await mkdir(folder);

  const start = ({ env, ...how }: HowToStart = {}) =>
    listening(
      startDist('indexer', [folder], { ...how, ipc: true, env: { FORGET_ME_NOT_HOME: home, ...env } }),
    );
  const write = async (index: number, version = 0, time?: Date) => {
    const file = join(folder, `m${index}.py`);
    await writeFile(file, textOf(index, version));
    if (time) await utimes(file, time, time);
  };
  const begin = async () => {
    await rm(home, { recursive: true, force: true });
    await mkdir(home);
    for (let index = 0; index < FILES; index++) await write(index);
  };
  /** Its parent is gone: it saves its index. */
  const leave = async (indexer: Indexer) => {
    if (indexer.child.connected) indexer.child.disconnect();
    return finished(indexer);
  };
  const ask = async (indexer: Indexer, index: number, version: number): Promise<readonly Part[]> => {
    return within(indexer.calls.parts(folder, questionOf(index, version)), MAX_MS);
  };
  /** The answers of an indexer started now, compared with the files themselves. */
  const end = async (versions: ReadonlyMap<number, number> = new Map(), how?: HowToStart) => {
    const indexer = start(how);
    try {
      const { files, read } = await indexer.indexed();
      if (files !== FILES || read > FILES) throw new Error(`${files} files, ${read} read`);
      for (const [index, version] of [[7, 0] as const, [FILES - 1, 0] as const, ...versions]) {
        const expected = versions.get(index) ?? version;
        const [part] = (await ask(indexer, index, expected)).filter(({ sources }) =>
          sources.includes('definitions'),
        );
        if (part?.filename !== `m${index}.py` || !part.text.includes(`price_${index}_3_v${expected}(`))
          throw new Error(`asked for file ${index} as of version ${expected}, got ${JSON.stringify(part)}`);
      }
      mustWarnInSentences(indexer);
      await leave(indexer);
    } finally {
      signal(indexer, 'SIGKILL');
    }
    const again = start(how);
    const { read } = await again.indexed();
    await leave(again);
    if (read > 0) throw new Error(`${read} files were read again`);
    const left = listing(home).filter((name) => !/^cache\/index\/\w+\.index$/.test(name));
    if (left.length) throw new Error(`left behind: ${left.join(', ')}`);
  };

  await begin();
  const began = performance.now();
  const first = start();
  await first.indexed();
  await leave(first);
  const milliseconds = performance.now() - began;
  /** Sends it requests while it works, if possible, and has it save its index. */
  const disturb = async (draw: Draw, indexer: Indexer): Promise<boolean> => {
    const saves = draw.below(2) === 1;
    if (!saves) return after(indexer, draw.moment() * milliseconds);
    await Promise.race([indexer.indexed(), indexer.ended]);
    indexer.child.disconnect();
    return after(indexer, draw.moment() * 20);
  };

  return trialsOf('the indexer', options, {
    async kill(draw) {
      await begin();
      for (let kills = 1 + draw.below(3); kills > 0; kills -= 1) {
        const indexer = start();
        if (await disturb(draw, indexer)) signal(indexer, 'SIGKILL');
        await finished(indexer);
      }
      await end();
    },

    /** Another window indexes the same folder in the meantime, with one file changed. */
    async stop(draw) {
      await begin();
      const indexer = start();
      if (await disturb(draw, indexer)) signal(indexer, 'SIGSTOP');
      const changed = draw.below(FILES - 10);
      await write(changed, 1);
      if (draw.below(2)) {
        const other = start();
        await other.indexed();
        await leave(other);
      }
      signal(indexer, 'SIGCONT');
      if (draw.below(2) && indexer.child.connected) await Promise.race([indexer.indexed(), indexer.ended]);
      await leave(indexer);
      await end(new Map([[changed, 1]]));
    },

    /** Files were changed while the clock was wrong. */
    async clock(draw) {
      await begin();
      const indexer = start({ env: jumpingClock(draw, milliseconds) });
      await Promise.race([indexer.indexed(), indexer.ended]);
      await leave(indexer);
      for (const name of listing(home)) {
        const time = new Date(Date.now() + (draw.moment() - 0.3) * 400 * 24 * 3600_000);
        await utimes(join(home, name), time, time);
      }
      const changed = draw.below(FILES - 10);
      await write(changed, 1, new Date(Date.now() + (draw.moment() - 0.5) * 20 * 365 * 24 * 3600_000));
      await end(new Map([[changed, 1]]), { env: jumpingClock(draw, 2 * milliseconds) });
    },

    async 'read-only'(draw) {
      await begin();
      chownToNobody(home);
      const indexer = start({ asNobody: true });
      try {
        if (await disturb(draw, indexer)) setWritable(home, false);
        const parts = indexer.child.connected && (await indexer.indexed()) && (await ask(indexer, 7, 0));
        if (parts && parts.length === 0) throw new Error('it does not answer');
        await leave(indexer);
        mustWarnInSentences(indexer);
      } finally {
        setWritable(home, true);
      }
      await end(undefined, { asNobody: true });
    },

    async full(draw) {
      await rm(home, { recursive: true, force: true });
      const disk = await SmallDisk.mount(home, DISK_MB);
      try {
        for (let index = 0; index < FILES; index++) await write(index);
        if (draw.below(2)) disk.fill(draw.below(32 << 10));
        const indexer = start();
        if (await disturb(draw, indexer)) disk.fill(draw.one([0, draw.below(32 << 10)]));
        const parts = indexer.child.connected && (await indexer.indexed()) && (await ask(indexer, 7, 0));
        if (parts && parts.length === 0) throw new Error('it does not answer');
        await leave(indexer);
        mustWarnInSentences(indexer);
        disk.free();
        await end();
      } finally {
        disk.unmount();
      }
    },
  });
}

function listening(started: Started): Indexer {
  const warnings: string[] = [];
  let onIndexed: (folder: Indexed) => void;
  const firstIndexed = new Promise<Indexed>((done) => (onIndexed = done));
  const calls = callsOver<IndexerCalls, IndexerOwnerCalls>(started.child, {
    indexed: (folder) => onIndexed(folder),
    warning: (message) => void warnings.push(message),
  });
  const early = started.ended.then(() => {
    calls.$close();
    return Promise.reject(new Error('it ended before it had indexed'));
  });
  early.catch(() => undefined);
  return {
    ...started,
    calls,
    warnings,
    indexed: () => within(Promise.race([firstIndexed, early]), MAX_MS),
  };
}

const questionOf = (index: number, version: number): Asked => ({
  ...{
    path: 'cart.py',
    languageId: 'python',
    before: `total = price_${index}_3_v${version}(`,
    after: '',
    line: 0,
  },
  ...{ budget: 1000, shown: { before: 2400, after: 600 }, edits: [] },
});

function mustWarnInSentences({ warnings }: Indexer): void {
  for (const message of warnings)
    if (!/^The index could not be kept: .*\.$/.test(message)) throw new Error(`no sentence: ${message}`);
}
