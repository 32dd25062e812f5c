/** The process's one llama.cpp. Its log goes to stderr and only when something is wrong: stdout belongs to JSON lines. */
import type { Llama } from 'node-llama-cpp';

let shared: Promise<Llama> | undefined;

/** llama.cpp on the CPU, from the prebuilt binary; started once per process. */
export function sharedLlama(): Promise<Llama> {
  shared ??= import('node-llama-cpp').then(({ getLlama, LlamaLogLevel }) =>
    getLlama({
      gpu: false,
      build: 'never',
      skipDownload: true,
      progressLogs: false,
      logLevel: LlamaLogLevel.error,
      logger: (level, message) => process.stderr.write(`llama.cpp ${level}: ${message.trimEnd()}\n`),
    }),
  );
  return shared;
}
