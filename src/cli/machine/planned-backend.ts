import type { BackendName } from '../../protocol/run.ts';
import { findRuntime } from '../../tensor/runtime/find.ts';

/** The backend that `auto` will choose, unless TensorFlow is installed but does not start. */
export async function plannedBackend({ backend }: { backend: BackendName | 'auto' }): Promise<BackendName> {
  return backend !== 'auto' ? backend : (await findRuntime()) ? 'tensorflow' : 'wasm';
}
