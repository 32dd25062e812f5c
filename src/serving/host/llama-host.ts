/** llama.cpp in this process: one base in memory, many adapters on it, and a context for each model in use. */
import type { LlamaModel } from 'node-llama-cpp';
import { loadChatTemplate, type ChatTemplate } from '../../corpus/datasets/chat-template.ts';
import { readModelFile, type ModelFile } from '../../llama-cpp/llama.ts';
import type { ComputeDevice } from '../../protocol/gpu.ts';
import { UserError } from '../../text/errors.ts';
import { HttpError } from '../http-error.ts';
import { loadError } from './adapter-check.ts';
import { hasWeights, detachWeights } from './adapter-weights.ts';
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
import { hasCrashed } from './gpu-guard.ts';
import { loadPlaced, threadsFor, type LoadedModel } from './load-model.ts';
import { LruMemory, type Sized } from './lru-memory.ts';
import { openCopy, type OpenCopy } from './open-copy.ts';
import {
  dropGpu,
  fittingLayers,
  freeOnGpu,
  isOutOfMemory,
  onProcessor,
  placeBase,
  gpuFailure,
  type PlacedBase,
} from './place-base.ts';
import { watchForTraining } from './room-for-training.ts';
import { watchLoad } from '../../platform/machine/machine-load.ts';
import { trainingNow } from '../../runs/index.ts';
import { measureThreads } from '../threads/threads.ts';
import { WholeModels } from './whole-models.ts';
import { msg, type Text, textOf, withTexts } from '../../text/message.ts';

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
  private readonly samplers = new Map<string, Promise<BatchSampler>>();
  private readonly wholeModels = new WholeModels(() => {
    const { sequences = 1 } = this.options;
    return this.placed.layers > 0 ? { gpuLayers: fittingLayers(this.contextSize * sequences) } : undefined;
  });
  /** File versions that the contexts were opened with. */
  private readonly versions = new Map<string, string>();
  /** Memory of the last context opened on the base. */
  private contextBytes = 0;
  /** Number of matrices changed by the adapters in memory. */
  private adaptedMatrices = 0;
  private template: Promise<ChatTemplate> | undefined;
  /** Models whose contexts may still be in use, although the base was moved. */
  private readonly abandonedModels: LlamaModel[] = [];
  /** The base has left the GPU; it is loaded on the processor when needed. */
  private moving = false;
  private loading: Promise<LoadedModel> | undefined;
  private measuring: AbortController | undefined;
  private stopWatching: (() => void) | undefined;
  private readonly trainedContext: number;

  private constructor(
    private readonly options: LlamaHostOptions,
    private readonly catalog: Catalog,
    private readonly file: ModelFile,
    private base: LoadedModel,
    private placed: PlacedBase['used'],
    public threads: number,
    private awaits: PlacedBase['awaits'],
    limit: number | undefined,
  ) {
    this.contexts = new LruMemory(limit);
    this.trainedContext = base.model.trainContextSize;
  }

  static async open(options: LlamaHostOptions, catalog: Catalog, file: ModelFile): Promise<Host> {
    const { gpu = 'off', contextSize = DEFAULT_CONTEXT, sequences = 1, memoryLimit, mapped } = options;
    const others = watchLoad();
    const { base, used, awaits } = await loadPlaced(file, () =>
      placeBase(file, { gpu, mapped, tokens: contextSize * sequences }),
    );
    const threads = await threadsFor(base.model, used, options, others());
    // Contexts are in the GPU's memory, which may be the smaller one.
    const limit =
      used.layers > 0 ? Math.min(memoryLimit ?? Infinity, await freeOnGpu(base.model)) : memoryLimit;
    const host = new Host(options, catalog, file, base, used, threads, awaits, limit);
    if (used.layers > 0) host.stopWatching = watchForTraining(() => host.leaveGpu());
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

  get device(): ComputeDevice {
    return { ...this.placed, threads: this.threads };
  }

  async gpuMayBeFree(): Promise<boolean> {
    const { awaits } = this;
    if (awaits === undefined) return false;
    return awaits === 'training' ? (await trainingNow()) === undefined : !(await hasCrashed(awaits));
  }

  get fillInTheMiddle(): boolean {
    return this.base.vocabulary.fill !== undefined;
  }

  get contextSize(): number {
    return Math.min(this.options.contextSize ?? DEFAULT_CONTEXT, this.trainedContext);
  }

  chatTemplate(): Promise<ChatTemplate> {
    const started = this.base.vocabulary.bos !== undefined;
    return (this.template ??= loadChatTemplate(this.file.metadata, { started }).catch((error: unknown) => {
      this.template = undefined;
      throw error;
    }));
  }

  async encode(text: string): Promise<Int32Array> {
    return Int32Array.from((await this.baseInMemory()).model.tokenize(text, false));
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
    const { backend } = this.placed;
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
    return this.count(async () => (await this.sampler(request.model)).sample(request, signal));
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
    const { backend } = this.placed;
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

  /** Moves to the processor, unless it has or does already; requests wait meanwhile. */
  private move(why: Text, opening?: string): void {
    if (this.placed.layers === 0) return;
    this.measuring?.abort();
    this.moving = true;
    this.loading = this.moveToProcessor(why, opening)
      .then(() => this.loadOnProcessor())
      .finally(() => (this.loading = undefined));
    // The next request tries again.
    this.loading.catch(() => undefined);
  }

  /** Leaves the GPU. Contexts there finish their answers; that of `opening` is not open. */
  private async moveToProcessor(why: Text, opening?: string): Promise<void> {
    this.stopWatching?.();
    this.placed = { ...this.placed, backend: 'cpu', devices: [], layers: 0, ...withTexts({ why }) };
    this.abandonedModels.push(this.base.model);
    // Concurrently, so that no request in between finds a context still open on the GPU.
    const others = this.models.filter((model) => model !== opening);
    await Promise.all(others.map((name) => this.contexts.retire(name)));
    for (const name of this.wholeModels.names) await this.wholeModels.drop(name);
    // The GPU can't be released while a context computes there.
    if (this.contexts.size === 0 && this.samplers.size === 0) {
      await this.abandonedModels.pop()!.dispose();
      await dropGpu();
    }
    if (await trainingNow()) this.awaits = 'training';
  }

  /** The base in memory. If it doesn't fit now, the next request tries again. */
  private baseInMemory(): Promise<LoadedModel> {
    if (!this.moving) return Promise.resolve(this.base);
    return (this.loading ??= this.loadOnProcessor().finally(() => (this.loading = undefined)));
  }

  private async loadOnProcessor(): Promise<LoadedModel> {
    const others = watchLoad();
    const { base, used } = await loadPlaced(this.file, () =>
      onProcessor(this.file, textOf(this.placed, 'why')),
    );
    this.base = base;
    this.placed = used;
    this.moving = false;
    this.threads = await threadsFor(base.model, used, this.options, others());
    this.options.onMoved?.(this.device);
    return base;
  }

  private async openContext(entry: CatalogEntry | undefined): Promise<OpenContext> {
    const base = await this.baseInMemory();
    if (entry?.kind === 'model')
      return this.openOn(await this.wholeModels.get(entry.name, entry.path), entry);
    return (entry && (await this.openFolded(entry, base))) ?? this.openOn(base, entry, entry);
  }

  private openFolded(entry: CatalogEntry, base: LoadedModel): Promise<OpenContext | undefined> | undefined {
    const { folded, memoryLimit = Infinity } = this.options;
    if (!folded || entry.scale !== 1 || this.placed.layers > 0) return undefined;
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
    const wanted = this.placed.layers > 0 ? 0 : most;
    return keptPrompts(model, { requested: wanted, contextSize: this.contextSize, limit: memoryLimit });
  }

  /** Where the last prompt is saved; undefined with a GPU, which is just as fast. */
  private async promptStateFor(
    model: LlamaModel,
    entry: CatalogEntry | undefined,
    copy?: OpenCopy,
  ): Promise<PromptState | undefined> {
    if (!this.options.keepOnDisk || this.placed.layers > 0) return undefined;
    const version = entry && (await identifyOnDisk(entry.path));
    const parts = [this.base.version, version ?? '', entry?.scale ?? 1, this.contextSize];
    const bytesPerToken = (await promptBytes(model, this.contextSize)) / this.contextSize;
    return new PromptState([...parts, ...(copy ? [copy.path] : [])], bytesPerToken);
  }

  /** The sampler of a model, created on first use; if that fails, the next call tries again. */
  private async sampler(name: string): Promise<BatchSampler> {
    let sampler = this.samplers.get(name);
    if (!sampler) {
      sampler = this.openSampler(name);
      this.samplers.set(name, sampler);
      sampler.catch(() => this.samplers.delete(name));
    }
    return sampler;
  }

  private async openSampler(name: string): Promise<BatchSampler> {
    const entry = await this.catalog.find(name);
    const options = { contextSize: this.contextSize, ...defaultSampling(), ...this.options.sampling };
    options.contextSize = Math.min(options.contextSize, this.trainedContext);
    const adapter = entry?.kind === 'adapter' ? entry : undefined;
    const { model, vocabulary } =
      entry?.kind === 'model'
        ? await this.wholeModels.get(entry.name, entry.path)
        : await this.baseInMemory();
    return BatchSampler.open(model, vocabulary, options, adapter).catch((error: unknown) => {
      throw adapter ? loadError(adapter, error) : error;
    });
  }

  async unload(name: string): Promise<void> {
    const sampler = this.samplers.get(name);
    this.samplers.delete(name);
    await sampler?.then((sampler) => sampler.dispose()).catch(() => undefined);
    await this.contexts.retire(name);
    await this.wholeModels.drop(name);
  }

  async measureThreads(): Promise<boolean> {
    const { threads: wanted, basePath } = this.options;
    if (wanted !== 'later' || this.placed.layers === this.placed.ofLayers) return true;
    const controller = new AbortController();
    this.measuring = controller;
    const { model } = await this.baseInMemory();
    const { threads, isQuiet: quiet } = await measureThreads(model, basePath, { signal: controller.signal });
    controller.signal.throwIfAborted();
    if (!quiet || threads === this.threads) return quiet;
    this.threads = threads;
    // They are reopened with that number, and with their saved prompts if any.
    for (const name of this.models) await this.contexts.retire(name);
    return true;
  }

  async dispose(): Promise<void> {
    this.stopWatching?.();
    this.measuring?.abort();
    await this.loading?.catch(() => undefined);
    await this.contexts.dispose();
    for (const sampler of this.samplers.values())
      await sampler.then((sampler) => sampler.dispose()).catch(() => undefined);
    this.samplers.clear();
    for (const name of this.wholeModels.names) await this.wholeModels.drop(name);
    for (const model of [...this.abandonedModels, this.base.model]) await model.dispose();
  }
}
