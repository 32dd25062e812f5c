import type { BackendName } from '../../protocol/run.ts';
import { findRuntime } from '../../tensor/runtime/find.ts';

/** What `auto` will come to unless TensorFlow is installed and does not start. */
export async function plannedBackend({ backend }: { backend: BackendName | 'auto' }): Promise<BackendName> {
  return backend !== 'auto' ? backend : (await findRuntime()) ? 'tensorflow' : 'wasm';
}
