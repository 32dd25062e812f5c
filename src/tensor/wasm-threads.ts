/**
 * TF.js's WebAssembly module with threads. TF.js itself has them in browsers only, for its worker comes as a string for
 * a Blob, which Node's workers don't take. Here module and worker are files (esbuild.mjs writes them).
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { BackendWasm, setThreadsCount } from '@tensorflow/tfjs-backend-wasm';
import factory from '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd.js';
import { usableProcessors } from '../protocol/processors.ts';

type Instantiated = (instance: WebAssembly.Instance, module: WebAssembly.Module) => void;

type Factory = (options: {
  mainScriptUrlOrBlob: string;
  locateFile(): string;
  instantiateWasm(imports: WebAssembly.Imports, done: Instantiated): object;
}) => Promise<Module>;

/** What the module brings beside TF.js's functions: Emscripten's. */
type Module = ConstructorParameters<typeof BackendWasm>[0] & {
  cwrap(name: string, returns: string | null, takes: string[]): never;
  PThread: { unusedWorkers: Worker[]; runningWorkers: Worker[] };
};

/** The module starts this many workers, needed or not. */
const MOST_THREADS = 8;

/** `folder` holds the three files. Throws when the module does not start. */
export async function threadedBackend(folder: string): Promise<BackendWasm> {
  const threads = Math.min(MOST_THREADS, usableProcessors());
  const binary = await readFile(join(folder, 'threaded-simd.wasm'));
  const module = await new Promise<Module>((resolve, reject) => {
    const instantiateWasm = (imports: WebAssembly.Imports, done: Instantiated) => {
      // It takes at most half of these.
      imports['env']!['emscripten_num_logical_cores'] = () => 2 * threads;
      WebAssembly.instantiate(binary, imports).then(({ instance, module }) => done(instance, module), reject);
      return {};
    };
    const started = withoutProcessHandlers(() =>
      (factory as unknown as Factory)({
        mainScriptUrlOrBlob: join(folder, 'threaded-simd.cjs'),
        locateFile: () => join(folder, 'threaded-simd.worker.cjs'),
        instantiateWasm,
      }),
    );
    started.then(resolve, reject);
  });
  module.tfjs = {
    init: module.cwrap('init', null, []),
    initWithThreadsCount: module.cwrap('init_with_threads_count', null, ['number']),
    getThreadsCount: module.cwrap('get_threads_count', 'number', []),
    registerTensor: module.cwrap('register_tensor', null, ['number', 'number', 'number']),
    disposeData: module.cwrap('dispose_data', null, ['number']),
    dispose: module.cwrap('dispose', null, []),
  };
  setThreadsCount(threads);
  const backend = new BackendWasm(module);
  const { unusedWorkers, runningWorkers } = module.PThread;
  // They would keep the process from ending.
  for (const worker of [...unusedWorkers, ...runningWorkers]) worker.unref();
  return backend;
}

/**
 * Emscripten's module listens for whatever is caught nowhere and rethrows it, which ends the process whoever else listens;
 * and TF.js's addition to it, when it is disposed of, takes away all listeners that it has seen, others' too.
 */
function withoutProcessHandlers<T>(start: () => T): T {
  const events = ['uncaughtException', 'unhandledRejection'] as const;
  const own = events.map((event) => [event, process.rawListeners(event)] as const);
  for (const event of events) process.removeAllListeners(event);
  try {
    return start();
  } finally {
    for (const [event, listeners] of own) {
      process.removeAllListeners(event);
      for (const listener of listeners) process.on(event, listener as () => void);
    }
  }
}
