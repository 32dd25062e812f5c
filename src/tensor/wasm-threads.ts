/**
 * TF.js's multithreaded WebAssembly module. TF.js supports threads only in browsers, because it starts its worker from
 * a Blob, which Node does not accept. Here module and worker are files (written by esbuild.mjs).
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { BackendWasm, setThreadsCount } from '@tensorflow/tfjs-backend-wasm';
import factory from '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd.js';
import { usableProcessors } from '../platform/machine/processors.ts';
import { BEYOND_WASM, WASM_HEAP } from '../platform/machine/wasm-heap.ts';
import { msg, UserError } from '../text/errors.ts';
import { formatBytes } from '../text/units.ts';

type Instantiated = (instance: WebAssembly.Instance, module: WebAssembly.Module) => void;

type Factory = (options: {
  mainScriptUrlOrBlob: string;
  locateFile(): string;
  instantiateWasm(imports: WebAssembly.Imports, done: Instantiated): object;
}) => Promise<Module>;

export interface WasmMemory {
  /** The address, or 0 if there is no room. */
  _malloc: (bytes: number) => number;
  _free: (address: number) => void;
}

/** The module: TF.js's functions and Emscripten's additions. */
type Module = ConstructorParameters<typeof BackendWasm>[0] &
  WasmMemory & {
    cwrap(name: string, returns: string | null, takes: string[]): never;
    PThread: { unusedWorkers: Worker[]; runningWorkers: Worker[] };
  };

/** The module always starts this many workers. */
const MAX_THREADS = 8;

/** `folder` contains the three files. Throws an Error if the module does not start. */
export async function threadedBackend(folder: string): Promise<BackendWasm> {
  const threads = Math.min(MAX_THREADS, usableProcessors());
  const binary = await readFile(join(folder, 'threaded-simd.wasm'));
  const module = await new Promise<Module>((resolve, reject) => {
    const instantiateWasm = (imports: WebAssembly.Imports, done: Instantiated) => {
      // The module uses at most half of these.
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
  guardMemory(module);
  setThreadsCount(threads);
  const backend = new BackendWasm(module);
  const { unusedWorkers, runningWorkers } = module.PThread;
  // The workers would keep the process alive.
  for (const worker of [...unusedWorkers, ...runningWorkers]) worker.unref();
  return backend;
}

/** Makes a full memory an error: TF.js takes any address for a tensor's, and would compute with what lies at 0. */
export function guardMemory(module: WasmMemory): void {
  // At its first call, the module replaces each of these functions.
  module._free(module._malloc(1));
  const allocate = module._malloc;
  module._malloc = (bytes) => {
    const address = bytes > WASM_HEAP ? 0 : allocate(bytes);
    if (address !== 0 || bytes === 0) return address;
    throw new UserError(
      'memory',
      msg`WebAssembly's memory of ${formatBytes(WASM_HEAP)} is full.`,
      BEYOND_WASM,
    );
  };
}

/**
 * Keeps the module from installing process-wide handlers: Emscripten rethrows uncaught errors, which ends the process
 * despite other listeners, and TF.js removes other code's listeners when it is disposed.
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
