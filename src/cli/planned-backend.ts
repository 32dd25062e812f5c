import type { BackendName } from '../protocol/run.ts';
import { findRuntime } from '../tensor/runtime/find.ts';
import { installSize } from '../tensor/runtime/index.ts';

/** What `auto` will come to unless TensorFlow is installed and does not start. */
export async function plannedBackend({ backend }: { backend: BackendName | 'auto' }): Promise<BackendName> {
  return backend !== 'auto' ? backend : (await findRuntime()) ? 'tensorflow' : 'wasm';
}

/** What `auto` comes to once all is here that can be had: TensorFlow where it is offered. */
export const installableBackend = async (): Promise<BackendName> =>
  (await findRuntime()) || installSize(false) ? 'tensorflow' : 'wasm';
