/** One backend for all suites of a test file: on a software GPU, each device compiles every kernel anew. */
import type { BackendName } from '../../src/protocol/run.ts';
import { startBackend, type Backend } from '../../src/tensor/index.ts';

const started = new Map<BackendName, Promise<Backend>>();

/** Not for tests that change the backend itself, count all of its tensors, or lose its device. */
export function sharedBackend(name: BackendName): Promise<Backend> {
  const backend = started.get(name) ?? startBackend(name);
  started.set(name, backend);
  return backend;
}
