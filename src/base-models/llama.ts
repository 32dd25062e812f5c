/** The process's one llama.cpp. Its log goes to stderr and only when something is wrong: stdout belongs to JSON lines. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Llama, LlamaModel } from 'node-llama-cpp';

let shared: Promise<Llama> | undefined;
/** What the log says while a model is loaded: the loading decides what becomes of it. */
const loading = new Set<string[]>();

function log(line: string): void {
  if (loading.size === 0) process.stderr.write(`${line}\n`);
  for (const lines of loading) lines.push(line);
}

/** llama.cpp on the CPU, from the prebuilt binary; started once per process. */
export function sharedLlama(): Promise<Llama> {
  shared ??= import('node-llama-cpp').then(({ getLlama, LlamaLogLevel }) =>
    getLlama({
      gpu: false,
      build: 'never',
      skipDownload: true,
      progressLogs: false,
      logLevel: LlamaLogLevel.error,
      logger: (level, message) => log(`llama.cpp ${level}: ${message.trimEnd()}`),
    }),
  );
  return shared;
}

/** Loads a model. When llama.cpp refuses it, the error's message is the reason that its log gives, without a full stop. */
export async function loadLlamaModel(options: {
  modelPath: string;
  vocabOnly?: boolean;
}): Promise<LlamaModel> {
  const llama = await sharedLlama();
  const said: string[] = [];
  loading.add(said);
  try {
    return await llama.loadModel(options);
  } catch (error) {
    // The log comes through another thread, a moment later.
    await sleep(20);
    const reason = said.map((line) => /error loading model: (.+)/.exec(line)?.[1]).find(Boolean);
    throw new Error((reason ?? (error as Error).message).replace(/\.$/, ''), { cause: error });
  } finally {
    loading.delete(said);
  }
}
