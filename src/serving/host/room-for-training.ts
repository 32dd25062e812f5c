/** A base that is on a GPU makes room for a training that begins there later. */
import { sharedLlama } from '../../llama-cpp/llama.ts';
import { findRun, trainingRun } from '../../runs/index.ts';
import { RunReader } from '../../runs/read.ts';
import { availableNextToTraining, gpuMemoryOf, hasAllocated } from './training-memory.ts';

/** Short, because training allocates the memory soon after announcing its plan. */
const POLL_MS = 2000;

/**
 * Calls `leave` when a training plans more of the GPU's memory than is free, and again later if it returns false. The
 * returned function ends this.
 */
export function watchForTraining(leave: () => boolean): () => void {
  const look = trainingWatch(leave);
  const timer = setInterval(() => void look().catch(() => undefined), POLL_MS).unref();
  return () => clearInterval(timer);
}

/** Returns a function that checks for a training run. */
export function trainingWatch(leave: () => boolean): () => Promise<void> {
  // What training takes reduces the free memory, so a run is judged only once.
  let watched: { run: string; reader: RunReader; isJudged: boolean } | undefined;
  return async () => {
    const run = (await trainingRun())?.run;
    if (run === undefined) return void (watched = undefined);
    if (run !== watched?.run)
      watched = { run, reader: await RunReader.open(await findRun(run)), isJudged: false };
    if (watched.isJudged) return;
    await watched.reader.refresh();
    const snapshot = watched.reader.snapshot();
    if (hasAllocated(snapshot)) return;
    const { bytes } = await gpuMemoryOf(snapshot);
    if (bytes > 0) watched.isJudged = (await hasRoomFor(bytes)) || leave();
  };
}

async function hasRoomFor(bytes: number): Promise<boolean> {
  const { total, free } = await (await sharedLlama()).getVramState();
  return availableNextToTraining({ bytes, isAllocated: false }, { total, free }) > 0;
}
