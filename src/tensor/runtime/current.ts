import { isCurrent, nativeSources } from './binding.ts';
import { findRuntime, readManifest, tensorflowDir, type Runtime } from './find.ts';
import { offer } from './release.ts';

/** Enough to copy and test a binding. A longer installation in another process is not waited for. */
const RENEWAL_MS = 30_000;

/**
 * The installed runtime, as findRuntime gives it. If an update of the product brought a prebuilt binding of other
 * sources, it takes the place of the installed one, which stays if the new one does not start. Downloads nothing.
 */
export async function currentRuntime(): Promise<Runtime | undefined> {
  const native = await nativeSources();
  const manifest = native.prebuilt ? await readManifest(tensorflowDir()) : undefined;
  const isOfRelease = manifest && manifest.version === offer(manifest.gpu).release?.version;
  if (isOfRelease && !(await isCurrent(native))) {
    const { installRuntime } = await import('./install.ts');
    const signal = AbortSignal.timeout(RENEWAL_MS);
    await installRuntime({ gpu: manifest.gpu, signal }).catch(() => undefined);
  }
  return await findRuntime();
}
