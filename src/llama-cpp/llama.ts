/** The process's single llama.cpp instance. It logs only errors, to stderr because stdout is for JSON lines. */
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Llama, LlamaModel, LlamaModelOptions } from 'node-llama-cpp';
import { openGguf, type GgufFile } from '../gguf/index.ts';
import { msg, UserError, reasonOf } from '../text/errors.ts';
import { visible } from '../text/foreign-text.ts';
import type { GpuKind } from '../protocol/gpu.ts';
import { platformsIn, whyNoLlama } from './binaries.ts';
import { requireOpenable } from './tried-models.ts';
import {
  checkDistinct,
  checkHyperparameters,
  checkListTypes,
  checkTensors,
  checkVocabulary,
} from '../base-models/check-model.ts';

let sharedPromise: Promise<Llama> | undefined;
/** Log lines collected for each model being loaded; loadLlamaModel decides what to do with them. */
const loading = new Set<string[]>();

function log(line: string): void {
  // The line may contain text from a model's file.
  if (loading.size === 0) process.stderr.write(`${visible(line)}\n`);
  for (const lines of loading) lines.push(line);
}

/**
 * The shared llama.cpp, started once per process: on the processor unless `shareLlama` set another. Throws UserError
 * `backend-unavailable` if it can't run here.
 */
export const sharedLlama = (): Promise<Llama> => (sharedPromise ??= startLlama());

/** Sets the shared llama.cpp; undefined means a new one on the processor. */
export function shareLlama(llama: Llama | undefined): void {
  sharedPromise = llama && Promise.resolve(llama);
}

/**
 * Throws UserError `backend-unavailable` if llama.cpp can't run here. Cheap, so that it can be checked before
 * downloads.
 */
export async function requireLlama(): Promise<void> {
  const why = whyNoLlama(await platformsIn(packageRoot()));
  if (why) throw why;
}

/** On Apple silicon, the only binary is the one with Metal, which uses the GPU only for layers assigned to it. */
const PROCESSOR_BUILD = process.platform === 'darwin' && process.arch === 'arm64' ? 'metal' : false;

/** Starts llama.cpp from the prebuilt binary for this kind of GPU. Throws like getLlama. */
export async function openLlama(gpu: GpuKind | false): Promise<Llama> {
  const { getLlama, LlamaLogLevel } = await import('node-llama-cpp');
  return await getLlama({
    gpu: gpu || PROCESSOR_BUILD,
    build: 'never',
    skipDownload: true,
    progressLogs: false,
    logLevel: LlamaLogLevel.error,
    logger: (level, message) => log(`llama.cpp ${level}: ${message.trimEnd()}`),
  });
}

async function startLlama(): Promise<Llama> {
  await requireLlama();
  try {
    return await openLlama(false);
  } catch (error) {
    throw new UserError(
      'backend-unavailable',
      msg`llama.cpp does not start on this machine: ${reasonOf(error)}.`,
      msg`Install Forget-Me-Not again; {doctor} shows what else is missing.`,
      { cause: error },
    );
  }
}

/** The root of the package or repository. This code runs from dist/ or, in tests, from src/llama-cpp/. */
export function packageRoot(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  if (existsSync(join(here, 'node_modules'))) return here;
  return basename(here) === 'dist' ? dirname(here) : dirname(dirname(here));
}

/** The metadata of a model file that was checked and closed. */
export type ModelFile = Pick<GgufFile, 'path' | 'metadata' | 'tensors'>;

/** Reads and checks a model file's metadata. Throws like openGguf and the checks in check-model.ts. */
export async function readModelFile(path: string): Promise<ModelFile> {
  const file = await openGguf(path);
  try {
    checkHyperparameters(file);
    checkTensors(file);
    checkVocabulary(file);
    const entries = await file.copyMetadata();
    checkListTypes(file, entries);
    const words = entries.get('tokenizer.ggml.tokens');
    if (words && 'raw' in words) checkDistinct(file, words.raw);
    return file;
  } finally {
    await file.close();
  }
}

type LoadOptions = Pick<LlamaModelOptions, 'vocabOnly' | 'gpuLayers' | 'useMmap'>;

/**
 * Loads a model that readModelFile has checked, after trying it in a separate process, because llama.cpp aborts on some
 * files. Without `gpuLayers`, the whole model stays on the processor. Throws an Error if llama.cpp rejects the file;
 * its message is the reason from llama.cpp's log, without a full stop. Throws like requireOpenable and sharedLlama.
 */
export async function loadLlamaModel(
  file: Pick<ModelFile, 'path'>,
  options: LoadOptions = {},
): Promise<LlamaModel> {
  await requireOpenable(file.path, options.vocabOnly ? 'vocabulary' : 'whole');
  return await loadWithoutTrial(file, options);
}

/** The same without the trial: for when a crash does no harm, or the file is known to be safe. */
export async function loadWithoutTrial(
  { path }: Pick<ModelFile, 'path'>,
  options: LoadOptions = {},
): Promise<LlamaModel> {
  const llama = await sharedLlama();
  const said: string[] = [];
  loading.add(said);
  try {
    // By default not mapped, because most matrices are repacked into a faster layout, and the mapped file would use
    // memory as well.
    const onProcessor = { useMmap: false, ...(llama.gpu ? { gpuLayers: 0 } : {}) };
    return await llama.loadModel({
      modelPath: path,
      ...(options.gpuLayers === undefined ? onProcessor : {}),
      ...options,
    });
  } catch (error) {
    // The log arrives slightly later, from another thread.
    await sleep(20);
    const reason = said.map((line) => /error loading model: (.+)/.exec(line)?.[1]).find(Boolean);
    throw new Error((reason ?? (error as Error).message).replace(/\.$/, ''), { cause: error });
  } finally {
    loading.delete(said);
  }
}
