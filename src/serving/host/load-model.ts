/** Loads a model, and chooses its number of threads. */
import type { LlamaModel } from 'node-llama-cpp';
import type { ModelFile } from '../../llama-cpp/llama.ts';
import { msg, UserError, reasonOf } from '../../text/errors.ts';
import { usableProcessors } from '../../platform/machine/processors.ts';
import type { LlamaHostOptions } from '../host-types.ts';
import { identifyOnDisk } from '../identify.ts';
import { estimateThreads, measureThreads } from '../threads/threads.ts';
import { readVocabulary, type Vocabulary } from '../tokens/vocabulary.ts';
import type { PlacedBase } from './place-base.ts';

/** Threads that mostly wait for a GPU. */
const WAITING_THREADS = 4;

/**
 * Threads per context: half the cores. Measured with SmolLM2-135M Q4_1 on 2 cores: one sequence generates 80-106
 * tokens/s with 1 thread and 50-66 with 2. Eight sequences at once: 164 with 1 thread, and with 2 anything from 180
 * down to 21 when another process is working, because llama.cpp's threads spin while they wait for each other.
 */
export function defaultThreads(cores = usableProcessors()): number {
  return Math.max(1, Math.floor(cores / 2));
}

/** A model in memory. */
export interface LoadedModel {
  model: LlamaModel;
  vocabulary: Vocabulary;
  /** The version of its file when it was loaded; the file may have been replaced since. */
  version: string;
}

/**
 * The fastest number if the processors compute; few if they only wait for the GPU. `others`: processors that other
 * programs keep busy.
 */
export async function threadsFor(
  model: LlamaModel,
  { layers, ofLayers }: PlacedBase['used'],
  { threads = defaultThreads(), basePath }: LlamaHostOptions,
  others: number,
): Promise<number> {
  if (typeof threads === 'number') return threads;
  if (layers === ofLayers) return Math.min(WAITING_THREADS, defaultThreads());
  return threads === 'later'
    ? estimateThreads(model, basePath, others)
    : (await measureThreads(model, basePath)).threads;
}

/** Loads a base where `work` places it. */
export async function loadPlaced(
  file: ModelFile,
  work: () => Promise<PlacedBase>,
): Promise<{ base: LoadedModel } & Omit<PlacedBase, 'model'>> {
  let placed: PlacedBase;
  const base = await load(file, async () => (placed = await work()).model);
  return { ...placed!, base };
}

/** Throws UserError `base-unsupported-architecture` if `work` can't load it, and the UserErrors of `work`. */
export async function load(file: ModelFile, work: () => Promise<LlamaModel>): Promise<LoadedModel> {
  try {
    const version = await identifyOnDisk(file.path);
    const model = await work();
    return { model, vocabulary: readVocabulary(model), version };
  } catch (error) {
    // Not a problem with the file: llama.cpp can't run here.
    if (error instanceof UserError) throw error;
    throw new UserError(
      'base-unsupported-architecture',
      msg`llama.cpp can't load ${file.path}: ${reasonOf(error)}.`,
      msg`Choose another base, or download this one again.`,
      { cause: error },
    );
  }
}
