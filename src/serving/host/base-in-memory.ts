/** The base in memory: on the GPU, or on the processor, to which it moves if the GPU fails or a training needs it. */
import type { LlamaModel } from 'node-llama-cpp';
import type { ModelFile } from '../../llama-cpp/llama.ts';
import { watchLoad } from '../../platform/machine/machine-load.ts';
import type { ComputeDevice } from '../../protocol/gpu.ts';
import { trainingNow } from '../../runs/index.ts';
import { type Text, textOf, withTexts } from '../../text/message.ts';
import type { LlamaHostOptions } from '../host-types.ts';
import { measureThreads } from '../threads/threads.ts';
import { hasCrashed } from './gpu-guard.ts';
import { loadPlaced, threadsFor, type LoadedModel } from './load-model.ts';
import { dropGpu, onProcessor, placeBase, type PlacedBase } from './place-base.ts';

export class BaseInMemory {
  /** Models whose contexts may still be in use, although the base was moved. */
  private readonly abandoned: LlamaModel[] = [];
  /** It has left the GPU, and is loaded on the processor when needed. */
  private moving = false;
  private loading: Promise<LoadedModel> | undefined;

  private constructor(
    private readonly file: ModelFile,
    private readonly options: LlamaHostOptions,
    private loaded: LoadedModel,
    private used: PlacedBase['used'],
    /** Threads of each context. */
    public threads: number,
    private awaits: PlacedBase['awaits'],
  ) {}

  /** `tokens`: of a context, over all its sequences. Throws like placeBase. */
  static async open(file: ModelFile, options: LlamaHostOptions, tokens: number): Promise<BaseInMemory> {
    const { gpu = 'off', mapped } = options;
    const others = watchLoad();
    const { base, used, awaits } = await loadPlaced(file, () => placeBase(file, { gpu, mapped, tokens }));
    const threads = await threadsFor(base.model, used, options, others());
    return new BaseInMemory(file, options, base, used, threads, awaits);
  }

  /** As it was loaded last; it may have left the memory since. */
  get newest(): LoadedModel {
    return this.loaded;
  }

  get device(): ComputeDevice {
    return { ...this.used, threads: this.threads };
  }

  /** Whether any of it is on a GPU. */
  get isOnGpu(): boolean {
    return this.used.layers > 0;
  }

  async gpuMayBeFree(): Promise<boolean> {
    const { awaits } = this;
    if (awaits === undefined) return false;
    return awaits === 'training' ? (await trainingNow()) === undefined : !(await hasCrashed(awaits));
  }

  /** If it doesn't fit into memory now, the next call tries again. */
  get(): Promise<LoadedModel> {
    if (!this.moving) return Promise.resolve(this.loaded);
    return (this.loading ??= this.loadOnProcessor().finally(() => (this.loading = undefined)));
  }

  /**
   * Moves to the processor, unless it has or does already; `get` waits meanwhile. `empty` closes what is open on it, and
   * returns whether nothing computes there any more.
   */
  move(why: Text, empty: () => Promise<boolean>): void {
    if (!this.isOnGpu) return;
    this.moving = true;
    this.loading = this.leaveGpu(why, empty)
      .then(() => this.loadOnProcessor())
      .finally(() => (this.loading = undefined));
    // The next request tries again.
    this.loading.catch(() => undefined);
  }

  private async leaveGpu(why: Text, empty: () => Promise<boolean>): Promise<void> {
    this.used = { ...this.used, backend: 'cpu', devices: [], layers: 0, ...withTexts({ why }) };
    this.abandoned.push(this.loaded.model);
    // The GPU can't be released while a context computes there.
    if (await empty()) {
      await this.abandoned.pop()!.dispose();
      await dropGpu();
    }
    if (await trainingNow()) this.awaits = 'training';
  }

  private async loadOnProcessor(): Promise<LoadedModel> {
    const others = watchLoad();
    const { base, used } = await loadPlaced(this.file, () =>
      onProcessor(this.file, textOf(this.used, 'why')),
    );
    this.loaded = base;
    this.used = used;
    this.moving = false;
    this.threads = await threadsFor(base.model, used, this.options, others());
    this.options.onMoved?.(this.device);
    return base;
  }

  /**
   * With `threads: 'later'`: finds the fastest number. `isQuiet`: false if the machine was too busy for that.
   * `hasChanged`: contexts have to be opened again. Throws the signal's reason.
   */
  async measureThreads(signal: AbortSignal): Promise<{ isQuiet: boolean; hasChanged: boolean }> {
    const { layers, ofLayers } = this.used;
    if (this.options.threads !== 'later' || layers === ofLayers) return { isQuiet: true, hasChanged: false };
    const { model } = await this.get();
    const { threads, isQuiet } = await measureThreads(model, this.options.basePath, { signal });
    signal.throwIfAborted();
    const hasChanged = isQuiet && threads !== this.threads;
    if (hasChanged) this.threads = threads;
    return { isQuiet, hasChanged };
  }

  /** Resolves when it does not move any more. */
  async settled(): Promise<void> {
    await this.loading?.catch(() => undefined);
  }

  async dispose(): Promise<void> {
    for (const model of [...this.abandoned, this.loaded.model]) await model.dispose();
  }
}
