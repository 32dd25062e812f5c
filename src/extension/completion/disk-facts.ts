/**
 * Cached facts about the disk for use at each keystroke. Access to a network folder that has vanished blocks, and must
 * never block the editor.
 */
import { gpuKindsHere, installedGpuKinds } from '../../packages/gpu-packages.ts';
import { exists } from '../../platform/files/exists.ts';
import { llamaDir } from '../../platform/files/paths.ts';
import { InProgress } from '../../platform/files/in-progress.ts';
import type { GpuKind } from '../../protocol/gpu.ts';
import type { CompletionBase } from './completion-model.ts';

export class DiskFacts {
  /** Whether bases are there, by path. */
  private readonly bases = new Map<string, boolean>();
  /** The kinds of GPU that a build of llama.cpp is installed for. */
  gpuKinds: readonly GpuKind[] = [];
  /** Checks in progress. A hung one keeps a thread, so it is not started again. */
  private readonly looking = new InProgress<void>();

  /** `root`: the extension's folder. `changed`: called when it is known that a base is there, or is not. */
  constructor(
    private readonly root: string,
    private readonly changed: () => void,
  ) {}

  has({ path }: Pick<CompletionBase, 'path'>): boolean {
    return this.bases.get(path) === true;
  }

  /** False while it is not known. */
  lacks({ path }: Pick<CompletionBase, 'path'>): boolean {
    return this.bases.get(path) === false;
  }

  lookForBase({ path }: CompletionBase): Promise<void> {
    return this.looking.do(path, async () => {
      const isThere = await exists(path);
      if (isThere === this.bases.get(path)) return;
      this.bases.set(path, isThere);
      this.changed();
    });
  }

  lookForGpuKinds(): Promise<void> {
    return this.looking.do(llamaDir(), async () => {
      this.gpuKinds = await installedGpuKinds(gpuKindsHere(), this.root);
    });
  }
}
