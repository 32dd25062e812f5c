/** The process's single llama.cpp. It logs errors only, and to stderr: stdout belongs to JSON lines. */
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Llama, LlamaModel, LlamaModelOptions } from 'node-llama-cpp';
import { openGguf, type GgufFile } from '../gguf/index.ts';
import { msg, UserError, whyOf } from '../text/errors.ts';
import { visible } from '../text/foreign-text.ts';
import type { GpuKind } from '../protocol/gpu.ts';
import { platformsIn, whyNoLlama } from './binaries.ts';
import { requireTried } from './tried-models.ts';
import {
  checkDistinct,
  checkFigures,
  checkListTypes,
  checkTensors,
  checkVocabulary,
} from '../base-models/check-model.ts';

let shared: Promise<Llama> | undefined;
/** One list of log lines for each model that is being loaded; loadLlamaModel decides what to do with them. */
const loading = new Set<string[]>();

function log(line: string): void {
  // A model's file has its say in it.
  if (loading.size === 0) process.stderr.write(`${visible(line)}\n`);
  for (const lines of loading) lines.push(line);
}

/**
 * llama.cpp on the processor, from the prebuilt binary, unless `shareLlama` gave another; started once per process.
 * Throws UserError `backend-unavailable` if it can't run here.
 */
export const sharedLlama = (): Promise<Llama> => (shared ??= startLlama());

/** From now on, models are loaded by this one; without one, by a new one on the processor. */
export function shareLlama(llama: Llama | undefined): void {
  shared = llama && Promise.resolve(llama);
}

/** Throws UserError `backend-unavailable` where llama.cpp can't run. Costs nothing, so it is asked before downloads. */
export async function requireLlama(): Promise<void> {
  const why = whyNoLlama(await platformsIn(packageRoot()));
  if (why) throw why;
}

/** On Apple's own processors, the only binary is the one with Metal; it computes on the GPU what it is asked to. */
const PROCESSOR_BUILD = process.platform === 'darwin' && process.arch === 'arm64' ? 'metal' : false;

/** llama.cpp from the prebuilt binary for this kind of GPU. Throws what getLlama throws. */
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
      msg`llama.cpp does not start on this machine: ${whyOf(error)}.`,
      msg`Install Forget-Me-Not again; {doctor} shows what else is missing.`,
      { cause: error },
    );
  }
}

/** Of the package or the repository: this file is in dist/ or, in tests, in src/base-models/; benches link to it. */
export function packageRoot(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  if (existsSync(join(here, 'node_modules'))) return here;
  return basename(here) === 'dist' ? dirname(here) : dirname(dirname(here));
}

/** A model's file, checked and closed. */
export type ModelFile = Pick<GgufFile, 'path' | 'metadata' | 'tensors'>;

/** Reads and checks a model file's metadata. Throws like openGguf and the checks in check-model.ts. */
export async function readModelFile(path: string): Promise<ModelFile> {
  const file = await openGguf(path);
  try {
    checkFigures(file);
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

type LoadOptions = Pick<LlamaModelOptions, 'vocabOnly' | 'gpuLayers'>;

/**
 * Loads a model that readModelFile has checked, once a process of its own has opened it: llama.cpp aborts the process at
 * some files. Without `gpuLayers`, all of it stays on the processor. Throws an Error if llama.cpp refuses the file; its
 * message is the reason in llama.cpp's log, without a full stop. Throws like requireTried and sharedLlama.
 */
export async function loadLlamaModel(
  file: Pick<ModelFile, 'path'>,
  options: LoadOptions = {},
): Promise<LlamaModel> {
  await requireTried(file.path, options.vocabOnly ? 'vocabulary' : 'whole');
  return await loadUntried(file, options);
}

/** The same for a file that may end this process: where that does no harm, or where it is known not to. */
export async function loadUntried(
  { path }: Pick<ModelFile, 'path'>,
  options: LoadOptions = {},
): Promise<LlamaModel> {
  const llama = await sharedLlama();
  const said: string[] = [];
  loading.add(said);
  try {
    // Most matrices are copied into a layout that is faster to multiply; a mapped file would be in memory besides.
    const onProcessor = { useMmap: false, ...(llama.gpu ? { gpuLayers: 0 } : {}) };
    return await llama.loadModel({
      modelPath: path,
      ...(options.gpuLayers === undefined ? onProcessor : {}),
      ...options,
    });
  } catch (error) {
    // The log arrives from another thread, a moment later.
    await sleep(20);
    const reason = said.map((line) => /error loading model: (.+)/.exec(line)?.[1]).find(Boolean);
    throw new Error((reason ?? (error as Error).message).replace(/\.$/, ''), { cause: error });
  } finally {
    loading.delete(said);
  }
}
