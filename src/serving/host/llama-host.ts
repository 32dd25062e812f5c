/** llama.cpp in this process: one base in memory, many adapters on it, and a context for each model in use. */
import type { LlamaModel } from 'node-llama-cpp';
import { loadChatTemplate, type ChatTemplate } from '../../corpus/datasets/chat-template.ts';
import { loadLlamaModel, readModelFile, type ModelFile } from '../../llama-cpp/llama.ts';
import type { ComputeDevice } from '../../protocol/gpu.ts';
import { UserError } from '../../text/errors.ts';
import { HttpError } from '../http-error.ts';
import { loadError } from './adapter-check.ts';
import { hasWeights, detachWeights } from './adapter-weights.ts';
import { BaseInMemory } from './base-in-memory.ts';
import { BatchSampler, defaultSampling } from './batch-sampler.ts';
import { Catalog, type CatalogEntry } from './catalog.ts';
import { ModelContext } from './model-context.ts';
import {
  BASE_MODEL,
  type AdapterFile,
  type HostMemory,
  type HostRequest,
  type HostStatistics,
  type LlamaHost,
  type LlamaHostOptions,
  type OnText,
  type ServedModel,
  type HostCompletion,
} from '../host-types.ts';
import { identifyOnDisk } from '../identify.ts';
import { PromptState } from './prompt-state.ts';
import { keptPrompts, promptBytes } from './kept-prompts.ts';
import { load, type LoadedModel } from './load-model.ts';
import { LruMemory, type Sized } from './lru-memory.ts';
import { OnFirstUse } from './on-first-use.ts';
import { openCopy, type OpenCopy } from './open-copy.ts';
import { fittingLayers, freeOnGpu, isOutOfMemory, gpuFailure } from './place-base.ts';
import { watchForTraining } from './room-for-training.ts';
import { msg, type Text } from '../../text/message.ts';

export * from '../host-types.ts';

const DEFAULT_CONTEXT = 2048;

/**
 * Opens a base with its adapters and whole models. Only the base is loaded now; adapters and models are loaded on first
 * use. Adapter files are checked against the base before anything is offered. Throws like readModelFile, and UserError
 * `adapter-mismatch`, `adapter-damaged`, `base-unsupported-architecture` or `bad-argument` (a name is used twice).
 */
export async function openLlamaHost(options: LlamaHostOptions): Promise<LlamaHost> {
  const { basePath, adapters = [], models = [] } = options;
  const base = await readModelFile(basePath);
  const catalog = new Catalog(base);
  for (const adapter of adapters) await catalog.addAdapter(adapter);
  for (const model of models) await catalog.addModel(model);
  return Host.open(options, catalog, base);
}

/**
 * A context's graph memory per adapted matrix, over all adapters that its model has at that time. Measured with 16
 * adapters of rank 1 (llama.cpp's `graph_max_nodes`: six nodes per matrix).
 */
const GRAPH_BYTES = 10_500;

/** A context with the weights it needs: an adapter's, or those of a whole model. */
interface OpenContext extends Sized {
  context: ModelContext;
}

class Host implements LlamaHost {
  readonly statistics: HostStatistics = { requests: 0, active: 0 };
  private readonly contexts: LruMemory<OpenContext>;
  private readonly samplers = new OnFirstUse<BatchSampler>((sampler) => sampler.dispose());
  /** Models in memory besides the base: full fine-tunes. */
  private readonly wholeModels = new OnFirstUse<LoadedModel>(({ model }) => model.dispose());
  /** File versions that the contexts were opened with. */
  private readonly versions = new Map<string, string>();
  /** Memory of the last context opened on the base. */
  private contextBytes = 0;
  /** Number of matrices changed by the adapters in memory. */
  private adaptedMatrices = 0;
  private template: Promise<ChatTemplate> | undefined;
  private measuring: AbortController | undefined;
  private stopWatching: (() => void) | undefined;
  private readonly trainedContext: number;

  private constructor(
    private readonly options: LlamaHostOptions,
    private readonly catalog: Catalog,
    private readonly file: ModelFile,
    private readonly base: BaseInMemory,
    limit: number | undefined,
  ) {
    this.contexts = new LruMemory(limit);
    this.trainedContext = base.newest.model.trainContextSize;
  }

  static async open(options: LlamaHostOptions, catalog: Catalog, file: ModelFile): Promise<Host> {
    const { contextSize = DEFAULT_CONTEXT, sequences = 1, memoryLimit } = options;
    const base = await BaseInMemory.open(file, options, contextSize * sequences);
    // Contexts are in the GPU's memory, which may be the smaller one.
    const limit = base.isOnGpu
      ? Math.min(memoryLimit ?? Infinity, await freeOnGpu(base.newest.model))
      : memoryLimit;
    const host = new Host(options, catalog, file, base, limit);
    if (base.isOnGpu) host.stopWatching = watchForTraining(() => host.leaveGpu());
    return host;
  }

  get models(): readonly string[] {
    return this.catalog.names;
  }

  get served(): readonly ServedModel[] {
    return this.catalog.models;
  }

  get memory(): HostMemory {
    const { size, bytes, evictions } = this.contexts;
    return { contexts: size, bytes, evictions };
  }

  get threads(): number {
    return this.base.threads;
  }

  get device(): ComputeDevice {
    return this.base.device;
  }

  gpuMayBeFree(): Promise<boolean> {
    return this.base.gpuMayBeFree();
  }

  get fillInTheMiddle(): boolean {
    return this.base.newest.vocabulary.fill !== undefined;
  }

  get contextSize(): number {
    return Math.min(this.options.contextSize ?? DEFAULT_CONTEXT, this.trainedContext);
  }

  chatTemplate(): Promise<ChatTemplate> {
    const started = this.base.newest.vocabulary.bos !== undefined;
    return (this.template ??= loadChatTemplate(this.file.metadata, { started }).catch((error: unknown) => {
      this.template = undefined;
      throw error;
    }));
  }

  async encode(text: string): Promise<Int32Array> {
    return Int32Array.from((await this.base.get()).model.tokenize(text, false));
  }

  async addAdapter(adapter: AdapterFile, replace = false): Promise<void> {
    await this.catalog.addAdapter(adapter, replace);
    if (replace) await this.contexts.retire(adapter.name);
  }

  async removeAdapter(name: string): Promise<boolean> {
    if (!this.catalog.remove(name)) return false;
    await this.contexts.retire(name);
    return true;
  }

  complete(request: HostRequest, signal?: AbortSignal, onText?: OnText): Promise<HostCompletion> {
    return this.count(() => this.completeOrMove(request, signal, onText));
  }

  /** If the GPU fails, the base leaves it, and the request begins anew unless a part of its answer was sent. */
  private async completeOrMove(
    request: HostRequest,
    signal?: AbortSignal,
    onText?: OnText,
  ): Promise<HostCompletion> {
    const { backend } = this.device;
    let isSent = false;
    const send: OnText = (piece, logProbabilities) => {
      isSent = true;
      onText?.(piece, logProbabilities);
    };
    const work = ({ context }: OpenContext) => context.complete(request, signal, onText && send);
    const ask = () => this.use(request.model, work, signal);
    try {
      return await ask();
    } catch (error) {
      const isOurs = error instanceof UserError || error instanceof HttpError || signal?.aborted;
      if (backend === 'cpu' || isOurs) throw error;
      // A driver that lost its device, or whose memory was too full once, fails at everything from then on.
      this.move(gpuFailure(backend, error));
      if (isSent) throw error;
      return ask();
    }
  }

  sample(request: HostRequest, signal?: AbortSignal): Promise<HostCompletion> {
    const open = () => this.openSampler(request.model);
    return this.count(async () => (await this.samplers.get(request.model, open)).sample(request, signal));
  }

  private async count<T>(work: () => Promise<T>): Promise<T> {
    this.measuring?.abort();
    this.statistics.requests += 1;
    this.statistics.active += 1;
    try {
      return await work();
    } finally {
      this.statistics.active -= 1;
    }
  }

  distributions(model: string, tokens: Int32Array, signal?: AbortSignal): Promise<Float32Array[]> {
    return this.use(model, ({ context }) => context.distributions(tokens, signal), signal);
  }

  /** Calls `work` with the context of a model; opens it if it is not in memory or its file was replaced. */
  private async use<R>(
    name: string,
    work: (openContext: OpenContext) => Promise<R>,
    signal?: AbortSignal,
  ): Promise<R> {
    let entry: CatalogEntry | undefined;
    try {
      entry = await this.catalog.find(name);
    } catch (error) {
      await this.contexts.retire(name);
      throw error;
    }
    const version = entry?.version ?? '';
    if (this.versions.get(name) !== version) await this.contexts.retire(name);
    this.versions.set(name, version);
    if (entry?.kind === 'adapter') this.options.folded?.noteUse(entry);
    const used = this.contexts.use(
      name,
      {
        open: () => this.openOrMove(entry),
        expected: () => this.contextBytes + this.extraBytes(entry),
      },
      work,
      signal,
    );
    // If the model was removed meanwhile, its context will not be used again.
    return used.finally(() => (this.models.includes(name) ? undefined : this.contexts.retire(name)));
  }

  /** Bytes that a context needs in addition to the memory that llama.cpp reports. */
  private extraBytes(entry: CatalogEntry | undefined): number {
    if (entry?.kind === 'model') return entry.bytes;
    return (entry?.bytes ?? 0) + GRAPH_BYTES * (this.adaptedMatrices + (entry?.linears ?? 0));
  }

  private async openOrMove(entry: CatalogEntry | undefined): Promise<OpenContext> {
    const { backend } = this.device;
    try {
      return await this.openContext(entry);
    } catch (error) {
      // Another program, such as a training, may have taken the free memory.
      if (backend === 'cpu' || !isOutOfMemory(error)) throw error;
      this.move(gpuFailure(backend, error), entry?.name ?? BASE_MODEL);
      return await this.openContext(entry);
    }
  }

  /** Moves to the processor, for a training. Returns false while a request is computed. */
  private leaveGpu(): boolean {
    if (this.statistics.active > 0 || this.samplers.size > 0) return false;
    this.move(msg`A training run needs the GPU's memory.`);
    return true;
  }

  /** Moves to the processor, unless it has or does already. The context of the model `opening` is not open. */
  private move(why: Text, opening?: string): void {
    this.measuring?.abort();
    this.base.move(why, async () => {
      this.stopWatching?.();
      // Concurrently, so that no request in between finds a context still open on the GPU.
      const others = this.models.filter((model) => model !== opening);
      await Promise.all(others.map((name) => this.contexts.retire(name)));
      await this.wholeModels.dropAll();
      return this.contexts.size === 0 && this.samplers.size === 0;
    });
  }

  private async openContext(entry: CatalogEntry | undefined): Promise<OpenContext> {
    // A whole model waits as well: until the base has left the GPU, all models there are dropped.
    const base = await this.base.get();
    if (entry?.kind === 'model') return this.openOn(await this.wholeModel(entry), entry);
    return (entry && (await this.openFolded(entry, base))) ?? this.openOn(base, entry, entry);
  }

  /** Throws like readModelFile and load. */
  private wholeModel({ name, path }: CatalogEntry): Promise<LoadedModel> {
    return this.wholeModels.get(name, async () => {
      const file = await readModelFile(path);
      const { sequences = 1 } = this.options;
      const onGpu = { gpuLayers: fittingLayers(this.contextSize * sequences) };
      return load(file, () => loadLlamaModel(file, this.base.isOnGpu ? onGpu : undefined));
    });
  }

  private openFolded(entry: CatalogEntry, base: LoadedModel): Promise<OpenContext | undefined> | undefined {
    const { folded, memoryLimit = Infinity } = this.options;
    if (!folded || entry.scale !== 1 || this.base.isOnGpu) return undefined;
    const room = memoryLimit - this.contexts.bytes - this.contextBytes;
    return openCopy(folded, entry, base, room, (copy) =>
      this.openOn(copy.loaded, entry, copy.residualAdapter, copy),
    );
  }

  /** Opens a context of a model in memory with `adapter` on it. */
  private async openOn(
    { model, vocabulary }: LoadedModel,
    entry: CatalogEntry | undefined,
    adapter?: AdapterFile,
    copy?: OpenCopy,
  ): Promise<OpenContext> {
    const { sequences = 1 } = this.options;
    const options = {
      contextSize: this.contextSize,
      sequences: sequences + (await this.keptPromptsFor(model)),
      threads: this.threads,
      promptState: await this.promptStateFor(model, entry, copy),
    };
    // A sampler's contexts share these weights and keep them.
    const shared = adapter !== undefined && hasWeights(model, adapter.path);
    const context = await ModelContext.open(model, vocabulary, options, adapter).catch((error: unknown) => {
      throw adapter ? loadError(adapter, error) : error;
    });
    const weights = adapter && !shared ? detachWeights(model, adapter.path) : undefined;
    if (!copy && entry?.kind !== 'model') this.contextBytes = context.bytes;
    const bytes = context.bytes + (copy?.bytes ?? this.extraBytes(entry));
    const linears = copy ? 0 : (entry?.linears ?? 0);
    this.adaptedMatrices += linears;
    return {
      context,
      bytes,
      dispose: async () => {
        await context.dispose();
        await weights?.dispose();
        await copy?.loaded.model.dispose();
        this.adaptedMatrices -= linears;
        if (entry?.kind === 'model' && !this.samplers.has(entry.name))
          await this.wholeModels.drop(entry.name);
      },
    };
  }

  /** Number of prompts that a context of `model` keeps besides those being computed. */
  private keptPromptsFor(model: LlamaModel): Promise<number> {
    const { keptPrompts: most = 0, memoryLimit } = this.options;
    const wanted = this.base.isOnGpu ? 0 : most;
    return keptPrompts(model, { requested: wanted, contextSize: this.contextSize, limit: memoryLimit });
  }

  /** Where the last prompt is saved; undefined with a GPU, which is just as fast. */
  private async promptStateFor(
    model: LlamaModel,
    entry: CatalogEntry | undefined,
    copy?: OpenCopy,
  ): Promise<PromptState | undefined> {
    if (!this.options.keepOnDisk || this.base.isOnGpu) return undefined;
    const version = entry && (await identifyOnDisk(entry.path));
    const parts = [this.base.newest.version, version ?? '', entry?.scale ?? 1, this.contextSize];
    const bytesPerToken = (await promptBytes(model, this.contextSize)) / this.contextSize;
    return new PromptState([...parts, ...(copy ? [copy.path] : [])], bytesPerToken);
  }

  private async openSampler(name: string): Promise<BatchSampler> {
    const entry = await this.catalog.find(name);
    const options = { contextSize: this.contextSize, ...defaultSampling(), ...this.options.sampling };
    options.contextSize = Math.min(options.contextSize, this.trainedContext);
    const adapter = entry?.kind === 'adapter' ? entry : undefined;
    const { model, vocabulary } =
      entry?.kind === 'model' ? await this.wholeModel(entry) : await this.base.get();
    return BatchSampler.open(model, vocabulary, options, adapter).catch((error: unknown) => {
      throw adapter ? loadError(adapter, error) : error;
    });
  }

  async unload(name: string): Promise<void> {
    await this.samplers.drop(name);
    await this.contexts.retire(name);
    await this.wholeModels.drop(name);
  }

  async measureThreads(): Promise<boolean> {
    this.measuring = new AbortController();
    const { isQuiet, hasChanged } = await this.base.measureThreads(this.measuring.signal);
    // They are opened again with that number, and with their saved prompts if any.
    if (hasChanged) for (const name of this.models) await this.contexts.retire(name);
    return isQuiet;
  }

  async dispose(): Promise<void> {
    this.stopWatching?.();
    this.measuring?.abort();
    await this.base.settled();
    await this.contexts.dispose();
    await this.samplers.dropAll();
    await this.wholeModels.dropAll();
    await this.base.dispose();
  }
}
