/** `train --continue` while it is killed, paused, its clock jumps, and its folder is read-only or full. */
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { examine } from '../../../src/base-models/checksums.ts';
import type { RunEvent } from '../../../src/protocol/events.ts';
import { hyperSchema } from '../../../src/protocol/run.ts';
import { cancelRun, createRun, effectiveStatus, readRun } from '../../../src/runs/index.ts';
import { isProcessAlive } from '../../../src/runs/processes.ts';
import { readState } from '../../../src/runs/files.ts';
import { processes } from '../../support/processes.ts';
import { until } from '../../support/until.ts';
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
  startDist,
  trialsOf,
  type Draw,
  type HowToStart,
  type Wanted,
  type Started,
} from './means.ts';

/** A training requires 100 MB. */
const DISK_MB = 128;

interface ReferenceRun {
  /** A data directory with the earlier run, and one that continues it and has not begun. */
  home: string;
  run: string;
  /** Until its result exists; measuring it takes longer. */
  milliseconds: number;
  result: Buffer;
  files: string[];
}

const codeOf = (seed: number) =>
  Array.from(
    { length: 30 },
    (_, line) => `export function f${line}(x) { return x * ${seed + line} + ${line}; }\n`,
  ).join('');

/** The training that is disturbed, here without interruption. */
async function openUninterrupted({ at }: Ground): Promise<ReferenceRun> {
  const home = process.env['FORGET_ME_NOT_HOME']!;
  const code = at('continued-code');
  await mkdir(code);
  for (let i = 0; i < 6; i++) await writeFile(join(code, `${i}.js`), codeOf(i));
  const { path, sha256 } = await examine(at('base.gguf'));
  const asked = {
    folder: code,
    base: { id: 'base', path, sha256 },
    backend: 'wasm' as const,
    evaluation: { heldOutWindows: 1, humanevalProblems: 0, retentionTexts: 0, completions: false },
    versions: {},
  };
  const hyper = hyperSchema.parse({
    ...{ learningRate: 1e-3, steps: 8, sequenceLength: 32, rank: 2, evalEvery: 2 },
  });
  const earlier = await createRun({ ...asked, name: 'earlier', hyper });
  await trainToEnd(earlier.dir, home);
  for (const i of [1, 3]) await writeFile(join(code, `${i}.js`), codeOf(100 + i));
  for (const i of [6, 7]) await writeFile(join(code, `${i}.js`), codeOf(i));
  const adapter = await examine(join(earlier.dir, 'adapter.gguf'));
  const continues = { run: earlier.id, sha256: adapter.sha256 };
  const { dir, id } = await createRun({ ...asked, name: 'continued', hyper, continues });
  const before = at('continue-home');
  await cp(home, before, { recursive: true });
  const began = performance.now();
  await trainToEnd(dir, home, { measured: false });
  const milliseconds = performance.now() - began;
  await trainToEnd(dir, home);
  const result = await readFile(join(dir, 'adapter.gguf'));
  return { home: before, run: id, milliseconds, result, files: listing(dir) };
}

const startTrainer = (dir: string, home: string, how: HowToStart = {}): Started =>
  startDist('trainer', [dir], { ...how, env: { FORGET_ME_NOT_HOME: home, ...how.env } });

/** `measured`: to the very end; otherwise it is killed once its result exists. */
async function trainToEnd(
  dir: string,
  home: string,
  { measured = true, ...how }: HowToStart & { measured?: boolean } = {},
): Promise<void> {
  const started = startTrainer(dir, home, how);
  const isMade = async () => (await readState(dir)).status === 'evaluating';
  if (!measured) while (await after(started, 20)) if (await isMade()) signal(started, 'SIGKILL');
  const { output } = await finished(started);
  const { state } = await readRun(dir);
  const isThere = state.status === 'done' || (!measured && state.status === 'evaluating');
  if (!isThere) throw new Error(`${state.status}: ${state.error?.message ?? output}`);
}

/** The product's own report of a failed training: a sentence in its state, or else on stderr. */
async function mustHaveReported(dir: string, output: string): Promise<void> {
  const state = await readState(dir);
  if (state.status === 'done' || state.status === 'cancelled') return;
  mustEndWithSentence(state.status === 'failed' ? `[${state.error?.code}] ${state.error?.message}` : output);
}

export async function continueTrials(ground: Ground, options: Wanted): Promise<Trial[]> {
  const reference = await openUninterrupted(ground);
  const { milliseconds } = reference;
  const home = ground.at('continue-trial');
  const dir = join(home, 'runs', reference.run);
  const begin = async () => {
    await rm(home, { recursive: true, force: true });
    await cp(reference.home, home, { recursive: true });
  };
  const end = (draw: Draw, how?: HowToStart) =>
    endLikeUninterrupted(reference, dir, home, { ...how, measured: draw.below(5) === 0 });

  return trialsOf('train --continue', options, {
    async kill(draw) {
      await begin();
      for (let kills = 1 + draw.below(2); kills > 0; kills -= 1) {
        const started = startTrainer(dir, home);
        const moment = draw.moment() * milliseconds;
        const who = draw.one(['group', 'trainer', 'worker'] as const);
        if (!(await after(started, moment))) continue;
        if (who === 'worker') await signalWorker(dir, 'SIGKILL');
        else signal(started, 'SIGKILL', who === 'group');
        const { how, output } = await finished(started);
        if (how !== 'SIGKILL' && how !== 0) await mustHaveReported(dir, output);
        const run = await readRun(dir);
        const { state } = run;
        if (['running', 'evaluating'].includes(effectiveStatus(run)))
          throw new Error('it is reported as running');
        if (state.pid !== undefined && isProcessAlive(state.pid)) throw new Error('its owner is alive');
      }
      await end(draw);
    },

    async stop(draw) {
      await begin();
      const started = startTrainer(dir, home);
      if (await after(started, draw.moment() * milliseconds)) await whileStopped(draw, started, dir, home);
      signal(started, 'SIGCONT');
      const { how, output } = await finished(started);
      if (how !== 0 && how !== 'SIGKILL') await mustHaveReported(dir, output);
      await end(draw);
    },

    async clock(draw) {
      await begin();
      const started = startTrainer(dir, home, { env: jumpingClock(draw, milliseconds) });
      if (draw.below(2) && (await after(started, draw.moment() * milliseconds))) signal(started, 'SIGKILL');
      await finished(started);
      await end(draw, { env: jumpingClock(draw, milliseconds) });
      const { state, events } = await readRun(dir);
      mustHaveValidTimes(state, events);
    },

    async 'read-only'(draw) {
      await begin();
      chownToNobody(home);
      const folder = draw.one([dir, home]);
      const started = startTrainer(dir, home, { asNobody: true });
      try {
        if (await after(started, draw.moment() * milliseconds)) setWritable(folder, false);
        const { output } = await finished(started);
        await mustHaveReported(dir, output);
      } finally {
        setWritable(folder, true);
      }
      await end(draw, { asNobody: true });
    },

    async full(draw) {
      await rm(home, { recursive: true, force: true });
      const disk = await SmallDisk.mount(home, DISK_MB);
      try {
        await cp(reference.home, home, { recursive: true });
        const started = startTrainer(dir, home);
        if (await after(started, draw.moment() * milliseconds))
          disk.fill(draw.one([0, 0, draw.below(64 << 10)]));
        const { output } = await finished(started);
        disk.free();
        await mustHaveReported(dir, output);
        await end(draw);
      } finally {
        disk.unmount();
      }
    },
  });
}

/** Continues to the end, with the same result as an uninterrupted training. */
async function endLikeUninterrupted(
  { result, files }: ReferenceRun,
  dir: string,
  home: string,
  how: HowToStart & { measured: boolean },
): Promise<void> {
  const before = await readState(dir);
  if (before.status !== 'done') {
    if (before.status === 'cancelled')
      await writeFile(join(dir, 'state.json'), JSON.stringify({ ...before, status: 'queued' }));
    await trainToEnd(dir, home, how);
  }
  if (!(await readFile(join(dir, 'adapter.gguf'))).equals(result)) throw new Error('a different result');
  const { brokenLines } = await readRun(dir);
  if (brokenLines) throw new Error(`${brokenLines} broken lines`);
  // A killed process still owns the run.
  if (!how.measured) return;
  const left = listing(dir).filter((name) => !files.includes(name));
  if (left.length) throw new Error(`left behind: ${left.join(', ')}`);
  const outside = listing(home).filter((name) => /\.tmp$|\.lock/.test(name) && !name.startsWith('runs/'));
  if (outside.length) throw new Error(`left behind: ${outside.join(', ')}`);
}

async function signalWorker(dir: string, name: NodeJS.Signals): Promise<void> {
  for (const { pid, args } of await processes())
    if (basename(args[1] ?? '') === 'training-worker.mjs' && args[2] === dir) process.kill(pid, name);
}

/** Nobody may take a run from its paused owner, however old its heartbeat looks. */
async function whileStopped(draw: Draw, started: Started, dir: string, home: string): Promise<void> {
  const who = draw.one(['group', 'trainer', 'worker'] as const);
  const then = draw.one(['successor', 'successor', 'orphan', 'cancel', 'kill', 'nothing'] as const);
  if (then === 'orphan') return orphan(started, dir, home);
  if (who === 'worker') await signalWorker(dir, 'SIGSTOP');
  else signal(started, 'SIGSTOP', who === 'group');
  if (then === 'kill') return signal(started, 'SIGKILL');
  if (then === 'cancel') return void (await cancelRun(dir));
  if (then === 'nothing') return;
  const clock = { FMN_CLOCK: `0:${draw.one([-1, 1]) * 3600_000}` };
  // With a separate data directory, only the run's lock can block it.
  const own = draw.below(2) ? home : `${home}-other`;
  const before = await readState(dir);
  const successor = await finished(startTrainer(dir, own, { env: clock }));
  const wasFree = before.pid === undefined;
  if (successor.how === 0) {
    // It was paused before it took the run, or after it had released it.
    if (!wasFree) throw new Error('a second trainer took the run from a paused one');
  } else if (!/^\[(run-locked|training-busy)\]/m.test(successor.output))
    await mustHaveReported(dir, successor.output);
}

/** Its trainer was killed and another one finished the run; then the paused worker of the first resumes. */
async function orphan(started: Started, dir: string, home: string): Promise<void> {
  await signalWorker(dir, 'SIGSTOP');
  signal(started, 'SIGKILL', false);
  await until('the trainer to be gone', () => !isProcessAlive(started.child.pid!));
  if ((await readState(dir)).status !== 'done') await trainToEnd(dir, home, { measured: false });
}

/** No time is negative or NaN. */
function mustHaveValidTimes(state: object, events: readonly RunEvent[]): void {
  for (const one of [state, ...events])
    for (const [key, value] of Object.entries(one) as [string, unknown][]) {
      if (
        /seconds|tokensPerSecond/i.test(key) &&
        !(typeof value === 'number' && value >= 0 && Number.isFinite(value))
      )
        throw new Error(`${key} is ${String(value)}`);
      if (key === 'time' && Number.isNaN(Date.parse(String(value))))
        throw new Error(`time is ${String(value)}`);
    }
}
