/** The making of folded copies while it is killed, paused, its clock jumps, and its folder is read-only or full. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { chmod, cp, mkdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { foldCopy } from '../../../src/export/folding/fold.ts';
import { openGguf } from '../../../src/gguf/index.ts';
import { reportError } from '../../../src/text/errors.ts';
import {
  findCopy,
  storeCopy,
  pruneCopies,
  type CopyMeasurement,
} from '../../../src/serving/folding/copies.ts';
import { exportAdapterGguf, readAdapterGguf } from '../../../src/weights/adapter.ts';
import { exportFoldedGguf, partsToFold } from '../../../src/weights/fold.ts';
import { writeTinyAdapter, writeTinyModel } from '../../support/tiny-model.ts';
import type { Trial } from '../campaign.ts';
import type { Ground } from '../support.ts';
import {
  after,
  finished,
  chownToNobody,
  jumpingClock,
  listing,
  mustEndWithSentence,
  setWritable,
  signal,
  SmallDisk,
  start,
  trialsOf,
  type Draw,
  type HowToStart,
  type Wanted,
  type Started,
} from './means.ts';

/**
 * Like dist/fold.mjs, except for the timings, which a busy machine would distort: those of a faster copy are used.
 * Without `checks`, llama.cpp does not check the result, which takes most of the time.
 */
export async function foldAsChild(base: string, adapter: string, checks: boolean): Promise<void> {
  const stop = new AbortController();
  process.once('disconnect', () => stop.abort());
  const { signal } = stop;
  const times = { adapted: { token: 1, prompt: 1 }, copy: { token: 0.8, prompt: 0.8 }, otherLoad: 0 };
  try {
    if (checks) await foldCopy({ base, adapter, threads: 1, signal, time: () => Promise.resolve(times) });
    else await storeCopy(base, adapter, (files) => writeCopy(base, adapter, files, signal));
    process.exit(0);
  } catch (error) {
    const { code, message } = reportError(error);
    console.error(signal.aborted ? '[cancelled] It was asked to end.' : `[${code}] ${message}`);
    process.exit(1);
  }
}

async function writeCopy(
  basePath: string,
  adapterPath: string,
  { model, beside }: { model: string; beside: string },
  signal: AbortSignal,
): Promise<CopyMeasurement> {
  const base = await openGguf(basePath);
  const { alpha, architecture, layers } = await readAdapterGguf(adapterPath, base);
  const parts = partsToFold(base, layers);
  await base.close();
  await exportFoldedGguf(model, basePath, { alpha, layers: parts.folded }, signal);
  if (parts.beside.length > 0) await exportAdapterGguf(beside, { architecture, alpha, layers: parts.beside });
  return { meanKl: 0, change: 1, tokenTime: 0.8, promptTime: 0.8 };
}

const DISK_MB = 16;

export async function foldingTrials(ground: Ground, options: Wanted): Promise<Trial[]> {
  const { at } = ground;
  const [base, adapter] = [at('folded-base.gguf'), at('folded-adapter.gguf')];
  await writeTinyModel(base, { architecture: 'qwen2', seed: 3, marks: 'qwen', type: 'Q5_0' });
  await writeTinyAdapter(adapter, base, { scale: 0.05 });
  // It is also started as another user.
  await chmod(join(import.meta.dirname, '../..'), 0o755);
  const program = at('fold.mjs');
  await writeFile(
    program,
    `import { foldAsChild } from ${JSON.stringify(import.meta.url)};\nawait foldAsChild(process.argv[2], process.argv[3], process.argv[4] === 'checks');\n`,
  );
  const home = at('fold-trial');
  const folded = join(home, 'cache', 'folded');

  /** For the current trial. */
  let checks = true;
  const fold = ({ env, ...how }: HowToStart = {}): Started =>
    start([program, base, adapter, ...(checks ? ['checks'] : [])], {
      ...{ ...how, ipc: true, env: { FORGET_ME_NOT_HOME: home, ...env } },
    });
  const here = async <T>(work: () => Promise<T>): Promise<T> => {
    const before = process.env['FORGET_ME_NOT_HOME'];
    process.env['FORGET_ME_NOT_HOME'] = home;
    return work().finally(() => (process.env['FORGET_ME_NOT_HOME'] = before));
  };
  const digestOf = async ({ model, beside }: { model: string; beside?: string | undefined }) => {
    const hash = createHash('sha256').update(await readFile(model));
    return hash.update(beside === undefined ? '' : await readFile(beside)).digest('hex');
  };
  const begin = async (draw?: Draw) => {
    if (draw) checks = draw.below(5) === 0;
    await rm(home, { recursive: true, force: true });
    await mkdir(home);
  };
  const mustFold = async (how?: HowToStart) => {
    const { how: ended, output } = await finished(fold(how));
    if (ended !== 0) throw new Error(`no copy: ${output}`);
  };

  const timed = async () => {
    await begin();
    const began = performance.now();
    await mustFold();
    return performance.now() - began;
  };
  const took = { checked: await timed(), written: 0 };
  const digest = await digestOf((await here(() => findCopy(base, adapter)))!);
  checks = false;
  took.written = await timed();
  const moment = (draw: Draw) => draw.moment() * took[checks ? 'checked' : 'written'];

  /** The copy is complete, or there is none. */
  const mustBeComplete = async (): Promise<boolean> => {
    const copy = await here(() => findCopy(base, adapter));
    if (copy && (await digestOf(copy)) !== digest) throw new Error('a different copy');
    return copy !== undefined;
  };
  /** Starting the next server removes leftovers, and the next attempt makes the copy. */
  const end = async (how?: HowToStart, others = 0) => {
    await mustBeComplete();
    await here(pruneCopies);
    const left = existsSync(folded) ? readdirSync(folded).filter((name) => name.includes('.')) : [];
    if (left.length) throw new Error(`left behind: ${left.join(', ')}`);
    if (!(await mustBeComplete())) await mustFold(how);
    if (!(await mustBeComplete())) throw new Error('no copy');
    const names = readdirSync(folded);
    if (names.length !== 1 + others) throw new Error(`left behind: ${names.join(', ')}`);
    const odd = listing(home).filter((name) => !/\/(model|beside)\.gguf$|\/about\.json$/.test(name));
    if (odd.length) throw new Error(`left behind: ${odd.join(', ')}`);
  };
  const mustFailWithSentence = ({ how, output }: Awaited<Started['ended']>) => {
    if (how !== 0 && how !== 'SIGKILL') mustEndWithSentence(output);
  };

  return trialsOf('folding', options, {
    async kill(draw) {
      await begin(draw);
      for (let kills = 1 + draw.below(2); kills > 0; kills -= 1) {
        const started = fold();
        if (await after(started, moment(draw))) signal(started, 'SIGKILL');
        mustFailWithSentence(await finished(started));
        await mustBeComplete();
      }
      await end();
    },

    async stop(draw) {
      await begin(draw);
      const first = fold();
      if (await after(first, moment(draw))) signal(first, 'SIGSTOP');
      const before = await mustBeComplete();
      if (draw.below(2)) await mustFold();
      await mustBeComplete();
      // Its server has ended in the meantime.
      if (draw.below(2) && first.child.connected) first.child.disconnect();
      signal(first, draw.one(['SIGCONT', 'SIGCONT', 'SIGKILL']));
      mustFailWithSentence(await finished(first));
      if (before && !(await mustBeComplete())) throw new Error('a complete copy is gone');
      await end();
    },

    /** Others were used while the clock was wrong. */
    async clock(draw) {
      await begin(draw);
      const others = await here(() => otherCopies(at, base));
      for (const name of readdirSync(folded)) {
        const used = new Date(Date.now() + (draw.moment() - 0.3) * 3650 * 24 * 3600_000);
        await utimes(join(folded, name), used, used);
      }
      await mustFold({ env: jumpingClock(draw, took.written) });
      if (!(await mustBeComplete())) throw new Error('the newest copy was deleted at once');
      await end(undefined, others - 1);
    },

    async 'read-only'(draw) {
      await begin(draw);
      chownToNobody(home);
      const started = fold({ asNobody: true });
      try {
        if (await after(started, moment(draw))) setWritable(home, false);
        mustFailWithSentence(await finished(started));
      } finally {
        setWritable(home, true);
      }
      await end({ asNobody: true });
    },

    async full(draw) {
      checks = draw.below(5) === 0;
      await rm(home, { recursive: true, force: true });
      const disk = await SmallDisk.mount(home, DISK_MB);
      try {
        const started = fold();
        if (await after(started, moment(draw))) disk.fill(draw.one([0, draw.below(1 << 20)]));
        mustFailWithSentence(await finished(started));
        await mustBeComplete();
        disk.free();
        await end();
      } finally {
        disk.unmount();
      }
    },
  });
}

/** As many as are kept. */
async function otherCopies(at: Ground['at'], base: string): Promise<number> {
  for (const name of ['a', 'b']) {
    const adapter = at(`folded-${name}.gguf`);
    await cp(at('folded-adapter.gguf'), adapter);
    await storeCopy(base, adapter, async ({ model }) => {
      await cp(base, model);
      return { meanKl: 0 };
    });
  }
  return 2;
}
