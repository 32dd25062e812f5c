/**
 * Next edit's finder while it is killed, paused, its clock jumps, and the folder that it reads is read-only or full.
 */
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { Worker } from 'node:worker_threads';
import type { FromFinder, ToFinder } from '../../../src/next-edit-finder/finder.ts';
import { FinderThread } from '../../../src/next-edit-finder/finder-thread.ts';
import { until } from '../../support/until.ts';
import type { Trial } from '../campaign.ts';
import { killGroup, within, type Ground } from '../support.ts';
import {
  after,
  chownToNobody,
  jumpingClock,
  setWritable,
  signal,
  SmallDisk,
  start,
  trialsOf,
  type HowToStart,
  type Wanted,
} from './means.ts';

const FILES = 40;
const MAX_MS = 30_000;
const script = resolve('dist/next-edit-finder.mjs');

export async function finderTrials(ground: Ground, options: Wanted): Promise<Trial[]> {
  const folder = ground.at('searched');
  const fill = async () => {
    await mkdir(folder, { recursive: true });
    for (let index = 0; index < FILES; index++)
      await writeFile(
        join(folder, `b${index}.ts`),
        `import { load } from "./a.ts";\n${'\n'.repeat(index)}load(${index});\n`,
      );
  };
  await fill();

  /** Two answers: from the open documents, then from the files, too. */
  const began = performance.now();
  const whole = await askHost(folder, 1);
  const milliseconds = performance.now() - began;
  if (placesOf(whole) <= FILES) throw new Error(`the finder found only ${placesOf(whole)} places`);
  const mustBeComplete = (answer: FromFinder) => {
    if (answer.error !== undefined) throw new Error(answer.error);
    if (placesOf(answer) !== placesOf(whole))
      throw new Error(`${placesOf(answer)} places, not ${placesOf(whole)}`);
  };
  const inHost = async (how: HowToStart, meanwhile: (host: ReturnType<typeof openHost>) => Promise<void>) => {
    const host = openHost(how);
    try {
      host.ask(question(folder, 1));
      await meanwhile(host);
      mustBeComplete(await host.answer(1));
      host.ask(question(folder, 2, false));
      mustBeComplete(await host.answer(2));
    } finally {
      killGroup(host.child);
    }
  };

  return trialsOf("next edit's finder", options, {
    /** The thread ends at any moment; the next request is answered by another one. */
    async kill(draw) {
      const answers: FromFinder[] = [];
      const lost: string[] = [];
      const finder = new FinderThread(script, {
        answer: (one) => answers.push(one),
        lost: (why) => lost.push(why),
      });
      try {
        const kills = 1 + draw.below(2);
        for (let id = 1; id <= kills; id += 1) {
          finder.ask(question(folder, id));
          await sleep(draw.moment() * milliseconds);
          await threadOf(finder)?.terminate();
          await until('the host to hear that it ended', () => lost.length === id, { patienceMs: MAX_MS });
        }
        finder.ask(question(folder, 9));
        await until('an answer', () => answers.some(isComplete(9)), { patienceMs: MAX_MS });
        mustBeComplete(answers.find(isComplete(9))!);
      } finally {
        await finder.dispose();
      }
    },

    stop: (draw) =>
      inHost({}, async (host) => {
        await after(host, draw.moment() * milliseconds);
        signal(host, 'SIGSTOP');
        if (draw.below(2)) host.ask(question(folder, 1));
        await sleep(draw.below(200));
        signal(host, 'SIGCONT');
      }),

    /** Results are not cached for longer than they are valid. */
    clock: (draw) =>
      inHost(
        { env: jumpingClock(draw, milliseconds) },
        async (host) => void (await after(host, draw.below(50))),
      ),

    async 'read-only'(draw) {
      chownToNobody(folder);
      await chmod(folder, 0o755);
      try {
        await inHost({ asNobody: true }, async (host) => {
          await after(host, draw.moment() * milliseconds);
          setWritable(folder, false);
        });
      } finally {
        setWritable(folder, true);
      }
    },

    async full(draw) {
      await rm(folder, { recursive: true, force: true });
      const disk = await SmallDisk.mount(folder, 2);
      try {
        await fill();
        await inHost({}, async (host) => {
          await after(host, draw.moment() * milliseconds);
          disk.fill(0);
        });
      } finally {
        disk.unmount();
        await fill();
      }
    },
  });
}

const isComplete = (id: number) => (one: FromFinder) =>
  one.id === id && (one.offers.length > 1 || one.error !== undefined);
const placesOf = ({ offers }: FromFinder): number => offers.length;
const threadOf = (finder: FinderThread) => (finder as unknown as { worker?: Worker }).worker;

async function askHost(folder: string, id: number): Promise<FromFinder> {
  const host = openHost();
  try {
    host.ask(question(folder, id));
    return await host.answer(id);
  } finally {
    killGroup(host.child);
  }
}

function openHost(how: HowToStart = {}) {
  const started = start([resolve('test/attack/kills/finder-host.mjs'), script], { ...how, ipc: true });
  const received: FromFinder[] = [];
  started.child.on('message', (one) => received.push(one as FromFinder));
  return {
    ...started,
    ask: (asked: ToFinder) => started.child.send(asked, () => undefined),
    answer: async (id: number) =>
      within(
        until('an answer', () => received.find(isComplete(id)), { patienceMs: MAX_MS }),
        2 * MAX_MS,
      ),
  };
}

/** `load` was renamed to `loadFile` in a.ts. `isNew`: the finder does not know its text yet. */
function question(folder: string, id: number, isNew = true): ToFinder {
  const path = pathToFileURL(join(folder, 'a.ts')).href;
  const text = 'export function loadFile(path: string) {\n  return path;\n}\nload("x");\n';
  const after = 'export function loadFile(path: string) {';
  const edit = { path, languageId: 'typescript', at: 0, before: after.replace('File', ''), after, time: 1 };
  return {
    ...{ id, edits: [edit], path, place: 0, unwanted: [], folders: [folder] },
    changed: isNew ? [{ path, languageId: 'typescript', text }] : [],
    ...{ open: [path], searched: [path] },
  };
}
